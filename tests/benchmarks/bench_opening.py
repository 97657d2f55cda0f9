"""How soon a clip that is opened in the real window is there: its first picture, and its lanes.

Files and the project's caches are warm, all bands are shown. What else runs on the machine stretches the
limits: by as much as it slows the library alone, which opens the same file between the turns.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false")
sys.path.insert(0, str(Path(__file__).parents[2]))

import av
import numpy as np
from PySide6.QtCore import QEvent, QObject, QSettings
from PySide6.QtWidgets import QApplication, QWidget

from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.studio import Studio
from avvp_studio.ui.timeline.arrangement import BANDS
from tests.media_files import Sound, Video, write_media
from trainer.labels import Event, Modality
from trainer.parses import Parse, ParseFile, write_parses

FPS, SHORT_S, HOUR_S = 30, 10, 3600
CATEGORIES = tuple(f"Category_{number:02}" for number in range(25))
SHORT, HOUR = ("first", "second", "third"), ("long", "longer")
LIMITS_MS = {SHORT: 100.0, HOUR: 300.0}
TURNS = 9
REST_S = 1.0
"""Between two clips, so that all the bands of the one are there before the other is opened."""
VIDEO = Video(
    frames=FPS * SHORT_S, width=1280, height=720, keyframes=60, options=(("preset", "veryfast"), ("bf", "2"))
)


class Painted(QObject):
    """When widgets are painted, since it was last asked to forget."""

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        self.at: dict[QObject, float] = {}
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, widget: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.at[widget] = time.perf_counter()
        return False


def main() -> int:
    application = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        root = make_project(Path(folder))
        settings = QSettings(str(Path(folder, "settings.ini")), QSettings.Format.IniFormat)
        studio = Studio(application, settings, Path(folder, "home"), theme="dark", only_looks=True)
        studio.window.resize(1400, 900)
        studio.window.show()
        faults = bench(application, studio, root)
        studio.close()
    for fault in faults:
        print(f"too slow: {fault}")
    return 1 if faults else 0


def bench(application: QApplication, studio: Studio, root: Path) -> list[str]:
    studio.open_project(root)
    for band in BANDS:
        action = studio.window.actions_by_name[f"band_{band}"]
        if not action.isChecked():
            action.trigger()
    for name in (*SHORT, *HOUR):  # once, so that all is kept
        studio.workspace.open_clip(name)
        rest(application, studio, 2 * REST_S)
    faults = []
    for names, limit in LIMITS_MS.items():
        pictures, lanes, alone = [], [], []
        for turn in range(TURNS):
            name = names[turn % len(names)]
            picture, lane = open_clip(application, studio, name)
            pictures.append(picture)
            lanes.append(lane)
            rest(application, studio, REST_S)
            alone.append(library_alone(root.parent / f"{name}.mp4"))
        usual = statistics.median(alone)
        stretched = limit * usual / min(alone)
        for what, taken in (("first picture", pictures), ("lanes", lanes)):
            median = statistics.median(taken)
            print(
                f"{names[0]} clip, {what}: median {median:.0f} ms, best {min(taken):.0f} ms, "
                f"worst {max(taken):.0f} ms, {median / usual:.1f} times the library alone, "
                f"{median / stretched:.2f} of the limit"
            )
            if median > stretched:
                faults.append(f"{names[0]} clip: {what} after {median:.0f} ms")
    return faults


def open_clip(application: QApplication, studio: Studio, name: str) -> tuple[float, float]:
    """Milliseconds until the picture and the lanes are painted."""
    view = studio.window.clip_view
    painted = Painted(view.video, view.timeline)
    began = time.perf_counter()
    studio.workspace.open_clip(name)
    painted.at.clear()
    picture: float | None = None
    while picture is None or view.timeline not in painted.at:
        had_picture = view.video.has_picture
        application.processEvents()
        if picture is None and had_picture and view.video in painted.at:
            picture = painted.at[view.video]
        if not had_picture:
            painted.at.pop(view.video, None)
        time.sleep(0.0005)
    return (picture - began) * 1000, (painted.at[view.timeline] - began) * 1000


def rest(application: QApplication, studio: Studio, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end or studio.pictures.is_busy or studio.tasks.is_busy:
        application.processEvents()
        time.sleep(0.002)


def library_alone(path: Path) -> float:
    """Milliseconds to open a file and decode its first picture."""
    began = time.perf_counter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        next(container.decode(container.streams.video[0])).to_ndarray(format="bgra")
    return (time.perf_counter() - began) * 1000


def make_project(folder: Path) -> Path:
    """Clips of ten seconds and of an hour, with events and what a parser believes."""
    short = write_media(folder / "first.mp4", VIDEO, Sound(seconds=SHORT_S))
    repeated(short, folder / "long.mp4", HOUR_S // SHORT_S)
    (folder / "longer.mp4").hardlink_to(folder / "long.mp4")
    for name in SHORT[1:]:
        (folder / f"{name}.mp4").hardlink_to(short)
    lengths = dict.fromkeys(SHORT, SHORT_S) | dict.fromkeys(HOUR, HOUR_S)
    clips = [
        Clip(name, "train", folder / f"{name}.mp4", float(length), length, frozenset(CATEGORIES[:6]))
        for name, length in lengths.items()
    ]
    root = folder / "project"
    root.mkdir()
    paths = ProjectPaths(root)
    with Store.create(paths.database, name="Opening", categories=CATEGORIES) as store:
        store.add_clips(clips, {name: labelled(length) for name, length in lengths.items()})
    parses = {name: believed(length) for name, length in lengths.items()}
    write_parses(paths.parses / "first.npz", ParseFile.from_clips(parses, CATEGORIES))
    return root


def labelled(length: int) -> list[Event]:
    return [
        Event(modality, category, float(onset), float(onset + 2))
        for onset in range(0, length - 2, 5)
        for modality in (Modality.AUDIO, Modality.VISUAL)
        for category in CATEGORIES[:3]
    ]


def believed(length: int) -> Parse:
    audio, visual = np.random.default_rng(length).random((2, length, len(CATEGORIES)), np.float32)
    return Parse(audio=audio, visual=visual, video=audio.max(axis=0))


def repeated(source: Path, path: Path, times: int) -> Path:
    """A file again and again, its packets copied."""
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in container.streams}
        for turn in range(times):
            container.seek(0)
            for packet in container.demux():
                if packet.dts is None or packet.pts is None:
                    continue
                if 0 <= packet.pts * packet.time_base < SHORT_S:
                    shift = round(turn * SHORT_S / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
    return path


if __name__ == "__main__":
    sys.exit(main())
