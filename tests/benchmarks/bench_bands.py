"""How fast the bands of an hour are there: drawn in every zoom, and opened when they are kept.

An hour is measured once. Drawing is measured on pieces that are made already, as it is when one pans.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.peaks import Peaks
from avvp_studio.media.spectrogram import COLUMNS, ROWS, Analysis, SpectrogramMaker
from avvp_studio.media.tiles import Tile, TileCache
from avvp_studio.soundtrack import peaks_of
from avvp_studio.ui.timeline.arrangement import BANDS, THUMBNAILS, Arrangement
from avvp_studio.ui.timeline.band_media import BandMedia
from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.filmstrip import wanted_thumbnails
from avvp_studio.ui.timeline.spectrogram import wanted_pieces
from avvp_studio.ui.timeline.timeline import Timeline

HOUR = 3600
FRAME_MS = 16.7
OPENING_MS = 300.0
TIMES = 60


def main() -> int:
    application = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        is_quick = [bench_opening(Path(folder)), bench_spectrogram(Path(folder)), bench_drawing()]
    del application
    return 0 if all(is_quick) else 1


def bench_opening(folder: Path) -> bool:
    """The outline of an hour of sound, measured and then kept."""
    path, cache = write_hour(folder / "hour.wav"), folder / "hour.npz"
    first = milliseconds(lambda: peaks_of(path, cache, lambda: False))
    kept = min(milliseconds(lambda: peaks_of(path, cache, lambda: False)) for _ in range(5))
    print(f"opening an hour: {first:.0f} ms the first time")
    return report("opening an hour that is kept", kept, OPENING_MS)


def bench_spectrogram(folder: Path) -> bool:
    """The pieces of a whole hour, against the decoding that they need."""
    path, analysis = folder / "hour.wav", Analysis()
    decoding = milliseconds(lambda: Peaks.measure(path))
    level = analysis.level(HOUR / 1000)
    pieces = analysis.tiles(level, 0.0, HOUR)
    maker = SpectrogramMaker(path, analysis, TileCache(folder / "tiles.sqlite"))
    first, kept = (milliseconds(lambda: [maker.make(tile, lambda: False) for tile in pieces]) for _ in range(2))
    maker.close()
    print(f"spectrogram of an hour: {first / decoding:.1f} times its outline, {first:.0f} ms the first time")
    return report("spectrogram of an hour that is kept", kept, OPENING_MS)


def bench_drawing() -> bool:
    """All bands at once, while the view moves and the zoom changes."""
    timeline = Timeline()
    timeline.resize(1280, 800)
    timeline.set_arrangement(Arrangement(shown=frozenset(BANDS)))
    timeline.set_content(content())
    timeline.set_peaks(loud(), "")
    timeline.show()
    canvas = QImage(timeline.size(), QImage.Format.Format_ARGB32_Premultiplied)
    is_quick = True
    for closer, span in ((0, "an hour"), (10, "some minutes"), (16, "ten seconds")):
        timeline.zoom_to_fit()
        for _ in range(closer):
            timeline.zoom_in()
        taken = []
        for turn in range(TIMES):
            timeline.look_from(1000 + turn * 0.37)
            timeline.set_media(filled(timeline))
            start = time.process_time()
            timeline._backdrop.forget_top()
            timeline.render(canvas)
            taken.append((time.process_time() - start) * 1000)
        is_quick &= report(f"drawing, {span} in view", float(np.median(taken)), FRAME_MS)
    return is_quick


def filled(timeline: Timeline) -> BandMedia:
    """All pieces that are in view."""
    scene, media = timeline.scene, BandMedia()
    assert scene is not None
    height = scene.bands.by_name[THUMBNAILS].height
    thumbnails = dict.fromkeys(wanted_thumbnails(scene.view, height, media, HOUR), PICTURE)
    pieces: dict[Tile, np.ndarray] = dict.fromkeys(wanted_pieces(scene.view, media, HOUR), PIECE)
    return BandMedia(thumbnails=thumbnails, spectrogram=pieces)


PICTURE = np.random.default_rng(0).integers(0, 256, (144, 256, 4), np.uint8)
PIECE = np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS), np.uint8)


def content() -> TimelineContent:
    states = np.zeros((2, HOUR, 1), np.int8)
    return TimelineContent(
        duration=float(HOUR),
        segments=HOUR,
        categories=("Dog",),
        rows=("Dog",),
        states=states,
    )


def loud() -> Peaks:
    level = np.random.default_rng(1).integers(0, 30_000, (2, HOUR * SAMPLE_RATE // 256), np.int16)
    return Peaks(np.stack([-level, level], axis=-1), 256, HOUR * SAMPLE_RATE)


def write_hour(path: Path) -> Path:
    """An hour of noise, in stereo."""
    second = np.random.default_rng(2).integers(-9000, 9000, 2 * SAMPLE_RATE, np.int16).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for _ in range(HOUR):
            file.writeframesraw(second)
    return path


def milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def report(name: str, taken: float, limit: float) -> bool:
    print(f"{name}: {taken:.1f} ms, {taken / limit:.2f} of the limit")
    return taken <= limit


if __name__ == "__main__":
    sys.exit(main())
