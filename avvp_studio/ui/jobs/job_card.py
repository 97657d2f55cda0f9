"""One job in the list: what it is, how far it is, and buttons to end it."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.domain.job import JobState, JobStatus
from avvp_studio.ui.theme import Theme

_STAGES = {
    "load": "Loading features",
    "extract": "Extracting features",
    "render": "Making clips",
    "fetch": "Fetching weights",
    "train": "Training",
    "parse": "Parsing clips",
}
_UNITS = {"fetch": " MB"}
"""What a stage counts, where that is not to be seen from its name."""
_NOTES_SHOWN = 20
FINISH_TIP = "Train this epoch to its end, then parse the clips by the best checkpoint so far."
STOP_TRAINING_TIP = "Stop in the middle of the epoch: the checkpoints so far are kept, and no clip is parsed."
STOP_TIP = "Stop after the current step; what was made is kept."


class _Button(QToolButton):
    """A button that keeps the keys that press it to itself: in the window, the space bar plays."""

    _KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)

    def __init__(self, text: str, tip: str) -> None:
        super().__init__()
        self.setText(text)
        self.setToolTip(tip)
        self.setMinimumWidth(40)  # in a narrow panel it must not push the card out of view
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def event(self, event: QEvent) -> bool:
        is_override = event.type() is QEvent.Type.ShortcutOverride
        if is_override and isinstance(event, QKeyEvent) and event.key() in self._KEYS:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in self._KEYS:
            self.click()
        else:
            super().keyPressEvent(event)


class _Title(QLabel):
    """A line of text without its middle, where there is no room for it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())
        with QPainter(self) as painter:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, shown)


