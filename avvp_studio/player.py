"""The player: where the playhead is, and the picture and the sound there."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from avvp_studio.media.probe import MediaInfo
from avvp_studio.playback.card import SoundCard
from avvp_studio.playback.clock import Clock, Course, MonotonicClock
from avvp_studio.playback.feed import PictureFeed
from avvp_studio.playback.picture import Broken, Mode, Opened, Picture
from avvp_studio.playback.sound import SoundThread
from avvp_studio.playback.thread import MediaThread

SLOWEST, FASTEST = 0.25, 4.0

_TICK_MS = 8
_POSITION_EVERY = 0.015
"""Seconds between two reports of the position: some sixty a second."""
_LEAD = 0.02
"""Pictures are asked for so many seconds before they are due (decoding, and the way to this thread)."""
_READ_AHEAD = 0.25
_PATIENCE = 0.5
"""Playing begins when picture and sound are there, but waits no longer than this."""
_FRAME_DURATION = 0.04
"""A step where there is no picture to step through."""


class Player(QObject):
    """Plays one clip at a time. It never waits for a file: two threads do, and a timer takes what they made.

    Without media, or where they are broken, there is no picture, but the playhead moves all the same.
    """

    frame_changed = Signal(QImage)
    position_changed = Signal(float)
    playing_changed = Signal(bool)
    rate_changed = Signal(float)
    loop_changed = Signal()
    media_changed = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None, *, clock: Clock | None = None) -> None:
        """With a `clock` it goes by that and is silent; else by the sound card, where there is one."""
        super().__init__(parent)
        self._card = SoundCard(self) if clock is None else None
        self._silent_clock = clock or MonotonicClock()
        self._clock: Clock = self._silent_clock
        self._timer = QTimer(self, interval=_TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self._retired: list[MediaThread] = []
        self._is_muted = False
        self._chosen_rate = self._rate = 1.0
        self._forget_media()

    def _forget_media(self) -> None:
        self._path: Path | None = None
        self._info: MediaInfo | None = None
        self._pictures: PictureFeed | None = None
        self._sound: SoundThread | None = None
        self._complaint = ""
        self._duration = self._position = 0.0
        self._loop: tuple[float, float] | None = None
        self._course: Course | None = None
        self._is_running = False  # whether the clock of the course has been started
        self._begun_at = self._reported_at = 0.0

    # What there is

    @property
    def position(self) -> float:
        return self._position

    @property
    def duration(self) -> float:
        return self._duration

    @property
    def is_playing(self) -> bool:
        return self._course is not None

    @property
    def rate(self) -> float:
        """Negative while playing backwards."""
        return self._rate

    @property
    def loop(self) -> tuple[float, float] | None:
        return self._loop

    @property
    def is_muted(self) -> bool:
        return self._is_muted

    @property
    def info(self) -> MediaInfo | None:
        """What is in the file, once it is open."""
        return self._info

    @property
    def is_settled(self) -> bool:
        """Whether the picture that was asked for last is shown (or there is none to come)."""
        return self._pictures is None or self._pictures.is_settled

    @property
    def frame_duration(self) -> float:
        """The mean time from one frame to the next."""
        return 1 / self._info.video.fps if self._info is not None and self._info.video else _FRAME_DURATION

    # Opening

    def open(self, path: Path | None, duration: float) -> None:
        """Show a clip from its beginning. Duration 0: that of the file; `path` None: it has no media."""
        self.close()
        self._path, self._duration = path, max(0.0, duration)
        self.media_changed.emit()
        if path is not None:
            self._pictures = PictureFeed(path)
            self._want(0.0, Mode.SHOW)
        self.position_changed.emit(0.0)

    def close(self) -> None:
        """Let go of the clip. The threads end on their own."""
        self.pause()
        if self._pictures is not None:
            self._retire(self._pictures.thread)
        if self._sound is not None:
            self._retire(self._sound)
        had_loop = self._loop is not None
        self._forget_media()
        self.frame_changed.emit(QImage())
        if had_loop:
            self.loop_changed.emit()

    def shutdown(self) -> None:
        """Close, and wait briefly for the threads to end. Nothing may be called after it."""
        self.close()
        self._timer.stop()
        for thread in self._retired:
            thread.join(timeout=2.0)
        self._retired.clear()

    # Playing

    def play(self) -> None:
        """Play from here; from the beginning (of the loop) at the end of the clip, or outside the loop."""
        if self.is_playing or self._duration <= 0:
            return
        start = 0.0 if self._position >= self._duration and self._rate > 0 else self._position
        self._begin(self._into_loop(start))
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stop here. A shuttle ends: the rate is the chosen one again."""
        if not self.is_playing:
            return
        self._halt()
        self._change_rate(self._chosen_rate)
        self._move(self._position)
        self._want(self._position, Mode.SHOW)
        self.playing_changed.emit(False)

    def toggle(self) -> None:
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def seek(self, t: float) -> None:
        """Go to a time, exactly; playing goes on from there."""
        self._go(t, Mode.SHOW)

    def scrub(self, t: float) -> None:
        """Go to a time that is being dragged: a picture nearby at once, the exact one when there is time."""
        self._go(t, Mode.SCRUB)

    def step_frames(self, n: int) -> None:
        """Go `n` frames on (back, if negative), exactly; quick calls add up."""
        self.pause()
        if self._pictures is None:
            self.seek(self._position + n * self.frame_duration)
        else:
            self._want(self._position, Mode.STEP, steps=n)

    def set_rate(self, rate: float) -> None:
        """Choose the rate of playing, between a quarter and four times; the pitch is kept."""
        self._chosen_rate = min(max(rate, SLOWEST), FASTEST)
        self._change_rate(self._chosen_rate)

    def shuttle(self, direction: int) -> None:
        """J, K, L: backwards (-1), stop (0), forwards (1); again in the same direction doubles the rate."""
        if direction == 0:
            self.pause()
        elif self.is_playing and (self._rate > 0) == (direction > 0):
            self._change_rate(min(max(self._rate * 2, -FASTEST), FASTEST))
        elif direction > 0 or self._position > 0:
            self._change_rate(self._chosen_rate if direction > 0 else -1.0)
            self.play()

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        """Play round (onset, offset) from now on, or (None) no longer."""
        if loop is not None:
            onset, offset = max(0.0, loop[0]), min(loop[1], self._duration)
            loop = (onset, offset) if onset < offset else None
        if loop == self._loop:
            return
        self._loop = loop
        self.loop_changed.emit()
        if self.is_playing:
            self._begin(self._into_loop(self._position))

    def set_muted(self, is_muted: bool) -> None:
        self._is_muted = is_muted
        if self._card is not None:
            self._card.set_muted(is_muted)

    # The playhead

    def _begin(self, start: float, mode: Mode = Mode.SHOW) -> None:
        """Play from `start`: ask for its picture and sound; the clock starts when both are there."""
        self._halt()
        self._course = Course(start, self._rate, self._duration, self._loop)
        self._begun_at = time.monotonic()
        self._clock = self._silent_clock
        if self._card is not None and self._sound is not None and self._rate > 0 and self._card.is_available():
            self._sound.play(self._course)
            self._clock = self._card
        self._move(start)
        self._want(start, mode)
        self._timer.start()

    def _halt(self) -> None:
        self._clock.stop()
        if self._sound is not None:
            self._sound.play(None)
        self._course = None
        self._is_running = False

    def _go(self, t: float, mode: Mode) -> None:
        t = min(max(t, 0.0), self._duration)
        if self.is_playing:
            self._begin(t, mode)
        else:
            self._want(t, mode)
            self._move(t)

    def _into_loop(self, start: float) -> float:
        if self._loop is None or self._loop[0] <= start < self._loop[1]:
            return start
        return self._loop[0]

    def _change_rate(self, rate: float) -> None:
        if rate == self._rate:
            return
        self._rate = rate
        if self.is_playing:
            self._begin(self._position)
        self.rate_changed.emit(rate)

    def _move(self, t: float) -> None:
        self._position = t
        self._reported_at = time.monotonic()
        self.position_changed.emit(t)

    def _want(self, t: float, mode: Mode, *, steps: int = 0) -> None:
        if self._pictures is not None:
            self._pictures.want(t, mode, steps=steps, ahead=_READ_AHEAD * max(self._rate, 0.0))
            self._timer.start()

    # What the threads made

    def _on_tick(self) -> None:
        self._take_pictures()
        self._take_sound()
        if self._course is not None:
            self._follow(self._course)
        elif self.is_settled and (self._pictures is None or self._info is not None):
            self._timer.stop()

    def _take_pictures(self) -> None:
        pictures = self._pictures
        if pictures is None:
            return
        for arrived in pictures.take():
            if pictures is not self._pictures:  # who was told of the one before has opened another clip
                return
            if isinstance(arrived, Opened):
                self._on_opened(arrived.info)
            elif isinstance(arrived, Broken):
                self._drop_picture()
                self._complain(arrived.message)
            else:
                self._on_picture(pictures, arrived)

    def _on_opened(self, info: MediaInfo) -> None:
        self._info = info
        self._duration = self._duration or info.duration
        if info.video is None:
            self._drop_picture()
        if info.audio is not None and self._card is not None and self._path is not None:
            self._sound = SoundThread(self._path)
            self._sound.start()
            if self.is_playing:
                self._begin(self._position)
        self.media_changed.emit()

    def _on_picture(self, pictures: PictureFeed, picture: Picture) -> None:
        if picture.wish.mode is Mode.STEP:
            self._move(min(picture.time, self._duration))
        if picture.image is None:
            return
        if picture.wish.mode is Mode.FOLLOW and self._rate > 0:
            pictures.keep(picture.time, picture.image)
        else:
            self.frame_changed.emit(picture.image)

    def _take_sound(self) -> None:
        if self._sound is None or self._card is None:
            return
        if self._sound.broken:
            message = self._sound.broken.popleft()
            self._retire(self._sound)
            self._sound = None
            self._complain(message)
        elif self._is_running and self._clock is self._card:
            self._card.feed(self._sound.take)

    def _follow(self, course: Course) -> None:
        """Bring the playhead to where the clock says that it is."""
        if not self._is_running:
            self._start_clock_when_ready()
            return
        if self._clock is self._card and self._card is not None and self._card.has_failed():
            self._begin(self._position)
            self.failed.emit(
                "The sound device stopped answering: there is no sound until the studio is restarted."
            )
            return
        elapsed = self._clock.elapsed()
        self._position = course.at(elapsed)
        if course.is_over(elapsed):
            self.pause()
            return
        if time.monotonic() - self._reported_at >= _POSITION_EVERY:
            self._move(self._position)
        self._show_due()
        self._want(course.at(elapsed + (_LEAD if self._rate > 0 else 0.0)), Mode.FOLLOW)

    def _start_clock_when_ready(self) -> None:
        waits_for_sound = self._clock is self._card and self._sound is not None and not self._sound.is_ready
        if (not self.is_settled or waits_for_sound) and time.monotonic() - self._begun_at < _PATIENCE:
            return
        self._is_running = True
        self._clock.start()
        self._take_sound()

    def _show_due(self) -> None:
        """Show the newest picture whose time has come."""
        soon = self._position + _TICK_MS / 2000 * self._rate
        if self._pictures is not None and (image := self._pictures.due(soon)) is not None:
            self.frame_changed.emit(image)

    def _drop_picture(self) -> None:
        if self._pictures is not None:
            self._retire(self._pictures.thread)
        self._pictures = None
        self.frame_changed.emit(QImage())

    def _retire(self, thread: MediaThread) -> None:
        """Let a thread end on its own; `shutdown` waits for it."""
        self._retired = [retired for retired in self._retired if retired.is_alive()]
        thread.close()
        self._retired.append(thread)

    def _complain(self, message: str) -> None:
        """Stop, and say what is wrong; once, though both threads may find it."""
        self.pause()
        if message != self._complaint:
            self._complaint = message
            self.failed.emit(message)
