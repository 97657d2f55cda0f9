"""The panel of jobs: start a training, watch it, stop it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.domain.job import JobState, JobStatus
from avvp_studio.jobs import Jobs
from avvp_studio.ui.jobs.curves import Curves
from avvp_studio.ui.jobs.job_card import JobCard
from avvp_studio.ui.theme import Theme


class JobPanel(QWidget):
    """The jobs of the project, the newest first, and the curves of the chosen one."""

    train_requested = Signal()
    title_changed = Signal(str)
    """The panel's tab should say this: how many jobs are under way can be seen without opening it."""

    def __init__(self, jobs: Jobs, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._jobs = jobs
        self._theme = theme
        self._cards: dict[str, JobCard] = {}
        self._chosen: str | None = None
        self._title = ""
        self._train = QPushButton("Train…")
        self._train.setToolTip("Train a parser on the current labels")
        self._train.setProperty("role", "primary")
        self._train.clicked.connect(self.train_requested)
        self._summary = QLabel()
        self._empty = QLabel(
            "No training yet. Correct some labels, then train:\nthe new tracks appear beside the old ones.",
            alignment=Qt.AlignmentFlag.AlignCenter,
            wordWrap=True,
        )
        self._list = QVBoxLayout()
        self._list.setContentsMargins(8, 0, 8, 8)
        self._list.setSpacing(6)
        self._curves = Curves(theme)
        self._build()
        jobs.jobs_changed.connect(self._on_jobs_changed)
        jobs.job_changed.connect(self._on_job_changed)
        self._on_jobs_changed()

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(8, 8, 8, 4)
        top.addWidget(self._summary, 1)
        top.addWidget(self._train)
        cards = QWidget()
        column = QVBoxLayout(cards)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._empty)
        column.addLayout(self._list)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(cards)
        scroll.setMinimumHeight(90)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(scroll)
        splitter.addWidget(self._curves)
        splitter.setSizes([240, 300])
        splitter.setStretchFactor(1, 1)  # a tall window is for the curves
        splitter.setChildrenCollapsible(False)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(4)
        rows.addLayout(top)
        rows.addWidget(splitter, 1)

    @property
    def title(self) -> str:
        return self._title

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._curves.set_theme(theme)
        for name, card in self._cards.items():
            card.set_theme(theme)
            self._on_job_changed(name)

    def _on_jobs_changed(self) -> None:
        statuses = self._jobs.statuses
        names = [status.name for status in statuses]
        for name in [name for name in self._cards if name not in names]:
            card = self._cards.pop(name)
            self._list.removeWidget(card)
            card.deleteLater()
        for place, status in enumerate(statuses):
            if status.name not in self._cards:
                self._cards[status.name] = self._new_card(status)
                self._list.insertWidget(place, self._cards[status.name])
                if not status.state.is_over:
                    self._chosen = status.name
        if self._chosen not in self._cards:
            self._chosen = next(iter(names), None)
        self._empty.setVisible(not names)
        self._show_all()

    def _new_card(self, status: JobStatus) -> JobCard:
        card = JobCard(status, self._theme)
        self._show_card(card, status)
        card.selected.connect(self._on_selected)
        card.finish_requested.connect(self._on_finish_requested)
        card.stop_requested.connect(self._on_stop_requested)
        return card

    def _on_job_changed(self, name: str) -> None:
        status, card = self._jobs.status(name), self._cards.get(name)
        if status is None or card is None:
            return
        self._show_card(card, status)
        if status.state is JobState.RUNNING and status.epochs and len(status.epochs) == 1:
            self._chosen = name  # its first curve is what a person now wants to see
        self._show_all()

    def _show_card(self, card: JobCard, status: JobStatus) -> None:
        card.show_status(
            status,
            is_stopping=self._jobs.is_stopping(status.name),
            is_finishing=self._jobs.is_finishing(status.name),
        )

    def _on_selected(self, name: str) -> None:
        self._chosen = name
        self._show_all()

    def _on_finish_requested(self, name: str) -> None:
        self._jobs.finish(name)
        self._on_job_changed(name)

    def _on_stop_requested(self, name: str) -> None:
        self._jobs.stop(name)
        self._on_job_changed(name)

    def _show_all(self) -> None:
        statuses = self._jobs.statuses
        running = sum(status.state is JobState.RUNNING for status in statuses)
        waiting = sum(status.state is JobState.QUEUED for status in statuses)
        parts = [f"{running} running" if running else "", f"{waiting} waiting" if waiting else ""]
        self._summary.setText(", ".join(part for part in parts if part) or "Nothing is running")
        self._set_title(f"Jobs ({running + waiting})" if running or waiting else "Jobs")
        for name, card in self._cards.items():
            card.set_current(name == self._chosen)
        chosen = self._jobs.status(self._chosen) if self._chosen else None
        is_training = chosen is not None and chosen.kind == "train"
        self._curves.setVisible(is_training)
        if chosen is not None and is_training:
            to_come, never = "The curves begin with the first epoch.", "It ended before its first epoch did."
            self._curves.show_epochs(chosen.epochs, never if chosen.state.is_over else to_come)

    def _set_title(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self.title_changed.emit(title)
