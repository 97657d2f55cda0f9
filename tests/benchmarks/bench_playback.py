"""How fast frames are found, against the decoding library alone, and how well playing keeps time.

Ratios within one run are what counts: the machine's speed cancels out. 1.0 is the library alone.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false")
sys.path.insert(0, str(Path(__file__).parents[2]))

import av
import numpy as np
from PySide6.QtGui import QGuiApplication, QImage

from avvp_studio.media.frames import VideoReader
from avvp_studio.media.peaks import Peaks
from avvp_studio.playback.clock import MonotonicClock
from avvp_studio.player import Player
from tests.media_files import Sound, Video, read_number, write_media

FPS = 30
SECONDS = 10
SEEKS = 40


def milliseconds(function: Callable[[float], object], times: list[float]) -> list[float]:
    """How long each call takes."""
    taken = []
    for moment in times:
        start = time.perf_counter()
        function(moment)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def library_seek(path: Path) -> Callable[[float], object]:
    """Seek and decode as the library's documentation shows it."""
    container = av.open(str(path))
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"

    def seek(moment: float) -> object:
        container.seek(int(moment / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time + 1 / FPS > moment:
                return frame.reformat(format="bgra").to_ndarray()
        return None

    return seek


def bench_seeks(path: Path) -> None:
    times = [(random.Random(i).randrange(FPS * SECONDS) + 0.5) / FPS for i in range(SEEKS)]
    alone = milliseconds(library_seek(path), times)
    cold_reader = VideoReader(path, cache_bytes=1)
    cold = milliseconds(lambda moment: cold_reader.pixels(cold_reader.frame_at(moment)), times)
    warm_reader = VideoReader(path)
    warm = milliseconds(lambda moment: warm_reader.pixels(warm_reader.frame_at(moment)), times)
    rough = milliseconds(lambda moment: VideoReader(path).keyframe_near(moment), times)
    kinds = {"library": alone, "no cache": cold, "cache": warm, "keyframe, opening too": rough}
    for name, taken in kinds.items():
        median, worst = statistics.median(taken), max(taken)
        ratio = median / statistics.median(alone)
        print(f"exact seek, {name}: median {median:.1f} ms, worst {worst:.0f} ms, ratio {ratio:.2f}")


def bench_steps(path: Path) -> None:
    reader = VideoReader(path)
    moment = SECONDS - 0.5
    reader.frame_at(moment)
    position = [moment]

    def step(count: int) -> None:
        frame = reader.step(position[0], count)
        position[0] = frame.time
        reader.pixels(frame)

    back = milliseconds(lambda _: step(-1), [0.0] * 200)
    forward = milliseconds(lambda _: step(1), [0.0] * 200)
    seek = statistics.median(milliseconds(library_seek(path), [moment - i / FPS for i in range(20)]))
    for name, taken in (("back", back), ("forward", forward)):
        mean = statistics.mean(taken)
        print(f"step {name}: mean {mean:.1f} ms, worst {max(taken):.0f} ms, ratio to a seek {mean / seek:.3f}")


def bench_playing(path: Path, rate: float) -> None:
    """How far pictures are from the computer's clock while a clip plays."""
    application = QGuiApplication.instance() or QGuiApplication([])
    player = Player(clock=MonotonicClock())
    shown: list[tuple[float, float]] = []
    is_started = False

    def remember(image: QImage) -> None:
        if is_started and not image.isNull():
            rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
            shown.append((time.monotonic(), read_number(rows) / FPS))

    player.frame_changed.connect(remember)
    player.open(path, SECONDS)
    while player.info is None:
        application.processEvents()
    player.set_rate(rate)
    is_started = True
    player.play()
    end = time.monotonic() + 60
    while player.is_playing and time.monotonic() < end:
        application.processEvents()
        time.sleep(0.001)
    player.shutdown()
    moments, positions = np.array(shown[3:-1]).T
    late = moments - positions / rate
    late -= np.median(late)
    half = len(late) // 2
    drift = (np.median(late[half:]) - np.median(late[:half])) * 1000
    fps = (len(moments) - 1) / (moments[-1] - moments[0])
    print(f"playing at {rate}: {fps:.0f} pictures/s, drift {drift:+.1f} ms, jitter {late.std() * 1000:.1f} ms")


def bench_peaks(path: Path) -> None:
    start = time.perf_counter()
    peaks = Peaks.measure(path)
    measured = time.perf_counter() - start
    start = time.perf_counter()
    with av.open(str(path)) as container:
        for _ in container.decode(container.streams.audio[0]):
            pass
    alone = time.perf_counter() - start
    columns = milliseconds(lambda onset: peaks.columns(onset, onset + 5, 1280), [0.0, 1.0, 2.0] * 10)
    speed, ratio = SECONDS / measured, measured / alone
    print(f"peaks: {speed:.0f} times as fast as playing, ratio to decoding alone {ratio:.2f}")
    print(f"columns: {statistics.median(columns):.2f} ms for 1280")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = (("preset", "veryfast"),)
        video = Video(frames=FPS * SECONDS, width=1280, height=720, keyframes=150, options=options)
        path = write_media(Path(folder) / "bench.mp4", video, Sound(seconds=SECONDS))
        bench_seeks(path)
        bench_steps(path)
        bench_peaks(path)
        for rate in (0.5, 1, 2, 4):
            bench_playing(path, rate)


if __name__ == "__main__":
    main()
