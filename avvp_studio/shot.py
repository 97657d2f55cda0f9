"""A picture of a view, rendered without a screen: for documents, reports and reviews of changes."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from avvp_studio.command_line import ShotError
from avvp_studio.studio import Studio
from avvp_studio.ui.timeline.arrangement import BANDS

_PATIENCE_S = 20.0
_REST_S = 0.3


def take_shot(
    project: Path,
    *,
    clip: str,
    view: str,
    out: Path,
    size: str,
    theme: str,
    at: float,
    bands: Collection[str] | None = None,
) -> None:
    """Render a view of a clip to a PNG; without `bands`, the usual ones. Raises ShotError with one message."""
    match = re.fullmatch(r"(\d{3,5})x(\d{3,5})", size)
    if match is None:
        raise ShotError(f"--size {size}: give width and height in pixels, like 1280x800")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication.instance() or QApplication(["avvp-studio"])
    assert isinstance(app, QApplication)
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)
        studio = Studio(app, settings, Path(folder), theme=theme, only_looks=True)
        try:
            problems: list[str] = []
            studio.workspace.failed.connect(problems.append)
            if not studio.open_project(project):
                raise ShotError(problems[0] if problems else f"{project} could not be opened")
            if clip not in {known.name for known in studio.workspace.clips}:
                raise ShotError(f"{project} has no clip named {clip}")
            studio.window.resize(int(match[1]), int(match[2]))
            studio.window.show()
            if view == "jobs":
                studio.window.show_jobs()
            if bands is not None:
                _show_bands(studio, bands)
            studio.workspace.open_clip(clip)
            _settle(app, studio, at)
            out.parent.mkdir(parents=True, exist_ok=True)
            if not studio.window.grab().save(str(out)):
                raise ShotError(
                    f"{out} could not be written; give a path that ends in .png in a writable folder"
                )
        finally:
            studio.window.close()
            studio.close()


def _show_bands(studio: Studio, bands: Collection[str]) -> None:
    for name in BANDS:
        action = studio.window.actions_by_name[f"band_{name}"]
        if action.isChecked() != (name in bands):
            action.trigger()


def _settle(app: QApplication, studio: Studio, at: float) -> None:
    """Wait until picture and waveform of the clip are there, or a word that stands in their place."""
    video = studio.window.clip_view.video
    _wait(app, lambda: (video.has_picture or bool(video.message)) and not studio.tasks.is_busy)
    if at > 0 and video.has_picture:
        frames: list[object] = []
        studio.player.frame_changed.connect(frames.append)
        studio.player.seek(at)
        _wait(app, lambda: bool(frames))
    _rest(app, studio)


def _rest(app: QApplication, studio: Studio) -> None:
    """Wait until the bands are drawn: what is in view is asked for a moment after it is."""
    idle_since = [time.monotonic()]

    def is_at_rest() -> bool:
        if studio.pictures.is_busy:
            idle_since[0] = time.monotonic()
        return time.monotonic() - idle_since[0] > _REST_S

    _wait(app, is_at_rest)


def _wait(app: QApplication, is_there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_there():
        if time.monotonic() > deadline:
            raise ShotError(f"the clip was not shown within {_PATIENCE_S:.0f} seconds")
        app.processEvents()
        time.sleep(0.005)
