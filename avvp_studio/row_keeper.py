"""The order of rows that a person chose, kept with the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from avvp_studio.domain.row_order import RowChoice, RowOrder
from avvp_studio.kept_json import read_kept, write_kept
from avvp_studio.paths import ProjectPaths


class RowKeeper(QObject):
    """Reads the order when a project opens, and writes every change of it."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._order = RowOrder()

    @property
    def order(self) -> RowOrder:
        return self._order

    def open(self, paths: ProjectPaths | None) -> None:
        """The order of a project, or the usual one; what cannot be read is said, and the usual one holds."""
        self._path, kept = paths.rows if paths else None, None
        if self._path is not None:
            otherwise = "the rows are in their usual order"
            kept = read_kept(self._path, RowOrder.from_json, self.failed.emit, otherwise)
        self._order = kept or RowOrder()
        self.changed.emit()

    def choose(self, choice: RowChoice) -> None:
        self._set(replace(self._order, choice=choice))

    def move(self, rows: tuple[str, ...], category: str, before: str | None) -> None:
        """Put a row of those shown before another, or at the end."""
        self._set(self._order.moved(rows, category, before))

    def toggle_pin(self, category: str) -> None:
        """Keep a category on top, or no longer."""
        pinned = self._order.pinned
        is_pinned = category in pinned
        kept = tuple(name for name in pinned if name != category)
        self._set(replace(self._order, pinned=kept if is_pinned else (*kept, category)))

    def resize(self, heights: Mapping[str, int | None]) -> None:
        """Give rows heights of their own, or (None) the usual one again."""
        wanted = {**self._order.heights, **heights}
        self._set(
            replace(self._order, heights={name: tall for name, tall in wanted.items() if tall is not None})
        )

    def reset(self) -> None:
        """The usual order and heights, nothing pinned."""
        self._set(RowOrder(choice=self._order.choice))

    def _set(self, order: RowOrder) -> None:
        if order == self._order:
            return
        self._order = order
        if self._path is not None:
            try:
                write_kept(self._path, order.to_json())
            except OSError as error:
                self.failed.emit(
                    f"The order of rows could not be kept in {self._path} ({error.strerror or error}); "
                    "it holds until the project is closed."
                )
        self.changed.emit()
