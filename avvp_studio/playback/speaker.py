"""The sound of the clip that is open: whether there is any, and whether it can be heard."""

from __future__ import annotations

from pathlib import Path

from avvp_studio.playback.card import SoundCard
from avvp_studio.playback.clock import Clock, Course
from avvp_studio.playback.sound_feed import SoundFeed
from avvp_studio.playback.thread import Retired


class Speaker:
    """Silent without a card, or while no sound is open. Lives in the GUI thread."""

    def __init__(self, card: SoundCard | None, retired: Retired) -> None:
        self._card = card
        self._retired = retired
        self._feed: SoundFeed | None = None
        self._is_heard_scrubbing = False

    @property
    def is_ready(self) -> bool:
        """Whether there is enough to begin with (or nothing is to be heard)."""
        return self._feed is None or self._feed.thread.is_ready

    def open(self, path: Path) -> bool:
        """Take the sound of a file; false where there is one already, or none can be heard."""
        if self._feed is not None or self._card is None:
            return False
        self._feed = SoundFeed(path, self._card)
        return True

    def close(self) -> None:
        """Let go of the file. Its thread ends on its own."""
        if self._feed is not None:
            self._feed.stop()
            self._retired.add(self._feed.thread)
            self._feed = None

    def begin(self, course: Course) -> Clock | None:
        """Make the sound of a course; the clock to go by, None where it cannot be heard."""
        return None if self._feed is None else self._feed.begin(course)

    def stop(self) -> None:
        if self._feed is not None:
            self._feed.stop()

    def feed(self) -> None:
        """Give the card what it has room for."""
        if self._feed is not None:
            self._feed.feed()

    def complaint(self) -> str | None:
        """Why there is no sound any more, once."""
        found = None if self._feed is None else self._feed.complaint()
        if found is not None:
            self.close()
        return found

    def has_failed(self, clock: Clock) -> bool:
        """Whether it is the card that is gone by, and its device went away."""
        return self._card is not None and clock is self._card and self._card.has_failed()

    def set_muted(self, is_muted: bool) -> None:
        if self._card is not None:
            self._card.set_muted(is_muted)

    def set_heard_scrubbing(self, is_heard: bool) -> None:
        """Whether a moment of sound is heard wherever the playhead is dragged to."""
        self._is_heard_scrubbing = is_heard

    def scrub(self, t: float, duration: float) -> None:
        """The playhead is dragged to `t`."""
        if self._feed is not None and self._is_heard_scrubbing:
            self._feed.scrub(t, duration)

    def follow_scrub(self) -> bool:
        """Play what the last drags ask for; false when there is nothing more to do."""
        return self._feed is not None and self._feed.follow_scrub()
