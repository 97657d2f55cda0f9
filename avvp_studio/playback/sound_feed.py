"""The sound of one file on the GUI thread's side: what is to be heard goes from its thread to the card."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.playback.card import SoundCard
from avvp_studio.playback.clock import Clock, Course
from avvp_studio.playback.sound import BYTES_PER_SAMPLE, SoundThread

_SNIPPET = 0.1
"""Seconds that are heard of a place where the playhead is dragged to."""
_FADE = SAMPLE_RATE // 200
"""Samples over which a snippet comes and goes, so that it does not click."""
_LINGER = 0.5
"""The card is kept open so long for the next snippet."""


class SoundFeed:
    """Starts a thread that makes the sound of a file."""

    def __init__(self, path: Path, card: SoundCard) -> None:
        self.thread = SoundThread(path)
        self._card = card
        self._wanted: Course | None = None  # the snippet that comes next
        self._made: Course | None = None  # the one that is being made
        self._quiet_at: float | None = None  # when the last one is over; none while there were none
        self.thread.start()

    def begin(self, course: Course) -> Clock | None:
        """Make the sound of a course; the clock to go by, None where it cannot be heard."""
        self.stop()
        if course.rate <= 0 or not self._card.is_available():
            return None
        self.thread.play(course)
        return self._card

    def stop(self) -> None:
        self.thread.play(None)
        self._wanted = self._made = None
        if self._quiet_at is not None:
            self._quiet_at = None
            self._card.stop()

    def feed(self) -> None:
        """Give the card as much of the course as it has room for."""
        self._card.feed(self.thread.take)

    def complaint(self) -> str | None:
        """Why there is no sound any more, once."""
        return self.thread.broken.popleft() if self.thread.broken else None

    def scrub(self, t: float, duration: float) -> None:
        """Let a moment of sound be heard at `t`, when that of the place before is over."""
        self._wanted = Course(t, 1.0, min(t + _SNIPPET, duration))

    def follow_scrub(self) -> bool:
        """Play the snippet that is wanted last; false when there is nothing more to do."""
        now = time.monotonic()
        if self._made is not None and self.thread.is_ready:
            self._play_snippet(self._made, now)
        elif self._made is None and self._wanted is not None and now >= (self._quiet_at or 0.0):
            self._begin_snippet(self._wanted, now)
        elif self._quiet_at is not None and now > self._quiet_at + _LINGER:
            self.stop()
        return self._quiet_at is not None

    def _begin_snippet(self, course: Course, now: float) -> None:
        self._wanted = None
        if self._quiet_at is None:
            if not self._card.is_available():
                return
            self._card.start()
        elif self._card.has_failed():
            self.stop()
            return
        self._made, self._quiet_at = course, now
        self.thread.play(course)

    def _play_snippet(self, course: Course, now: float) -> None:
        length = round((course.duration - course.onset) * SAMPLE_RATE)
        samples = np.frombuffer(self.thread.take(length * BYTES_PER_SAMPLE), np.int16).reshape(-1, 2)
        self.thread.play(None)
        ramp = np.minimum(np.arange(len(samples)), np.arange(len(samples))[::-1]) / _FADE
        faded = (samples * np.minimum(ramp, 1.0)[:, None]).astype(np.int16)
        self._card.feed(lambda room: faded.tobytes()[:room])
        self._made, self._quiet_at = None, now + len(samples) / SAMPLE_RATE
