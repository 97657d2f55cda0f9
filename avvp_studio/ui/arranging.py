"""How the timeline of a window is arranged, kept for the next start."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QSettings, Signal

from avvp_studio.ui.timeline.arrangement import BANDS, Arrangement

_SWITCHES = ("is_heat", "is_stacked", "is_compact")
_KEY = "timeline/{name}"


class Arranging(QObject):
    """Holds the arrangement. What a project keeps of its own, such as the heights of rows, is not here."""

    changed = Signal()

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        switches: dict[str, Any] = {name: self._read(name, False) for name in _SWITCHES}
        self._arrangement = Arrangement(
            shown=self._read_bands(), column=self._read("column", 0), heights=self._read_heights(), **switches
        )

    @property
    def arrangement(self) -> Arrangement:
        return self._arrangement

    def change(self, **changes: Any) -> None:
        """Arrange anew: fields of the arrangement by name."""
        arrangement = replace(self._arrangement, **changes)
        if arrangement != self._arrangement:
            self._arrangement = arrangement
            for name in (*_SWITCHES, "column"):
                self._settings.setValue(_KEY.format(name=name), getattr(arrangement, name))
            self._settings.setValue(_KEY.format(name="bands"), " ".join(sorted(arrangement.shown)))
            self._settings.setValue(_KEY.format(name="heights"), json.dumps(dict(arrangement.heights)))
            self.changed.emit()

    def toggles(self) -> dict[str, Callable[[], None]]:
        """What the actions that switch bands and the look of lanes do, by the action's name."""
        return {
            **{f"band_{name}": partial(self._toggle_band, name) for name in BANDS},
            "lanes_heat": lambda: self.change(is_heat=not self._arrangement.is_heat),
            "lanes_stacked": lambda: self.change(is_stacked=not self._arrangement.is_stacked),
            "lanes_compact": lambda: self.change(is_compact=not self._arrangement.is_compact),
        }

    def _read(self, name: str, default: Any) -> Any:
        return self._settings.value(_KEY.format(name=name), default, type=type(default))

    def _toggle_band(self, name: str) -> None:
        self.change(shown=self._arrangement.shown ^ {name})

    def _read_bands(self) -> frozenset[str]:
        if not self._settings.contains(_KEY.format(name="bands")):
            return Arrangement().shown
        return frozenset(str(self._read("bands", "")).split()) & frozenset(BANDS)

    def _read_heights(self) -> dict[str, int]:
        """Those of bands; settings that cannot be read are as good as none."""
        try:
            said = json.loads(self._read("heights", "{}"))
            return {str(name): int(height) for name, height in said.items()}
        except (AttributeError, OverflowError, RecursionError, TypeError, ValueError):
            return {}