class JobCard(QFrame):
    """A card that shows a status. A click on it, or Enter, asks to see the job's curves."""

    selected = Signal(str)
    finish_requested = Signal(str)
    """The training should end well after the epoch under way."""
    stop_requested = Signal(str)

    def __init__(self, status: JobStatus, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("jobCard")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._name = status.name
        self._theme = theme
        self._is_current = False
        self._title = _Title()
        self._state = QLabel()
        self._finish = _Button("Finish this epoch", FINISH_TIP)
        self._finish.clicked.connect(lambda: self.finish_requested.emit(self._name))
        self._stop = _Button("Stop", STOP_TIP)
        self._stop.clicked.connect(lambda: self.stop_requested.emit(self._name))
        self._progress = QProgressBar(textVisible=False)
        self._progress.setFixedHeight(4)
        self._detail = QLabel(wordWrap=True)
        self._detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._arrange()
        self.show_status(status)

    def _arrange(self) -> None:
        top, foot = QHBoxLayout(), QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._title, 1)
        top.addWidget(self._state)
        foot.setSpacing(6)
        foot.addWidget(self._finish)
        foot.addWidget(self._stop)
        foot.addStretch(1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(10, 8, 10, 8)
        rows.setSpacing(6)
        rows.addLayout(top)
        rows.addWidget(self._progress)
        rows.addWidget(self._detail)
        rows.addLayout(foot)

    def show_status(self, status: JobStatus, *, is_stopping: bool = False, is_finishing: bool = False) -> None:
        """Show where a job is, and whether somebody asked it to end."""
        state = "stopping" if is_stopping else "finishing" if is_finishing else _state_text(status)
        self._title.setText(status.title)
        self._title.setToolTip(f"{status.title}\n{status.name}")
        self._state.setText(state)
        self._state.setStyleSheet(f"color: {_state_colour(status, self._theme)}")
        is_running = status.state is JobState.RUNNING
        self._finish.setVisible(status.can_finish)
        self._finish.setEnabled(not (is_finishing or is_stopping))
        self._stop.setText("Stop now" if status.can_finish else "Stop")
        self._stop.setToolTip(STOP_TRAINING_TIP if status.can_finish else STOP_TIP)
        self._stop.setVisible(not status.state.is_over)
        self._stop.setEnabled(not is_stopping)
        self._progress.setVisible(is_running)
        fraction = status.fraction
        self._progress.setRange(0, 0 if fraction is None else 1000)
        self._progress.setValue(0 if fraction is None else round(1000 * fraction))
        self._detail.setText(describe(status, is_finishing=is_finishing and not is_stopping))
        self._detail.setToolTip(_notes_text(status.notes))
        self._detail.setStyleSheet(
            f"color: {self._theme.danger if status.state is JobState.FAILED else self._theme.text_muted}"
        )
        self.setAccessibleName(f"{status.title}, {state}")
        self._paint_frame()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme

    def set_current(self, is_current: bool) -> None:
        self._is_current = is_current
        self._paint_frame()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.selected.emit(self._name)
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.selected.emit(self._name)
        else:
            super().keyPressEvent(event)

    def _paint_frame(self) -> None:
        theme = self._theme
        edge = theme.accent if self._is_current else theme.border
        button = f"background: {theme.surface}; border: 1px solid {theme.border}; padding: 2px 6px"
        self.setStyleSheet(
            f"#jobCard {{ background: {theme.raised}; border: 1px solid {edge}; border-radius: 6px }}"
            f"QToolButton {{ {button} }}"
            f"QToolButton:hover {{ background: {theme.hover} }}"
            f"QToolButton:focus {{ border-color: {theme.accent} }}"
        )


def describe(status: JobStatus, *, is_finishing: bool = False) -> str:
    """One line under a job's title: where it is, how long it will take, or how it ended."""
    if status.state is JobState.QUEUED:
        return "Waits for the job before it"
    if status.state is JobState.RUNNING:
        left = f" · {duration_text(status.eta_s)} left" if status.eta_s is not None else ""
        if is_finishing:
            left = f" · ends after epoch {status.current_epoch}"
        return f"{_where(status)}{left}"
    if status.state is JobState.FAILED:
        return status.error
    took = f"{duration_text(status.ended - status.started)}" if status.started and status.ended else ""
    when = time.strftime("%d %b %H:%M", time.localtime(status.ended)) if status.ended else ""
    was_dropped = status.state is JobState.STOPPED and status.started is None
    parts = [
        when,
        "had not begun" if was_dropped else "",
        f"took {took}" if took else "",
        "ended early, after epoch {} of {}".format(*status.early_end) if status.early_end else "",
        _score_text(status),
    ]
    said = [" · ".join(part for part in parts if part), _failures_text(status)]
    return "\n".join(line for line in said if line)


def _failures_text(status: JobStatus) -> str:
    """Which clips an extraction left without features: the first with its reason, the others in the tooltip."""
    failures = status.failures
    if not failures:
        return ""
    clip, reason = next(iter(failures.items()))
    others = f", and {len(failures) - 1:,} more" if len(failures) > 1 else ""
    return f"No features of {clip}{others}: {reason}"


def _where(status: JobStatus) -> str:
    """The stage that a running job is in, and how far it is there; of a training, in epochs."""
    stage = _STAGES.get(status.stage, status.stage.capitalize()) or "Starting"
    if status.stage == "train":
        return f"{stage}, epoch {status.current_epoch} of {status.planned_epochs}"
    if status.stage == "extract" and status.detail:  # it counts seconds of media
        return f"{stage}, {status.detail}"
    unit = _UNITS.get(status.stage, "")
    return f"{stage} {status.done:,} of {status.total:,}{unit}" if status.total else stage


def _score_text(status: JobStatus) -> str:
    """The number to know a parser by; where truth is audio-visual only there is no Type@AV."""
    for kind in ("Type@AV", "AV"):
        score = dict(status.metrics).get(f"val/segment/{kind}")
        if score is not None:
            return f"val {kind} {score:.1f}"
    return ""


def duration_text(seconds: float) -> str:
    """A duration as a person says it: "8 s", "2 min 5 s", "1 h 20 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _notes_text(notes: tuple[str, ...]) -> str:
    """What a job noted: a tooltip that is higher than the screen cannot be read."""
    more = [f"and {len(notes) - _NOTES_SHOWN:,} more"] if len(notes) > _NOTES_SHOWN else []
    return "\n".join([*notes[:_NOTES_SHOWN], *more])


def _state_text(status: JobStatus) -> str:
    """The state; of an extraction that ended well but for some files, how many of them failed."""
    failed = len(status.failures)
    if status.state is not JobState.FINISHED or not failed:
        return status.state.value
    return f"{failed:,} of {max(failed, status.files):,} failed"


def _state_colour(status: JobStatus, theme: Theme) -> str:
    if status.state is JobState.FINISHED and status.failures:
        return theme.warning
    return {
        JobState.RUNNING: theme.accent,
        JobState.FINISHED: theme.success,
        JobState.FAILED: theme.danger,
    }.get(status.state, theme.text_muted)
