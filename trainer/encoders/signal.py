"""The built-in encoder: signal processing alone, without a download and without anything learned."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.encoders import looks, picture, sound
from trainer.encoders.encoding import (
    Encoder,
    EncoderError,
    FeatureSet,
    Loading,
    PictureIntake,
    Rows,
    SoundIntake,
)
from trainer.labels import Modality

AUDIO_SET, VISUAL_SET = "signal-audio", "signal-visual"

_VERSION = 1


class SignalSound:
    """Describes the sound of a clip (trainer.encoders.sound), also by how a second differs from the rest."""

    sets = (
        FeatureSet(
            AUDIO_SET,
            Modality.AUDIO,
            sound.WIDTH,
            1,
            {
                "sample_rate": sound.SOUND_RATE,
                "channels": 1,
                "mel_bands": sound.BANDS,
                "features": "log-mel, spectral shape, modulation, beat, difference from the clip's median",
            },
        ),
    )
    intake = SoundIntake(
        sound.SOUND_RATE,
        before=sound.BEFORE / sound.SOUND_RATE,
        after=sound.AFTER / sound.SOUND_RATE,
        keeps_power=True,
    )

    def begin(self) -> _Ear:
        return _Ear()


class SignalPicture:
    """Describes the pictures of a clip (trainer.encoders.picture): looks, motion, what stands out."""

    sets = (
        FeatureSet(
            VISUAL_SET,
            Modality.VISUAL,
            picture.WIDTH,
            1,
            {
                "frame_rate": looks.PICTURE_RATE,
                "width": looks.WIDTH,
                "height": looks.HEIGHT,
                "features": "colour, edges, texture, motion, foreground, difference from the clip's median",
            },
        ),
    )
    intake = PictureIntake(looks.PICTURE_RATE, (looks.WIDTH, looks.HEIGHT))

    def begin(self) -> _Eye:
        return _Eye()


class _Ear:
    """Takes in the sound of one clip. What it keeps of it takes 74 MB an hour."""

    def __init__(self) -> None:
        self._levels: list[NDArray[np.float32]] = []
        self._shapes: list[NDArray[np.float32]] = []
        self._latest: NDArray[np.float32] | None = None

    def add(self, given: NDArray[np.generic]) -> None:
        self._analyse()
        self._latest = np.asarray(given, np.float32)

    def finish(self, seconds: int) -> tuple[Rows, ...]:
        if self._latest is not None:
            self._latest = self._latest.copy()
            self._latest[-sound.AFTER :] = 0  # what is beyond the last second is no part of the clip
        self._analyse()
        return (sound.clip_features(np.concatenate(self._levels), np.concatenate(self._shapes)),)

    def _analyse(self) -> None:
        if self._latest is not None:
            levels, shapes = sound.analyse(self._latest)
            self._levels.append(levels)
            self._shapes.append(shapes)


class _Eye:
    """Takes in the pictures of one clip. What it keeps of them takes 40 MB an hour, and 260 MB on the disk."""

    def __init__(self) -> None:
        self._film = picture.Film()
        self._latest: tuple[NDArray[np.generic], looks.Picture] | None = None

    def add(self, given: NDArray[np.generic]) -> None:
        if self._latest is None or self._latest[0] is not given:
            blue_first = cv2.cvtColor(np.asarray(given, np.uint8), cv2.COLOR_RGB2BGR)
            self._latest = given, np.asarray(blue_first, np.uint8)
        self._film.add(self._latest[1])

    def finish(self, seconds: int) -> tuple[Rows, ...]:
        return (picture.picture_features(self._film, seconds),)


SIGNAL = Encoder("signal", _VERSION, (SignalSound(), SignalPicture()))


def load(loading: Loading) -> Encoder:
    """There is nothing to load. Raises EncoderError where something is given."""
    if loading.model:
        raise EncoderError("signal has no weights: leave out --model signal=…")
    return SIGNAL
