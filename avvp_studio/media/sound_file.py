"""A stretch of a clip's sound as a file of its own, to send around or to listen to elsewhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import soundfile

from avvp_studio.media.audio import SAMPLE_RATE, AudioReader
from avvp_studio.media.errors import MediaError
from trainer.whole_files import written_whole

SOUND_SUFFIXES = (".wav", ".flac", ".ogg")


def save_sound(source: Path, out: Path, *, onset: float, offset: float) -> None:
    """Write the sound from `onset` to `offset` (seconds) of a media file; the suffix of `out` says how.

    Raises MediaError when there is none to write, or `out` has no suffix of SOUND_SUFFIXES, and OSError.
    """
    kind = out.suffix.lower()
    if kind not in SOUND_SUFFIXES:
        raise MediaError(f"{out.name}: give a name that ends in {', '.join(SOUND_SUFFIXES)}")
    wanted = round((offset - onset) * SAMPLE_RATE)
    written = 0
    with closing(AudioReader(source)) as reader, written_whole(out) as partial:
        with soundfile.SoundFile(
            partial, "w", samplerate=SAMPLE_RATE, channels=reader.channels, format=kind[1:].upper()
        ) as file:
            for block in reader.blocks(onset):
                some = block[:, : wanted - written]
                file.write(some.T)
                written += some.shape[1]
                if written >= wanted:
                    break
        if not written:
            raise MediaError(f"{source.name} has no sound from {onset:g} s on: choose another range")
