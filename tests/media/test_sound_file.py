"""The sound of a range, saved: the right samples in the right format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from avvp_studio.media.audio import SAMPLE_RATE, AudioReader
from avvp_studio.media.errors import MediaError
from avvp_studio.media.sound_file import save_sound
from tests.media_files import Sound, Video, write_media


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_media(tmp_path / "a.mp4", Video(), Sound())


def test_the_range_is_saved_sample_for_sample(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.wav"
    save_sound(clip, out, onset=0.5, offset=1.25)
    samples, rate = soundfile.read(out, dtype="int16", always_2d=True)
    assert rate == SAMPLE_RATE
    assert len(samples) == round(0.75 * SAMPLE_RATE)
    reader = AudioReader(clip)
    expected = np.concatenate(list(reader.blocks(0.5)), axis=1)[:, : len(samples)]
    reader.close()
    np.testing.assert_array_equal(samples.T, expected)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "A.WAV"])
def test_other_formats_hold_the_same_length(clip: Path, tmp_path: Path, name: str) -> None:
    save_sound(clip, tmp_path / name, onset=0.0, offset=1.0)
    assert soundfile.info(tmp_path / name).frames == SAMPLE_RATE


def test_what_cannot_be_saved_is_said_and_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"ends in \.wav"):
        save_sound(clip, tmp_path / "a.mp3", onset=0, offset=1)
    with pytest.raises(MediaError, match="no sound from 500 s on"):
        save_sound(clip, tmp_path / "b.wav", onset=500, offset=501)
    silent = write_media(tmp_path / "silent.mp4", Video(), None)
    with pytest.raises(MediaError, match="has no sound"):
        save_sound(silent, tmp_path / "c.wav", onset=0, offset=1)
    assert not list(tmp_path.glob("*.wav*"))
