"""Which rows the timeline shows, in which order and look: what the actions and gestures for it change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QSettings, Signal

from avvp_studio.domain.row_order import RowChoice, RowOrder, categories_by_choice
from avvp_studio.row_keeper import RowKeeper
from avvp_studio.ui.arranging import Arranging
from avvp_studio.ui.names import display_name
from avvp_studio.ui.timeline.arrangement import BANDS, Arrangement
from avvp_studio.ui.timeline.gestures.wishes import Reorder, Resize, Widen
from avvp_studio.workspace import Workspace

_NO_ROWS = {
    RowChoice.LABELLED: "The clip has no video-level label.",
    RowChoice.PREDICTED: "No shown parser predicts anything here.",
    RowChoice.EDITED: "Nobody has labelled anything here yet.",
    RowChoice.DISAGREEING: "Labels and parsers do not disagree here.",
}
_NOTHING_FOUND = "No category is called “{sought}”."
_ARM_FIRST = "Arm the category first: click its header"


class ShownRows(QObject):
    """Rows come and stay while a clip is open and the choice is the same: none goes under the hand."""

    changed = Signal()
    arranged = Signal()
    """Only sizes or looks are others."""
    hinted = Signal(str)
    failed = Signal(str)

    def __init__(self, workspace: Workspace, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._keeper = RowKeeper(self)
        self._arranging = Arranging(settings, self)
        self._gathered: tuple[str, ...] = ()
        self._interest: tuple[str, ...] = ()
        self._choice = self.order.choice
        self._sought = ""
        self.by_choice: Mapping[RowChoice, tuple[str, ...]] = {}
        workspace.project_changed.connect(lambda: self._keeper.open(workspace.paths))
        self._keeper.failed.connect(self.failed)
        self._keeper.changed.connect(self._on_order_changed)
        self._arranging.changed.connect(self.arranged)
        self._keeper.open(workspace.paths)

    @property
    def order(self) -> RowOrder:
        return self._keeper.order

    @property
    def arrangement(self) -> Arrangement:
        """With the heights that the project keeps."""
        return replace(self._arranging.arrangement, rows=self.order.heights)

    @property
    def interest(self) -> tuple[str, ...]:
        """The categories of interest, in the order that the digits arm them."""
        return self.order.arranged(self._interest)

    @property
    def rows(self) -> tuple[str, ...]:
        project = self._workspace.project
        categories = project.categories if project is not None else ()
        if self._sought:
            found = (name for name in categories if self._sought in display_name(name).casefold())
            return self.order.arranged(found)
        if self._choice is RowChoice.CANDIDATES:
            return self.order.arranged(self._interest or categories)
        return self.order.arranged(self._gathered)

    @property
    def no_rows(self) -> str:
        """Why there are none; empty where the usual reason holds."""
        return _NOTHING_FOUND.format(sought=self._sought) if self._sought else _NO_ROWS.get(self._choice, "")

    def begin_clip(self) -> None:
        """Another clip: its rows are gathered anew."""
        self._gathered, self._interest = (), ()

    def update(self) -> None:
        """Look what the clip has rows for now."""
        workspace = self._workspace
        project, clip, armed = workspace.project, workspace.clip, workspace.armed
        if project is None or clip is None:
            self._gathered, self._interest, self.by_choice = (), (), {}
            return
        candidates = workspace.candidates()
        self.by_choice = categories_by_choice(
            project.categories, clip, workspace.events, workspace.states, workspace.tracks, candidates
        )
        self._interest = tuple(dict.fromkeys((*self._interest, *candidates, *((armed,) if armed else ()))))
        self._gathered = tuple(dict.fromkeys((*self._gathered, *self.by_choice[self._choice])))

    def seek(self, text: str) -> None:
        """Show the categories whose names hold the text; with none, those of the choice again."""
        sought = display_name(text.strip()).casefold()
        if sought != self._sought:
            self._sought = sought
            self.changed.emit()

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        return {
            **{f"rows_{choice}": partial(self._keeper.choose, choice) for choice in RowChoice},
            **self._arranging.toggles(),
            "row_pin": self._pin,
            "row_up": partial(self._step, -1),
            "row_down": partial(self._step, 1),
            "rows_reset": self._keeper.reset,
        }

    def states(self) -> dict[str, bool]:
        """Which of the actions that can be checked are."""
        look = self._arranging.arrangement
        return {
            **{f"rows_{choice}": choice is self.order.choice for choice in RowChoice},
            **{f"band_{name}": name in look.shown for name in BANDS},
            "lanes_heat": look.is_heat,
            "lanes_stacked": look.is_stacked,
            "lanes_compact": look.is_compact,
        }

    def carry_out(self, wish: Resize | Widen | Reorder) -> None:
        """Arrange as a gesture asked for."""
        match wish:
            case Widen(width):
                self._arranging.change(column=width)
            case Reorder(category, before):
                self._keeper.move(self.rows, category, before)
            case Resize(height, _, band) if band:
                heights = self._arranging.arrangement.with_band(band, height).heights
                self._arranging.change(heights=heights)
            case Resize(height, categories):
                self._keeper.resize(dict.fromkeys(categories, height))

    def _pin(self) -> None:
        armed = self._workspace.armed
        if armed is None:
            self.hinted.emit(_ARM_FIRST)
        else:
            self._keeper.toggle_pin(armed)

    def _step(self, places: int) -> None:
        """Move the armed category up or down."""
        armed, rows = self._workspace.armed, self.rows
        if armed is None or armed not in rows:
            self.hinted.emit(_ARM_FIRST)
            return
        place = rows.index(armed) + places
        if 0 <= place < len(rows):
            rest = [name for name in rows if name != armed]
            self._keeper.move(rows, armed, rest[place] if place < len(rest) else None)

    def _on_order_changed(self) -> None:
        if self.order.choice is not self._choice:
            self._choice, self._gathered = self.order.choice, ()
        self.changed.emit()
