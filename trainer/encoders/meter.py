"""How far an extraction is, in seconds of media, of which not every length is known before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from trainer.encoders.encoding import EncoderError
from trainer.encoders.media import opened, outline_of
from trainer.encoders.plan import Work
from trainer.labels import segment_count
from trainer.progress import progress_of
from trainer.protocol import Reporter

_PROBES = 8
"""Files whose headers tell how long a byte lasts in this collection, before the first file is done."""


class Meter:
    """Counts seconds of media that are done, and how many there will be; unknown lengths go by the size."""

    def __init__(self, work: Sequence[Work], reporter: Reporter) -> None:
        self._report = progress_of(reporter, "extract", stops=False)
        self._files, self._files_done = len(work), 0
        self._done = 0.0
        self._left_known = float(sum(segment_count(it.duration) for it in work if it.duration is not None))
        unknown = [it for it in work if it.duration is None]
        self._left_bytes = sum(it.size for it in unknown)
        self._seen = _probed(unknown[:: max(1, len(unknown) // _PROBES)][:_PROBES])
        self.tell([])

    def done(self, work: Work, seconds: int | None) -> None:
        """A file is done, and was so long; None where it could not be read."""
        self._files_done += 1
        if work.duration is not None:
            self._left_known -= segment_count(work.duration)
        else:
            self._left_bytes -= work.size
            self._seen = self._seen[0] + (seconds or 0), self._seen[1] + work.size
        self._done += seconds or 0

    def tell(self, positions: Sequence[tuple[Work, float, float]]) -> None:
        """Report it, with the files that are being read: seconds read, and of how many by their headers."""
        seconds, size = self._seen
        left = self._left_known + self._left_bytes * (seconds / size if size else 0.0)
        done = self._done + sum(position for _, position, _ in positions)
        for work, _, length in positions:
            if work.duration is None and length and size:  # better known than by its size
                left += length - work.size * seconds / size
        total = max(self._done + left, done)
        if self._files_done < self._files:
            total = max(total, done + 1)  # to the end something is left
        self._send(int(done), round(total))

    def finish(self) -> None:
        """All files are done."""
        self._send(int(self._done), int(self._done))

    def _send(self, done: int, total: int) -> None:
        self._report(done, total, f"{self._files_done} of {self._files} files")


def _probed(work: Sequence[Work]) -> tuple[float, int]:
    """The seconds and bytes of some files, by their headers."""
    seconds, size = 0.0, 0
    for it in work:
        with suppress(EncoderError), opened(it.clip.path) as container:
            length = outline_of(container, it.clip.path).length
            seconds, size = seconds + length, size + (it.size if length else 0)
    return seconds, size
