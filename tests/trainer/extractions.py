"""What tests of extraction have in common: three clips, a folder of features, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.media_files import Sound, Video, write_media
from trainer.encoders.encoding import Encoder
from trainer.encoders.extract import ExtractReport
from trainer.encoders.extract import extract as extract_clips
from trainer.encoders.plan import Clip
from trainer.encoders.signal import AUDIO_SET, SIGNAL, VISUAL_SET
from trainer.protocol import (
    MESSAGES_FILE,
    Message,
    Note,
    Reporter,
    read_message,
)

SHORT = Video(frames=24, rate="12")
SETS = (AUDIO_SET, VISUAL_SET)


@pytest.fixture
def media(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "media"
    folder.mkdir()
    return {
        name: write_media(folder / f"{name}.mp4", SHORT, Sound(seconds=2, kind=kind))
        for name, kind in (("one", "clicks"), ("two", "tone"), ("three", "silence"))
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "features"


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "run"


def extract(
    media: Mapping[str, Path],
    out: Path,
    reporter: Reporter | None = None,
    *,
    durations: Mapping[str, float] | None = None,
    jobs: int = 2,
    encoders: Sequence[Encoder] = (SIGNAL,),
) -> ExtractReport:
    clips = [Clip(name, path, (durations or {}).get(name)) for name, path in media.items()]
    return extract_clips(encoders, clips, out, reporter or Reporter(None), jobs=jobs)


def why(report: ExtractReport) -> dict[str, str]:
    return {each.clip.name: each.reason for each in report.outcomes if each.outcome == "failed"}


def messages(run_dir: Path) -> list[Message]:
    lines = (run_dir / MESSAGES_FILE).read_text(encoding="utf-8").splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def notes(run_dir: Path) -> list[str]:
    return [message.text for message in messages(run_dir) if isinstance(message, Note)]


def written(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*.npy")}
