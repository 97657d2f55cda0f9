"""Extraction of many files into a feature store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.media_files import Sound, Video, write_media
from trainer.encoders import EncoderError, extract
from trainer.encoders.extract import ENCODER_FILE
from trainer.encoders.signal import AUDIO_SET, SIGNAL, VISUAL_SET
from trainer.features import FeatureStore
from trainer.protocol import (
    MESSAGES_FILE,
    STOP_FILE,
    Message,
    Note,
    Progress,
    Reporter,
    StopRequested,
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


def messages(run_dir: Path) -> list[Message]:
    lines = (run_dir / MESSAGES_FILE).read_text(encoding="utf-8").splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def notes(run_dir: Path) -> list[str]:
    return [message.text for message in messages(run_dir) if isinstance(message, Note)]


def written(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*.npy")}


def test_every_clip_gets_a_file_in_each_set_that_a_parser_can_read(
    media: dict[str, Path], out: Path, run_dir: Path
) -> None:
    report = extract("signal", media, out, Reporter(run_dir))
    assert set(report.encoded) == set(media)
    assert (report.skipped, report.failed) == ((), {})
    assert written(out) == {f"{features}/{name}.npy" for features in SETS for name in media}
    features = FeatureStore(out, audio=AUDIO_SET, visual=(VISUAL_SET,)).read(media)
    assert set(features.lengths.tolist()) == {2}
    assert features.widths == {features.name: features.width for features in SIGNAL.sets}
    assert features.zeros == ()


def test_progress_says_how_many_of_how_many_files_are_done(
    media: dict[str, Path], out: Path, run_dir: Path
) -> None:
    extract("signal", media, out, Reporter(run_dir))
    progress = [message for message in messages(run_dir) if isinstance(message, Progress)]
    assert {(message.stage, message.total) for message in progress} == {("extract", 3)}
    assert (progress[0].done, progress[-1].done, progress[-1].eta_s) == (0, 3, 0)


def test_a_set_says_which_encoder_made_it(media: dict[str, Path], out: Path) -> None:
    extract("signal", media, out, Reporter(None))
    for features in SIGNAL.sets:
        said = json.loads((out / features.name / ENCODER_FILE).read_text())
        assert said["preprocessing"]
        del said["preprocessing"]
        assert said == {"name": "signal", "version": SIGNAL.version, "width": features.width, "rate": 1}


def test_the_duration_sets_the_rows_and_an_llp_name_says_it_too(media: dict[str, Path], out: Path) -> None:
    clips = {"one": media["one"], "BjCEufrlXm4_20_23": media["two"], "three": media["three"]}
    extract("signal", clips, out, Reporter(None), durations={"one": 4.0})
    rows = {path.stem: len(np.load(path)) for path in (out / AUDIO_SET).glob("*.npy")}
    assert rows == {"one": 4, "BjCEufrlXm4": 3, "three": 2}


def test_going_on_encodes_only_what_is_missing(media: dict[str, Path], out: Path, run_dir: Path) -> None:
    extract("signal", {"one": media["one"]}, out, Reporter(None))
    kept = out / AUDIO_SET / "one.npy"
    before = kept.stat().st_mtime_ns
    report = extract("signal", media, out, Reporter(run_dir))
    assert report.skipped == ("one",)
    assert set(report.encoded) == {"two", "three"}
    assert kept.stat().st_mtime_ns == before
    assert notes(run_dir) == ["1 of 3 clips have their features already"]


def test_a_clip_that_lacks_one_of_its_files_is_encoded_again(media: dict[str, Path], out: Path) -> None:
    extract("signal", media, out, Reporter(None))
    (out / VISUAL_SET / "two.npy").unlink()
    report = extract("signal", media, out, Reporter(None))
    assert report.encoded == ("two",)
    assert len(written(out)) == 6


def test_a_bad_file_is_noted_and_the_rest_goes_on(
    media: dict[str, Path], out: Path, run_dir: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("not a video")
    report = extract("signal", {"bad": bad, **media}, out, Reporter(run_dir))
    assert set(report.encoded) == set(media)
    assert list(report.failed) == ["bad"]
    assert len(notes(run_dir)) == 1
    assert notes(run_dir)[0].startswith(f"bad: no features, {bad}: is not a video or sound file")
    assert not any("bad" in name for name in written(out))


def test_when_no_file_at_all_can_be_encoded_that_is_an_error(out: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"none of the 1 clips could be encoded.*gone\.mp4"):
        extract("signal", {"gone": tmp_path / "gone.mp4"}, out, Reporter(None))


def test_a_clip_without_sound_is_noted_by_its_name(out: Path, run_dir: Path, tmp_path: Path) -> None:
    clips = {"mute": write_media(tmp_path / "mute.mp4", SHORT, None)}
    extract("signal", clips, out, Reporter(run_dir))
    assert notes(run_dir) == ["mute: there is no sound: it counts as silence"]


def test_a_stop_ends_it_before_the_next_file_and_it_can_go_on_later(
    media: dict[str, Path], out: Path, run_dir: Path
) -> None:
    class StopsAfterTheFirst(Reporter):
        """Asks for a stop when it hears of the first file."""

        def send(self, message: Message) -> None:
            super().send(message)
            if isinstance(message, Note):
                (run_dir / STOP_FILE).touch()

    clips = {f"clip-{i}": media["one"] for i in range(8)}
    with pytest.raises(StopRequested):
        extract("signal", clips, out, StopsAfterTheFirst(run_dir), durations=dict.fromkeys(clips, 5.0))
    done = len(list((out / AUDIO_SET).glob("*.npy")))
    assert 1 <= done < len(clips)
    assert not list(out.rglob("*.part"))
    (run_dir / STOP_FILE).unlink()
    report = extract("signal", clips, out, Reporter(run_dir))
    assert len(report.skipped) == done
    assert len(report.encoded) == len(clips) - done


def test_features_of_another_version_are_not_mixed_with_new_ones(media: dict[str, Path], out: Path) -> None:
    extract("signal", {"one": media["one"]}, out, Reporter(None))
    record = out / AUDIO_SET / ENCODER_FILE
    record.write_text(json.dumps({**json.loads(record.read_text()), "version": SIGNAL.version + 1}))
    with pytest.raises(EncoderError, match=f"signal version {SIGNAL.version + 1}.* do not mix") as caught:
        extract("signal", media, out, Reporter(None))
    assert str(out / AUDIO_SET) in str(caught.value)
    assert len(written(out)) == 2


def test_features_that_do_not_say_who_made_them_are_not_added_to(media: dict[str, Path], out: Path) -> None:
    (out / AUDIO_SET).mkdir(parents=True)
    np.save(out / AUDIO_SET / "old.npy", np.ones((2, 3), np.float32))
    with pytest.raises(EncoderError, match=ENCODER_FILE):
        extract("signal", media, out, Reporter(None))


def test_a_damaged_record_of_the_encoder_is_named(media: dict[str, Path], out: Path) -> None:
    (out / AUDIO_SET).mkdir(parents=True)
    (out / AUDIO_SET / ENCODER_FILE).write_text("{")
    with pytest.raises(EncoderError, match=r"encoder\.json: does not say"):
        extract("signal", media, out, Reporter(None))


def test_two_clips_of_one_video_do_not_overwrite_one_another(media: dict[str, Path], out: Path) -> None:
    clips = {"BjCEufrlXm4_20_22": media["one"], "BjCEufrlXm4_40_42": media["two"]}
    report = extract("signal", clips, out, Reporter(None))
    assert report.encoded == ("BjCEufrlXm4_20_22",)
    assert "BjCEufrlXm4_20_22 is of the same video" in report.failed["BjCEufrlXm4_40_42"]


def test_a_name_cannot_lead_out_of_the_store(media: dict[str, Path], out: Path, tmp_path: Path) -> None:
    report = extract("signal", {"../../x": media["one"], **media}, out, Reporter(None))
    assert list(report.failed) == ["../../x"]
    assert not (tmp_path / "x.npy").exists()


def test_an_encoder_that_does_not_exist_is_refused(media: dict[str, Path], out: Path) -> None:
    with pytest.raises(EncoderError, match="no encoder 'clap'; choose one of: signal"):
        extract("clap", media, out, Reporter(None))
    assert not out.exists()
