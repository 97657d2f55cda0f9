"""Above the lanes: how well what the newest parser predicts fits the labels of the clip in view."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from avvp_studio.domain.clip_scores import ClipScores, ClipTruth
from avvp_studio.domain.tracks import Track
from avvp_studio.ui.actions import Actions
from avvp_studio.ui.buttons import action_button
from avvp_studio.ui.elided_label import ElidedLabel
from avvp_studio.ui.names import parser_name
from avvp_studio.ui.theme import Theme, tabular
from trainer.metrics import KINDS, LEVELS

NO_TRUTH = "No truth here: nothing of this clip is labelled."
COMPLETE = "{differing:,} of {labelled:,} cells differ"
PARTIAL = "{differing:,} of {labelled:,} labelled differ"
ON_COMPLETE = "The truth of this clip is complete: these are its official scores."
ON_PARTIAL = "The truth of this clip is not complete: only what is labelled counts."
CHOSEN = "{parser}, by your thresholds"
_ABOUT = "<p>{parser}.</p><p>{basis}</p>"
_CHANGES = "<p>By your thresholds: {changes}.</p>"
_TITLE = "Segments / events"
_SHORT = {"Type@AV": "Type", "Event@AV": "Event"}
_FIRST_TO_STAY = ("Event@AV", "Type@AV", "V", "A", "AV")
"""Where there is little room."""
_PARSER_WIDTH = 110
"""Pixels; with less, the name of the parser is in the tooltip only."""
_LEAST_WIDTH = 130
_TIP = (
    "<p>F-scores of this clip in per cent, as `evaluate` reports them, by segments and by events: what is "
    "heard (A), seen (V), both at once (AV), the mean of the three (Type@AV), and A and V counted together "
    "(Event@AV). Coloured where they are better or worse than by the parser's own thresholds.</p>"
)
_GAP = 12
_NARROW = ("100.0", "00.0▴")
"""The widest figures, without and with a sign of change."""
_HEIGHT = 26
_QUICK = 600
"""Segments: longer clips are scored when the hand rests, as that takes longer than a picture."""
_REST_MS = 60


class ScoreBar(QWidget):
    """Scores again whenever tracks or truth are others."""

    def __init__(self, theme: Theme, actions: Actions) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self._track: Track | None = None
        self._truth: ClipTruth | None = None
        self._scores: ClipScores | None = None
        self._is_wanted = True
        self._parser_name = ""
        self._has_changes = False
        """Whether there is room to write how much each score changed."""
        self._basis = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._parser = ElidedLabel()
        self._parser.setProperty("role", "muted")
        self._table = QWidget()
        self._title = QLabel(_TITLE)
        self._title.setProperty("role", "muted")
        self._cells = {kind: QLabel(textFormat=Qt.TextFormat.RichText) for kind in KINDS}
        self._reset = action_button(actions["reset_thresholds"])
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._score)
        self._arrange()
        self._show(None)

    def _arrange(self) -> None:
        cells = QHBoxLayout(self._table)
        cells.setContentsMargins(0, 0, 0, 0)
        cells.setSpacing(_GAP)
        cells.addWidget(self._title)
        for cell in self._cells.values():
            cell.setFont(tabular(self.font()))
            cells.addWidget(cell)
        self._table.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 8, 0)
        row.setSpacing(_GAP)
        row.addWidget(self._basis)
        row.addWidget(self._parser, 1)
        row.addWidget(self._reset)
        row.addWidget(self._table)
        self.setFixedHeight(max(_HEIGHT, self.fontMetrics().height() + 10))

    def minimumSizeHint(self) -> QSize:
        return QSize(_LEAST_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, resized: QResizeEvent) -> None:
        self._share_room()
        super().resizeEvent(resized)

    def _share_room(self) -> None:
        """Show as many kinds of scores as there is room for, and with how much they changed if there is."""
        room = self.width() - 20 - self._basis.sizeHint().width() - 2 * _GAP
        room -= self._reset.sizeHint().width() + _GAP if self._is_chosen else 0
        if self._scores is not None:
            room -= self._title.sizeHint().width() + _GAP
            figures = tabular(self.font())
            narrow, wide = (_widths(figures, figure) for figure in (_NARROW[self._is_chosen], "100.0 +00.0"))
            self._has_changes = self._is_chosen and sum(wide.values()) <= room
            said = {metric.partition("/")[2] for metric in self._scores.metrics}
            for kind in sorted(_FIRST_TO_STAY, key=lambda kind: kind not in said):
                width = (wide if self._has_changes else narrow)[kind]
                is_shown = room >= width
                room -= width
                self._cells[kind].setMinimumWidth(width - _GAP)
                self._cells[kind].setVisible(is_shown)
                room += 0 if is_shown else width
        self._parser.setText(self._parser_name if room >= _PARSER_WIDTH else "")

    @property
    def scores(self) -> ClipScores | None:
        """What is shown; None where there is nothing to score, or against."""
        if self._timer.isActive():
            self._timer.stop()
            self._score()
        return self._scores

    def set_truth(self, truth: ClipTruth | None) -> None:
        self._truth = truth
        self._score_soon()

    def set_tracks(self, tracks: Sequence[Track]) -> None:
        """The shown parsers, newest first: the first is scored."""
        self._track = tracks[0] if tracks else None
        self._score_soon()

    def set_wanted(self, is_wanted: bool) -> None:
        """Show the scores of clips that are parsed, or never."""
        self._is_wanted = is_wanted
        self._score_soon()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._score_soon()

    def _score_soon(self) -> None:
        self.setVisible(self._is_wanted and self._track is not None and self._truth is not None)
        if self.isHidden():
            self._timer.stop()
            self._scores = None
            return
        segments = self._truth.states.shape[1] if self._truth is not None else 0
        self._timer.start(0 if segments <= _QUICK else _REST_MS)

    def _score(self) -> None:
        track, truth = self._track, self._truth
        is_scored = track is not None and truth is not None and truth.labelled > 0
        self._show(truth.scores(track) if is_scored and track is not None and truth is not None else None)

    @property
    def _is_chosen(self) -> bool:
        """Whether a person moved thresholds."""
        return self._track is not None and self._track.rule != self._track.own_rule

    def _show(self, scores: ClipScores | None) -> None:
        self._scores = scores
        track, truth = self._track, self._truth
        if track is None or truth is None:
            return
        name = parser_name(track.parser)
        parser = CHOSEN.format(parser=name) if self._is_chosen else name
        self._reset.setVisible(self._is_chosen)
        self._table.setVisible(scores is not None)
        basis = COMPLETE if truth.is_complete else PARTIAL
        basis = basis.format(differing=scores.differing, labelled=truth.labelled) if scores else NO_TRUTH
        about = (ON_COMPLETE if truth.is_complete else ON_PARTIAL) if scores else ""
        self.setToolTip(_ABOUT.format(parser=escape(parser), basis=about))
        self._basis.setText(basis)
        self._parser_name = parser
        self._share_room()
        if scores is not None:
            for kind, cell in self._cells.items():
                cell.setText(self._cell_text(scores, kind))
            self._table.setToolTip(_TIP + self._changes_text(scores))
        self._describe(parser, basis, scores)

    def _cell_text(self, scores: ClipScores, kind: str) -> str:
        muted = self._theme.text_muted
        if all(f"{level}/{kind}" not in scores.metrics for level in LEVELS):
            return f"<span style='color:{muted}'>{_SHORT.get(kind, kind)} –</span>"
        figures = f"<span style='color:{muted}'> / </span>".join(
            self._figure_text(scores, f"{level}/{kind}") for level in LEVELS
        )
        return f"<span style='color:{muted}'>{_SHORT.get(kind, kind)}</span> {figures}"

    def _figure_text(self, scores: ClipScores, metric: str) -> str:
        if metric not in scores.metrics:
            return "–"
        text, gain = f"{scores.metrics[metric]:.1f}", round(scores.gain(metric), 1)
        if not gain:
            return text
        said = f"{text} {_signed(gain)}" if self._has_changes else f"{text}{'▴' if gain > 0 else '▾'}"
        colour = self._theme.success if gain > 0 else self._theme.danger
        return f"<span style='color:{colour}'>{said}</span>"

    def _changes_text(self, scores: ClipScores) -> str:
        gains = {metric: round(scores.gain(metric), 1) for metric in scores.metrics}
        changes = [f"{metric.replace('/', ' ')} {_signed(gain)}" for metric, gain in gains.items() if gain]
        return _CHANGES.format(changes=", ".join(changes)) if changes else ""

    def _describe(self, parser: str, basis: str, scores: ClipScores | None) -> None:
        """The same for those who do not see it."""
        said = [parser, basis]
        if scores is not None:
            said += [f"{metric.replace('/', ' ')} {value:.1f}" for metric, value in scores.metrics.items()]
        self.setAccessibleName("Scores of this clip")
        self.setAccessibleDescription(", ".join(said))


def _signed(gain: float) -> str:
    return f"{gain:+.1f}".replace("-", "−")


def _widths(font: QFont, figure: str) -> dict[str, int]:
    """What a kind of scores needs, with the gap beside it."""
    metrics = QFontMetrics(font)
    texts = {kind: f"{_SHORT.get(kind, kind)} {figure} / {figure}" for kind in KINDS}
    return {kind: metrics.horizontalAdvance(text) + 2 + _GAP for kind, text in texts.items()}
