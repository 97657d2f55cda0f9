"""The player: where the playhead is, and the picture and the sound there."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from avvp_studio.media.frames import USUAL_SIZE
from avvp_studio.media.probe import MediaInfo
from avvp_studio.playback.bounds import Bounds
from avvp_studio.playback.card import SoundCard
from avvp_studio.playback.clock import Clock, Course, MonotonicClock
from avvp_studio.playback.feed import PictureFeed
from avvp_studio.playback.output import SystemOutput
from avvp_studio.playback.picture import Broken, Mode, Opened, Picture
from avvp_studio.playback.speaker import Speaker
from avvp_studio.playback.thread import Retired

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

_NO_DEVICE = "The sound device stopped answering: there is no sound until the studio is restarted."


class Player(QObject):
    """Plays one clip at a time. It never waits for a file: two threads do, and a timer takes what they made.

    Without media, or where they are broken, there is no picture, but the playhead moves all the same.
    """

    frame_changed = Signal(QImage)
    position_changed = Signal(float)
    playing_changed = Signal(bool)
    rate_changed = Signal(float)
    media_changed = Signal()
    failed = Signal(str)

    def __init__(
        self, parent: QObject | None = None, *, clock: Clock | None = None, card: SoundCard | None = None
    ) -> None:
        """It goes by the sound card (the system's, by itself); with a `clock` alone by that, silently."""
        super().__init__(parent)
        self.has_opened = threading.Event()
        """Not while a file is opened, until its first picture is shown: what else there is to do can wait."""
        self._retired = Retired()
        card = SoundCard(SystemOutput(self)) if clock is None and card is None else card
        self._speaker = Speaker(card, self._retired)
        self._silent_clock = clock or MonotonicClock()
        self._clock: Clock = self._silent_clock
        self._timer = QTimer(self, interval=_TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self._picture_size = USUAL_SIZE
        self._chosen_rate = self._rate = 1.0
        self._forget_media()

    def _forget_media(self) -> None:
        self._path: Path | None = None
        self._info: MediaInfo | None = None
        self._pictures: PictureFeed | None = None
        self._complaint = ""
        self._bounds = Bounds()
        self._position = 0.0
        self._course: Course | None = None
        self.has_opened.set()
        self._is_running = False  # whether the clock of the course has been started
        self._begun_at = self._reported_at = 0.0

    @property
    def position(self) -> float:
        return self._position

    @property
    def duration(self) -> float:
        return self._bounds.duration

    @property
    def home(self) -> float:
        """Where the playhead is, or will be again when the range that is played once is over."""
        return self._bounds.once[1] if self._bounds.once is not None else self._position

    @property
    def is_playing(self) -> bool:
        return self._course is not None

    @property
    def rate(self) -> float:
        """Negative while playing backwards."""
        return self._rate

    @property
    def loop(self) -> tuple[float, float] | None:
        return self._bounds.loop

    @property
    def info(self) -> MediaInfo | None:
        """What is in the file, once it is open."""
        return self._info

    @property
    def complaint(self) -> str:
        """What is wrong with the file; empty when nothing is."""
        return self._complaint

    @property
    def is_settled(self) -> bool:
        """Whether the picture that was asked for last is shown (or there is none to come)."""
        return self._pictures is None or self._pictures.is_settled

    @property
    def frame_duration(self) -> float:
        """The mean time from one frame to the next."""
        return 1 / self._info.video.fps if self._info is not None and self._info.video else _FRAME_DURATION

    def open(self, path: Path | None, duration: float, proxy: Path | None = None) -> None:
        """Show a clip from its beginning, with the pictures of its proxy. Duration 0: that of the file."""
        self.close()
        self._path, self._bounds.duration = path, max(0.0, duration)
        self.media_changed.emit()
        if path is not None:
            self.has_opened.clear()
            self._pictures = PictureFeed(path, proxy, self._picture_size)
            self._want(0.0, Mode.SHOW)
        self.position_changed.emit(0.0)

    def set_proxy(self, proxy: Path | None) -> None:
        """Take the pictures from another proxy of the file, or (None) from the file itself, from now on."""
        if self._path is not None and self._pictures is not None:
            self._retired.add(self._pictures.thread)
            self._pictures = PictureFeed(self._path, proxy, self._picture_size)
            self._want(self._position, Mode.SHOW)

    def set_picture_size(self, most: tuple[int, int]) -> None:
        """Make pictures smaller where they are larger than this (width, height)."""
        has_changed, self._picture_size = most != self._picture_size, most
        if has_changed and self._pictures is not None:
            self._pictures.thread.within = most
            self._want(self._position, Mode.SHOW)

    def close(self) -> None:
        """Let go of the clip. The threads end on their own."""
        self.pause()
        if self._pictures is not None:
            self._retired.add(self._pictures.thread)
        self._speaker.close()
        self._forget_media()
        self.frame_changed.emit(QImage())

    def shutdown(self) -> None:
        """Close, and wait briefly for the threads to end. Nothing may be called after it."""
        self.close()
        self._timer.stop()
        self._retired.join()

    def play(self) -> None:
        """Play from here; from the beginning (of the loop) at the end of the clip, or outside the loop."""
        if self.is_playing or self.duration <= 0:
            return
        self._begin(self._bounds.start(self._position, self._rate))
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stop here. A shuttle ends: the rate is the chosen one again."""
        if not self.is_playing:
            return
        self._halt()
        self._bounds.once = None
        self._change_rate(self._chosen_rate)
        self._move(self._position)
        self._want(self._position, Mode.SHOW)
        self.playing_changed.emit(False)

    def play_once(self, onset: float, offset: float) -> None:
        """Play a range from its onset, without any loop; at its end the playhead goes back to where it was."""
        part = self._bounds.cut(onset, offset)
        if part is None:
            return
        home, was_playing = self.home, self.is_playing
        self._halt()
        self._change_rate(self._chosen_rate)
        self._bounds.once = (part[1], home)
        self._begin(part[0])
        if not was_playing:
            self.playing_changed.emit(True)

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
        if not self.is_playing:
            self._speaker.scrub(self._position, self.duration)
            self._timer.start()

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
        loop = None if loop is None else self._bounds.cut(*loop)
        if loop == self.loop:
            return
        self._bounds.loop = loop
        if self.is_playing:
            self._bounds.once = None
            self._begin(self._bounds.start(self._position, self._rate))

    def set_scrub_sound(self, is_on: bool) -> None:
        """Whether a moment of sound is heard wherever the playhead is dragged to."""
        self._speaker.set_heard_scrubbing(is_on)

    def set_muted(self, is_muted: bool) -> None:
        self._speaker.set_muted(is_muted)

    def _begin(self, start: float, mode: Mode = Mode.SHOW) -> None:
        """Play from `start`: ask for its picture and sound; the clock starts when both are there."""
        self._halt()
        self._course = self._bounds.course(start, self._rate)
        self._begun_at = time.monotonic()
        self._clock = self._speaker.begin(self._course) or self._silent_clock
        self._move(start)
        self._want(start, mode)
        self._timer.start()

    def _halt(self) -> None:
        self._clock.stop()
        self._speaker.stop()
        self._course = None
        self._is_running = False

    def _go(self, t: float, mode: Mode) -> None:
        t = self._bounds.clamped(t)
        if self.is_playing:
            self._bounds.once = None
            self._begin(t, mode)
        else:
            self._want(t, mode)
            self._move(t)

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
            self._pictures.want(t, mode, steps=steps, ahead=_READ_AHEAD * self._rate)
            self._timer.start()

    def _on_tick(self) -> None:
        self._take_pictures()
        self._take_sound()
        if self._course is not None:
            self._follow(self._course)
            return
        is_heard = self._speaker.follow_scrub()
        if not is_heard and self.is_settled and (self._pictures is None or self._info is not None):
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
        self._bounds.duration = self.duration or info.duration
        if info.video is None:
            self._drop_picture()
        has_sound = info.audio is not None and self._path is not None and self._speaker.open(self._path)
        if has_sound and self.is_playing:
            self._begin(self._position)
        self.media_changed.emit()

    def _on_picture(self, pictures: PictureFeed, picture: Picture) -> None:
        if picture.wish.mode is Mode.STEP:
            self._move(min(picture.time, self.duration))
        if picture.image is not None and picture.wish.mode is Mode.FOLLOW and self._rate > 0:
            pictures.keep(picture.time, picture.image)
        elif picture.image is not None:
            self.frame_changed.emit(picture.image)
        if not self.has_opened.is_set():
            QTimer.singleShot(0, self.has_opened.set)  # when it is painted

    def _take_sound(self) -> None:
        if complaint := self._speaker.complaint():
            self._complain(complaint)
        elif self._is_running and self._clock is not self._silent_clock:
            self._speaker.feed()

    def _follow(self, course: Course) -> None:
        """Bring the playhead to where the clock says that it is."""
        if not self._is_running:
            self._start_clock_when_ready()
            return
        if self._speaker.has_failed(self._clock):
            self._begin(self._position)
            self.failed.emit(_NO_DEVICE)
            return
        elapsed = self._clock.elapsed()
        self._position = course.at(elapsed)
        if course.is_over(elapsed):
            home = self.home if self._bounds.once is not None else None
            self.pause()
            if home is not None:
                self.seek(home)
            return
        if time.monotonic() - self._reported_at >= _POSITION_EVERY:
            self._move(self._position)
        self._show_due()
        self._want(course.at(elapsed + (_LEAD if self._rate > 0 else 0.0)), Mode.FOLLOW)

    def _start_clock_when_ready(self) -> None:
        is_ready = self.is_settled and self._speaker.is_ready
        if not is_ready and time.monotonic() - self._begun_at < _PATIENCE:
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
            self._retired.add(self._pictures.thread)
        self._pictures = None
        self.has_opened.set()
        self.frame_changed.emit(QImage())

    def _complain(self, message: str) -> None:
        """Stop, and say what is wrong; once, though both threads may find it."""
        self.pause()
        if message != self._complaint:
            self._complaint = message
            self.failed.emit(message)
