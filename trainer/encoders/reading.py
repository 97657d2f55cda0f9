"""Reads a file once for several intakes: each gets what it asks for in the order of time, second by second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from numpy.typing import NDArray

from trainer.encoders.encoding import EncoderError, Intake, PictureIntake, SoundIntake
from trainer.encoders.media import Frames, Outline, Source, opened, outline_of, shown
from trainer.encoders.pictures import Screen, whole_tenths
from trainer.encoders.waves import Wave, WholeSound, Windows
from trainer.labels import segment_count

Given = NDArray[np.generic]

_CLOCK_RATE = 16_000
"""Hz at which the end of the sound is told, whatever rates are asked for."""


class Reading:
    """One pass over a file; iterate once. Memory does not grow with the file's length.

    Gives pairs: the number of an intake, and a second of sound (all of it, for a whole clip) or one picture.
    Sound comes to the end of the clip, with silence where there is none. Pictures end with those that the file
    has; the same array comes again where nothing new was shown.

    Without a `duration` in seconds, that of the longer of sound and picture counts, whatever the intakes are.
    Raises EncoderError.
    """

    def __init__(self, source: Source, intakes: Sequence[Intake], duration: float | None = None) -> None:
        self._source, self._intakes, self._duration = source, intakes, duration
        self._limit = None if duration is None else float(segment_count(duration))
        self.length = self._limit or 0.0
        """Seconds, by the headers; 0 where they do not say, and before anything is read."""
        self.position = 0.0
        """Seconds that are read."""
        self.seconds = 0
        """T of the clip, once it is read."""
        self.notes: tuple[str, ...] = ()
        """What a person should know of the file, once it is read."""
        self.held: list[tuple[int, Given]] = []
        """Once it is read: the last picture, for what its second lacks of pictures."""

    def __iter__(self) -> Iterator[tuple[int, Given]]:
        with opened(self._source) as container:
            outline = outline_of(container, self._source)
            self.length = self._limit or outline.length
            yield from self._read(container, outline)

    def _read(self, container: InputContainer, outline: Outline) -> Iterator[tuple[int, Given]]:
        sounds = [(i, intake) for i, intake in enumerate(self._intakes) if isinstance(intake, SoundIntake)]
        pictures = [(i, intake) for i, intake in enumerate(self._intakes) if isinstance(intake, PictureIntake)]
        # Both streams say how long the clip is: sound in decoding, which is cheap, pictures also undecoded.
        tells_length = self._limit is None
        audio = outline.audio if sounds or tells_length else None
        video = outline.video if pictures else None
        hearing = _Hearing(sounds, outline.start, self._limit)
        screen = Screen(pictures, outline.video, self._limit)
        if video is not None:
            video.thread_count = 1  # files are decoded side by side
        frames = Frames(
            container,
            outline,
            self._limit,
            decoded=[stream for stream in (video, audio) if stream is not None],
            measured=outline.video if tells_length and video is None else None,
        )
        for time, frame in frames:
            self.position = max(self.position, time if self._limit is None else min(time, self._limit))
            if isinstance(frame, AudioFrame):
                yield from hearing.add(frame)
            else:
                yield from screen.add(time, frame)
        yield from hearing.close()
        yield from screen.close()
        self.held = list(screen.held())
        screen_end = screen.end or whole_tenths(frames.measured_end)
        if hearing.end == screen_end == 0:
            name = shown(self._source)
            raise EncoderError(f"{name}: nothing in it can be decoded, the file is damaged; get it again")
        length = max(hearing.end, screen_end) if self._duration is None else self._duration
        self.seconds = segment_count(length)
        self.position = max(self.position, float(self.seconds))
        yield from hearing.finish(self.seconds)
        self.notes = (
            *(self._missing("sound", "silence", outline.audio, hearing.end) if sounds else ()),
            *(self._missing("picture", "black", outline.video, screen_end) if pictures else ()),
            *(self._cut_off(outline, length) if tells_length else ()),
            *(["some of its time stamps are wrong, and are not followed"] if frames.has_wrong_times else ()),
            *(["the file is damaged: what could not be decoded was left out"] if frames.is_damaged else ()),
        )

    def _cut_off(self, outline: Outline, end: float) -> Iterator[str]:
        if end <= outline.promised - 1:
            yield f"the file is cut off: it ends at {end:.1f} s of the {outline.promised:.1f} s it should have"

    def _missing(self, what: str, instead: str, stream: object, end: float) -> Iterator[str]:
        if stream is None:
            yield f"there is no {what}: it counts as {instead}"
        elif end == 0:
            yield f"the {what} cannot be decoded: it counts as {instead}"
        elif end <= self.seconds - 1:  # a whole segment is missing
            yield f"the {what} ends at {end:.1f} s of {self.seconds} s: the rest counts as {instead}"


class _Hearing:
    """The sound of a file for all sound intakes, each numbered: a wave for each rate and mix."""

    def __init__(self, intakes: Sequence[tuple[int, SoundIntake]], start: float, limit: float | None) -> None:
        kinds = {(it.rate, it.keeps_power) for _, it in intakes}
        clock = next((kind for kind in sorted(kinds) if kind[0] == _CLOCK_RATE), (_CLOCK_RATE, False))
        self._waves = {kind: Wave(kind[0], start, limit, keeps_power=kind[1]) for kind in (*kinds, clock)}
        self._clock = self._waves[clock]
        self._takers = [
            (i, (it.rate, it.keeps_power), WholeSound(it) if it.is_whole else Windows(it)) for i, it in intakes
        ]

    @property
    def end(self) -> float:
        """Seconds so far."""
        return self._clock.end

    def add(self, frame: AudioFrame) -> Iterator[tuple[int, Given]]:
        """What a frame completes."""
        for kind, wave in self._waves.items():
            yield from self._taken(kind, wave.add(frame))

    def close(self) -> Iterator[tuple[int, Given]]:
        """What the end of the stream completes."""
        for kind, wave in self._waves.items():
            yield from self._taken(kind, wave.close())

    def finish(self, seconds: int) -> Iterator[tuple[int, Given]]:
        """The rest, filled up with silence."""
        for number, _, taker in self._takers:
            yield from ((number, window) for window in taker.finish(seconds))

    def _taken(
        self, kind: tuple[int, bool], blocks: Iterator[NDArray[np.float32]]
    ) -> Iterator[tuple[int, Given]]:
        for block in blocks:
            for number, its_kind, taker in self._takers:
                if its_kind == kind:
                    yield from ((number, window) for window in taker.add(block))
