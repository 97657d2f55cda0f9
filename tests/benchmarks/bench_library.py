"""How long the library of 100,000 clips takes to answer, against what a person sees as a pause.

Time of the processor is counted, so that what else runs on the machine counts little.
"""

from __future__ import annotations

import os
import random
import string
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[2]))

from PySide6.QtCore import QSettings
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QComboBox, QTableView

from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.library_order import ClipOrder, SortKey
from avvp_studio.ui.library_panel import LibraryPanel
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.theme import DARK
from avvp_studio.workspace import Workspace

CLIPS = 100_000
CATEGORIES = tuple(f"Category_{number:03}" for number in range(100))
FRAME_MS = 1000 / 60
PAUSE_MS = 100.0
FIRST_MS = 400.0
"""What is asked for the first time may be seen to take a moment."""


def make_project(root: Path) -> None:
    """Clips named as those of AudioSet are."""
    chance = random.Random(1)
    letters = string.ascii_letters + string.digits + "-_"
    clips = [
        Clip(
            f"{''.join(chance.choices(letters, k=11))}_{start}_{start + 10}",
            chance.choice(("train", "val", "test")),
            None,
            10.0,
            10,
            frozenset(chance.sample(CATEGORIES, 2)),
        )
        for start in (chance.randrange(300) for _ in range(CLIPS))
    ]
    root.mkdir()
    with Store.create(ProjectPaths(root).database, name="Large", categories=CATEGORIES) as store:
        store.add_clips(clips, {})


class Bench:
    """A library on a picture, and what took longer than it may."""

    def __init__(self, panel: LibraryPanel) -> None:
        self._panel = panel
        self._picture = QImage(panel.size(), QImage.Format.Format_ARGB32_Premultiplied)
        self.failed: list[str] = []

    def check(self, name: str, change: Callable[[], object], limit: float) -> None:
        """The change must be on the screen within the limit."""
        start = time.process_time()
        change()
        QApplication.processEvents()
        self._panel.render(self._picture)
        taken = (time.process_time() - start) * 1000
        print(f"{name}: {taken:.1f} ms, {taken / limit:.2f} of the limit")
        if taken > limit:
            self.failed.append(name)


def check_all(panel: LibraryPanel, workspace: Workspace, bench: Bench) -> None:
    search, rows = panel.findChild(SearchField), panel.findChild(QTableView, "clips")
    split, status = panel.findChildren(QComboBox)
    bar = rows.verticalScrollBar()
    bench.check("first letter", lambda: search.setText("c"), FIRST_MS)
    for text in ("ca", "cat", "category 01", "category 01 b", "category 01", "c", ""):
        bench.check(f"filter {text!r}", lambda text=text: search.setText(text), PAUSE_MS)
    for place in range(0, bar.maximum(), bar.maximum() // 5):
        bench.check(f"scroll to {place}", lambda place=place: bar.setValue(place), FRAME_MS)
    bench.check("split", lambda: split.setCurrentText("val"), PAUSE_MS)
    bench.check("all splits", lambda: split.setCurrentIndex(0), PAUSE_MS)
    bench.check("not edited", lambda: status.setCurrentText("Not edited"), PAUSE_MS)
    bench.check("all clips", lambda: status.setCurrentIndex(0), PAUSE_MS)
    for key in SortKey:
        limit = FIRST_MS if key in (SortKey.NAME, SortKey.LABELS) else PAUSE_MS
        bench.check(f"sort by {key}", lambda key=key: panel.sort(ClipOrder(key)), limit)
    for _ in range(3):
        bench.check("next clip", lambda: workspace.step_clip(1), FRAME_MS)


def main() -> int:
    app = QApplication([])
    Appearance(app, "dark")
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder) / "large")
        workspace = Workspace(author="bench")
        panel = LibraryPanel(workspace, DARK, QSettings(f"{folder}/s.ini", QSettings.Format.IniFormat))
        panel.resize(250, 1000)
        panel.show()
        bench = Bench(panel)
        workspace.open_project(Path(folder) / "large")
        QApplication.processEvents()
        check_all(panel, workspace, bench)
        workspace.close_project()
    for name in bench.failed:
        print(f"too slow: {name}")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
