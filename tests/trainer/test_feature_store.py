"""What an extraction finds in a feature store: what is current, and what does not mix."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.media_files import Sound, write_media
from tests.trainer.extractions import (
    SETS,
    SHORT,
    extract,
    notes,
    why,
    written,
)
from tests.trainer.extractions import (
    media as media,
)
from tests.trainer.extractions import (
    out as out,
)
from tests.trainer.extractions import (
    run_dir as run_dir,
)
from tests.trainer.small_encoders import audio, small_encoder, visual
from trainer.encoders import EncoderError
from trainer.encoders.encoding import Encoder, SoundIntake
from trainer.encoders.signal import AUDIO_SET, SIGNAL, VISUAL_SET
from trainer.encoders.store import alone_in_set
from trainer.feature_files import ENCODER_FILE
from trainer.protocol import (
    Reporter,
)


def test_going_on_encodes_only_what_is_missing(media: dict[str, Path], out: Path, run_dir: Path) -> None:
    extract({"one": media["one"]}, out, Reporter(None))
    kept = out / AUDIO_SET / "one.npy"
    before = kept.stat().st_mtime_ns
    report = extract(media, out, Reporter(run_dir))
    assert report.names("kept") == ("one",)
    assert set(report.names("new")) == {"two", "three"}
    assert kept.stat().st_mtime_ns == before
    assert notes(run_dir) == ["1 of 3 clips have their features already"]


def test_a_clip_that_lacks_one_of_its_files_is_encoded_again(media: dict[str, Path], out: Path) -> None:
    extract(media, out, Reporter(None))
    (out / VISUAL_SET / "two.npy").unlink()
    report = extract(media, out, Reporter(None))
    assert report.names("new") == ("two",)
    assert len(written(out)) == 6


def test_features_of_another_version_are_not_mixed_with_new_ones(media: dict[str, Path], out: Path) -> None:
    extract({"one": media["one"]}, out, Reporter(None))
    record = out / AUDIO_SET / ENCODER_FILE
    record.write_text(json.dumps({**json.loads(record.read_text()), "version": SIGNAL.version + 1}))
    with pytest.raises(EncoderError, match=f"signal version {SIGNAL.version + 1}.* do not mix") as caught:
        extract(media, out, Reporter(None))
    assert str(out / AUDIO_SET) in str(caught.value)
    assert len(written(out)) == 2


def test_features_that_do_not_say_who_made_them_are_not_added_to(media: dict[str, Path], out: Path) -> None:
    (out / AUDIO_SET).mkdir(parents=True)
    np.save(out / AUDIO_SET / "old.npy", np.ones((2, 3), np.float32))
    with pytest.raises(EncoderError, match=ENCODER_FILE):
        extract(media, out, Reporter(None))


def test_a_damaged_record_of_the_encoder_is_named(media: dict[str, Path], out: Path) -> None:
    (out / AUDIO_SET).mkdir(parents=True)
    (out / AUDIO_SET / ENCODER_FILE).write_text("{")
    with pytest.raises(EncoderError, match=r"encoder\.json: does not say"):
        extract(media, out, Reporter(None))


def test_of_each_clip_only_the_sets_that_are_missing_are_made(media: dict[str, Path], out: Path) -> None:
    extract(media, out, encoders=[small_encoder()])
    (out / "small-audio" / "two.npy").unlink()
    heard, seen = audio(), visual()
    report = extract(media, out, encoders=[small_encoder(heard, seen)])
    assert (report.names("new"), report.names("kept")) == (("two",), ("one", "three"))
    assert (heard.batches, seen.batches, seen.prepared) == (1, 0, 0)
    added = extract(media, out, encoders=[small_encoder(), SIGNAL])
    assert all(set(each.sets) == set(SETS) for each in added.outcomes)


def test_a_changed_video_is_encoded_again_and_an_unknown_one_is_current(
    media: dict[str, Path], out: Path
) -> None:
    extract(media, out)
    media["one"].write_bytes(media["two"].read_bytes())
    report = extract(media, out)
    assert report.names("new") == ("one",)
    assert (out / AUDIO_SET / "one.npy").read_bytes() == (out / AUDIO_SET / "two.npy").read_bytes()
    for features in SETS:
        (out / features / "sources.jsonl").unlink()
    os.utime(media["three"], (1, 1))
    assert set(extract(media, out).names("kept")) == set(media)


def test_features_of_what_a_video_was_are_not_taken_for_those_of_the_broken_one_that_it_is(
    media: dict[str, Path], out: Path
) -> None:
    extract(media, out)
    before = (out / AUDIO_SET / "one.npy").read_bytes()
    content = media["one"].read_bytes()
    media["one"].write_text("broken")
    os.utime(media["two"], (1, 1))  # changed too, and can be encoded
    for _ in range(2):
        report = extract(media, out)
        assert report.names("failed") == ("one",)
        said = "get it again; features of what it was before are kept in one.npy.old"
        assert why(report)["one"].endswith(said)
        assert written(out) == {f"{features}/{name}.npy" for features in SETS for name in ("two", "three")}
        assert (out / AUDIO_SET / "one.npy.old").read_bytes() == before
    media["one"].write_bytes(content)
    assert extract(media, out).names("new") == ("one",)
    assert (out / AUDIO_SET / "one.npy").read_bytes() == before


def test_a_video_that_is_away_for_a_while_keeps_its_features(media: dict[str, Path], out: Path) -> None:
    extract(media, out)
    media["one"].rename(media["one"].with_suffix(".away"))
    assert extract(media, out).names("failed") == ("one",)
    assert len(written(out)) == len(SETS) * len(media)
    media["one"].with_suffix(".away").rename(media["one"])
    assert set(extract(media, out).names("kept")) == set(media)


def test_features_of_what_a_video_still_is_stay_where_it_is_when_others_cannot_be_made(
    media: dict[str, Path], out: Path
) -> None:
    def used_up(given: object) -> None:
        raise MemoryError

    extract(media, out, encoders=[small_encoder()])
    before, branch = written(out), visual()
    branch.prepare = used_up
    report = extract(media, out, encoders=[small_encoder(audio(), branch)], durations={"one": 5.0})
    assert "not enough memory" in why(report)["one"]
    assert written(out) == before


def test_another_duration_makes_other_features(media: dict[str, Path], out: Path) -> None:
    extract(media, out)
    assert extract(media, out, durations=dict.fromkeys(media, 2.05)).names("new") == ()
    assert extract(media, out, durations={"one": 4.0}).names("new") == ("one",)
    assert len(np.load(out / AUDIO_SET / "one.npy")) == 4


def test_a_line_that_was_half_written_spoils_neither_the_next_nor_the_rest(
    media: dict[str, Path], out: Path
) -> None:
    extract({"one": media["one"]}, out)
    for features in SETS:
        with (out / features / "sources.jsonl").open("a") as file:
            file.write('{"key": "two", "si')
    extract(media, out)
    os.utime(media["two"], (1, 1))
    assert extract(media, out).names("new") == ("two",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": {"small.safetensors": "ab" * 32}}, "weights small.safetensors abababab"),
        ({"precision": "float16"}, "precision float16"),
        ({"width": 25}, "width 25"),
    ],
)
def test_other_weights_precision_or_width_do_not_mix(
    media: dict[str, Path], out: Path, change: dict, said: str
) -> None:
    extract(media, out, encoders=[small_encoder()])
    record = out / "small-visual" / ENCODER_FILE
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    with pytest.raises(EncoderError, match=f"{said}.* do not mix"):
        extract(media, out, encoders=[small_encoder()])


def test_features_of_before_weights_were_recorded_are_still_good(media: dict[str, Path], out: Path) -> None:
    extract({"one": media["one"]}, out)
    for features in SETS:
        record = out / features / ENCODER_FILE
        said = json.loads(record.read_text())
        record.write_text(json.dumps({key: said[key] for key in ("name", "version", "width", "rate")}))
    assert extract(media, out).names("kept") == ("one",)


def test_a_set_that_a_clip_cannot_have_is_not_tried_again(media: dict[str, Path], out: Path) -> None:
    def encoder() -> Encoder:
        branch = audio()
        branch.intake = SoundIntake(2_000, is_whole=True, longest=1)
        return small_encoder(branch)

    first = extract(media, out, encoders=[encoder()])
    assert "no small-audio" in first.outcomes[0].reason
    assert set(extract(media, out, encoders=[encoder()]).names("kept")) == set(media)


def test_features_of_what_a_video_was_before_do_not_stay_where_it_can_have_none_now(
    media: dict[str, Path], out: Path
) -> None:
    branch = audio()
    branch.intake = SoundIntake(6_000, is_whole=True, longest=2)  # 12,000 samples of two seconds
    encoder = small_encoder(branch)
    extract(media, out, encoders=[encoder])
    assert "small-audio/one.npy" in written(out)
    write_media(media["one"], SHORT, Sound(seconds=5))
    assert extract(media, out, encoders=[encoder]).names("new") == ("one",)
    assert written(out) == {"small-audio/two.npy", "small-audio/three.npy"}


def test_two_extractions_do_not_write_into_one_set_at_once(media: dict[str, Path], out: Path) -> None:
    with (
        alone_in_set(out / AUDIO_SET),
        pytest.raises(EncoderError, match="another extraction is at work"),
    ):
        extract(media, out)
    assert not written(out)
    assert len(extract(media, out).names("new")) == len(media)


def test_what_was_noted_of_a_clip_is_in_the_report_of_later_runs_too(out: Path, tmp_path: Path) -> None:
    mute = {"mute": write_media(tmp_path / "mute.mp4", SHORT, None)}
    first, second = extract(mute, out), extract(mute, out)
    assert second.names("kept") == ("mute",)
    assert second.outcomes[0].reason == first.outcomes[0].reason == "there is no sound: it counts as silence"
    assert second.outcomes[0].sets == SETS
