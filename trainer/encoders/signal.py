"""The built-in encoder: signal processing alone, without a download and without anything learned."""

from __future__ import annotations

from pathlib import Path

from trainer.encoders import media, picture, sound
from trainer.encoders.encoder import Encoded, Encoder, EncoderError, FeatureSet
from trainer.labels import segment_count

AUDIO_SET, VISUAL_SET = "signal-audio", "signal-visual"


def encode(path: Path, duration: float | None = None) -> Encoded:
    """Features (T, sound.WIDTH) and (T, picture.WIDTH) of a file, cut or filled up to `duration` seconds.

    What is not there counts as silence and as a black picture, and a note says so. Raises EncoderError.
    """
    outline = media.look(path)
    limit = None if duration is None else float(segment_count(duration))
    heard = media.read_sound(path, outline, limit)
    pictures = media.Pictures(path, outline, limit)
    film = picture.Film().add_all(pictures)
    if heard.end == film.end == 0:
        raise EncoderError(f"{path}: nothing in it can be decoded, the file is damaged; get it again")
    seconds = segment_count(max(heard.end, film.end) if duration is None else duration)
    notes = [
        *_missing("sound", "silence", has_stream=outline.has_sound, end=heard.end, seconds=seconds),
        *_missing("picture", "black", has_stream=outline.has_picture, end=film.end, seconds=seconds),
    ]
    if heard.is_damaged or pictures.is_damaged:
        notes.append("the file is damaged: what could not be decoded was left out")
    features = {
        AUDIO_SET: sound.sound_features(heard.samples, seconds),
        VISUAL_SET: picture.picture_features(film, seconds),
    }
    return Encoded(features, tuple(notes))


def _missing(what: str, instead: str, *, has_stream: bool, end: float, seconds: int) -> list[str]:
    if not has_stream:
        return [f"there is no {what}: it counts as {instead}"]
    if end == 0:
        return [f"the {what} cannot be decoded: it counts as {instead}"]
    if end <= seconds - 1:  # a whole segment is missing
        return [f"the {what} ends at {end:.1f} s of {seconds} s: the rest counts as {instead}"]
    return []


SIGNAL = Encoder(
    name="signal",
    version=1,
    sets=(
        FeatureSet(
            AUDIO_SET,
            sound.WIDTH,
            1,
            {
                "sample_rate": media.SOUND_RATE,
                "channels": 1,
                "mel_bands": sound.BANDS,
                "features": "log-mel, spectral shape, modulation, beat, difference from the clip's median",
            },
        ),
        FeatureSet(
            VISUAL_SET,
            picture.WIDTH,
            1,
            {
                "frame_rate": media.PICTURE_RATE,
                "width": media.WIDTH,
                "height": media.HEIGHT,
                "features": "colour, edges, texture, motion, foreground, difference from the clip's median",
            },
        ),
    ),
    encode=encode,
)
