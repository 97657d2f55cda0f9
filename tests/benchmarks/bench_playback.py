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
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false")
sys.path.insert(0, str(Path(__file__).parents[2]))

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from PySide6.QtGui import QGuiApplication, QImage

from avvp_studio.media.frames import VideoReader
from avvp_studio.media.peaks import Peaks
from avvp_studio.playback.clock import MonotonicClock
from avvp_studio.player import Player
from tests.media_files import Sound, Video, read_number, write_media

FPS = 30
SECONDS = 10
SOUND_SECONDS = 120
SEEKS = 40
SEEK_LIMIT = 1.2
"""Times what the library alone needs."""
STEP_LIMIT = 5.0
"""Milliseconds, for a frame that was decoded before."""
FIRST_LIMIT = 100.0
"""Milliseconds from opening a clip of ten seconds to its first picture, with the file in the system's cache."""
DRIFT_LIMIT = 1000 / FPS
"""Milliseconds, between the halves of a clip."""
VIDEO = Video(
    frames=FPS * SECONDS, width=1280, height=720, keyframes=150, options=(("preset", "veryfast"), ("bf", "2"))
)
CODECS = {
    "h264": VIDEO,
    "hevc": replace(
        VIDEO, codec="libx265", options=(("preset", "ultrafast"), ("x265-params", "log-level=none"))
    ),
    "vp9": replace(VIDEO, codec="libvpx-vp9", options=(("deadline", "realtime"), ("cpu-used", "8"))),
    "av1": replace(VIDEO, codec="libsvtav1", options=(("preset", "12"),)),
    "mpeg4": replace(VIDEO, codec="mpeg4", options=()),
}


def milliseconds(function: Callable[[float], object], times: list[float]) -> list[float]:
    """How long each call takes."""
    taken = []
    for moment in times:
        start = time.perf_counter()
        function(moment)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def library_seek(path: Path) -> Callable[[float], object]:
    """Seek and decode as the library's documentation shows it, but with one converter for all frames."""
    container = av.open(str(path))
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    reformatter = VideoReformatter()

    def seek(moment: float) -> object:
        container.seek(int(moment / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time + 1 / FPS > moment:
                return reformatter.reformat(frame, format="bgra").to_ndarray()
        return None

    return seek


def open_near(path: Path, moment: float) -> None:
    """What the first picture of a drag takes."""
    reader = VideoReader(path)
    reader.pixels(reader.frame_near(moment))
    reader.close()


def bench_seeks(name: str, path: Path) -> list[str]:
    """With nothing kept, with all kept, and to a keyframe only; turn by turn, so that they share the load."""
    times = [(random.Random(i).randrange(FPS * SECONDS) + 0.5) / FPS for i in range(SEEKS)]
    alone, cold_reader, warm_reader = library_seek(path), VideoReader(path, cache_bytes=1), VideoReader(path)
    kinds: dict[str, tuple[Callable[[float], object], list[float]]] = {
        "library": (alone, []),
        "no cache": (lambda moment: cold_reader.pixels(cold_reader.frame_at(moment)), []),
        "cache": (lambda moment: warm_reader.pixels(warm_reader.frame_at(moment)), []),
        "keyframe, opening too": (lambda moment: open_near(path, moment), []),
    }
    for moment in times:
        for function, taken in kinds.values():
            taken.extend(milliseconds(function, [moment]))
    bound = statistics.mean(kinds["library"][1])
    for kind, (_, taken) in kinds.items():
        mean, worst = statistics.mean(taken), max(taken)
        print(f"{name}: exact seek, {kind}: mean {mean:.1f} ms, worst {worst:.0f} ms, ratio {mean / bound:.2f}")
    ratio = statistics.mean(kinds["no cache"][1]) / bound
    return [f"{name}: a seek takes {ratio:.2f} times what the library takes"] if ratio > SEEK_LIMIT else []


def bench_steps(path: Path) -> list[str]:
    """Through decoded groups of pictures; and back over their borders."""
    reader = VideoReader(path)
    moment = SECONDS - 0.5
    reader.frame_at(moment)
    position = [moment]

    def step(count: int) -> None:
        frame = reader.step(position[0], count)
        position[0] = frame.time
        reader.pixels(frame)

    first = milliseconds(lambda _: step(-1), [0.0] * 200)
    forward = milliseconds(lambda _: step(1), [0.0] * 200)
    back = milliseconds(lambda _: step(-1), [0.0] * 200)
    seek = statistics.mean(milliseconds(library_seek(path), [moment - i / FPS for i in range(20)]))
    for name, taken in (("back over borders", first), ("forward", forward), ("back again", back)):
        mean = statistics.mean(taken)
        print(f"step {name}: mean {mean:.1f} ms, worst {max(taken):.0f} ms, ratio to a seek {mean / seek:.3f}")
    kept = statistics.median(forward + back)
    return [f"a step to a frame that is kept takes {kept:.1f} ms"] if kept > STEP_LIMIT else []


def bench_first_picture(path: Path) -> list[str]:
    """From opening a clip to its picture on the screen, clip after clip with one player."""
    application = QGuiApplication.instance() or QGuiApplication([])
    player = Player(clock=MonotonicClock())
    shown: list[float] = []
    player.frame_changed.connect(lambda image: None if image.isNull() else shown.append(time.perf_counter()))

    def open_clip(_: float) -> None:
        del shown[:]
        player.open(path, SECONDS)
        while not shown:
            application.processEvents()
            time.sleep(0.0005)

    taken = milliseconds(open_clip, [0.0] * 9)
    player.shutdown()
    median = statistics.median(taken)
    print(f"first picture of a clip: median {median:.0f} ms, worst {max(taken):.0f} ms")
    return [f"the first picture of a clip takes {median:.0f} ms"] if median > FIRST_LIMIT else []


def bench_playing(path: Path, rate: float) -> list[str]:
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
    return [f"playing at {rate} drifts by {drift:.1f} ms"] if abs(drift) > DRIFT_LIMIT else []


def bench_peaks(path: Path) -> None:
    """The best of a few turns: the first pays for what is loaded once."""

    def decode(_: float) -> None:
        with av.open(str(path)) as container:
            for _ in container.decode(container.streams.audio[0]):
                pass

    turns = [0.0] * 5
    measured = min(milliseconds(lambda _: Peaks.measure(path), turns))
    alone = min(milliseconds(decode, turns))
    peaks = Peaks.measure(path)
    columns = milliseconds(lambda onset: peaks.columns(onset, onset + 5, 1280), [0.0, 1.0, 2.0] * 10)
    speed, ratio = SOUND_SECONDS * 1000 / measured, measured / alone
    print(f"peaks: {speed:.0f} times as fast as playing, ratio to decoding alone {ratio:.2f}")
    print(f"columns: {statistics.median(columns):.2f} ms for 1280")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        faults = []
        for name, video in CODECS.items():
            path = write_media(Path(folder) / f"{name}.mp4", video, Sound(seconds=SECONDS))
            faults += bench_seeks(name, path)
        path = Path(folder) / "h264.mp4"
        faults += bench_steps(path)
        faults += bench_first_picture(path)
        bench_peaks(write_media(Path(folder) / "sound.mp4", None, Sound(seconds=SOUND_SECONDS)))
        for rate in (0.5, 1, 2, 4):
            faults += bench_playing(path, rate)
    for fault in faults:
        print(f"too slow: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
