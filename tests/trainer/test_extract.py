"""Extraction of many files into a feature store."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.media_files import Sound, Video, write_media
from tests.trainer.small_encoders import audio, small_encoder, visual
from trainer.encoders import EncoderError
from trainer.encoders import extract as extract_module
from trainer.encoders.catalogue import ENCODERS, GROUPS, named
from trainer.encoders.encoding import Encoder, Loading, SoundIntake
from trainer.encoders.extract import REPORT_FILE, ExtractReport, load_encoders
from trainer.encoders.extract import extract as extract_clips
from trainer.encoders.meter import Meter
from trainer.encoders.plan import Clip, Work
from trainer.encoders.signal import AUDIO_SET, SIGNAL, VISUAL_SET
from trainer.encoders.store import alone_in_set
from trainer.feature_files import ENCODER_FILE
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


def test_every_clip_gets_a_file_in_each_set_that_a_parser_can_read(
    media: dict[str, Path], out: Path, run_dir: Path
) -> None:
    report = extract(media, out, Reporter(run_dir))
    assert set(report.names("new")) == set(media)
    assert (report.names("kept"), why(report)) == ((), {})
    assert written(out) == {f"{features}/{name}.npy" for features in SETS for name in media}
    features = FeatureStore(out, audio=AUDIO_SET, visual=(VISUAL_SET,)).read(media)
    assert set(features.lengths.tolist()) == {2}
    assert features.widths == {features.name: features.width for features in SIGNAL.sets}
    assert features.zeros == ()


def test_progress_counts_seconds_of_media_and_says_how_many_files_are_done(
    media: dict[str, Path], out: Path, run_dir: Path
) -> None:
    extract(media, out, Reporter(run_dir))
    progress = [message for message in messages(run_dir) if isinstance(message, Progress)]
    assert {(message.stage, message.total) for message in progress} == {("extract", 6)}
    assert (progress[0].done, progress[-1].done, progress[-1].eta_s) == (0, 6, 0)
    assert (progress[0].detail, progress[-1].detail) == ("0 of 3 files", "3 of 3 files")


def test_a_set_says_which_encoder_made_it(media: dict[str, Path], out: Path) -> None:
    extract(media, out, Reporter(None))
    for features in SIGNAL.sets:
        said = json.loads((out / features.name / ENCODER_FILE).read_text())
        assert said["preprocessing"]
        del said["preprocessing"]
        assert said == {
            "name": "signal",
            "version": SIGNAL.version,
            "modality": features.modality,
            "width": features.width,
            "rate": 1,
            "weights": {},
            "precision": "float32",
        }


def test_the_duration_sets_the_rows_and_an_llp_name_says_it_too(media: dict[str, Path], out: Path) -> None:
    clips = {"one": media["one"], "BjCEufrlXm4_20_23": media["two"], "three": media["three"]}
    extract(clips, out, Reporter(None), durations={"one": 4.0})
    rows = {path.stem: len(np.load(path)) for path in (out / AUDIO_SET).glob("*.npy")}
    assert rows == {"one": 4, "BjCEufrlXm4": 3, "three": 2}


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


def test_a_bad_file_is_noted_and_the_rest_goes_on(
    media: dict[str, Path], out: Path, run_dir: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("not a video")
    report = extract({"bad": bad, **media}, out, Reporter(run_dir))
    assert set(report.names("new")) == set(media)
    assert list(why(report)) == ["bad"]
    assert len(notes(run_dir)) == 1
    assert notes(run_dir)[0].startswith(f"bad: no features, {bad}: is not a video or sound file")
    assert not any("bad" in name for name in written(out))


def test_when_no_file_at_all_can_be_encoded_that_is_an_error(out: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"none of the 1 clips could be encoded.*gone\.mp4"):
        extract({"gone": tmp_path / "gone.mp4"}, out, Reporter(None))


def test_a_clip_without_sound_is_noted_by_its_name(out: Path, run_dir: Path, tmp_path: Path) -> None:
    clips = {"mute": write_media(tmp_path / "mute.mp4", SHORT, None)}
    extract(clips, out, Reporter(run_dir))
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
    durations = dict.fromkeys(clips, 5.0)
    with pytest.raises(StopRequested):
        extract(clips, out, StopsAfterTheFirst(run_dir), durations=durations)
    done = len(list((out / AUDIO_SET).glob("*.npy")))
    assert 1 <= done < len(clips)
    assert not list(out.rglob("*.part"))
    (run_dir / STOP_FILE).unlink()
    report = extract(clips, out, Reporter(run_dir), durations=durations)
    assert len(report.names("kept")) == done
    assert len(report.names("new")) == len(clips) - done


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


def test_two_clips_of_one_video_do_not_overwrite_one_another(media: dict[str, Path], out: Path) -> None:
    clips = {"BjCEufrlXm4_20_22": media["one"], "BjCEufrlXm4_40_42": media["two"]}
    report = extract(clips, out, Reporter(None))
    assert report.names("new") == ("BjCEufrlXm4_20_22",)
    assert "BjCEufrlXm4_20_22 is of the same video" in why(report)["BjCEufrlXm4_40_42"]


def test_a_name_cannot_lead_out_of_the_store(media: dict[str, Path], out: Path, tmp_path: Path) -> None:
    report = extract({"../../x": media["one"], **media}, out, Reporter(None))
    assert list(why(report)) == ["../../x"]
    assert not (tmp_path / "x.npy").exists()


# Several encoders


def test_batches_are_made_across_clips_and_the_last_is_filled_up(media: dict[str, Path], out: Path) -> None:
    seen = visual()
    extract(media, out, encoders=[small_encoder(seen)])
    assert seen.batches == 2  # three clips of two seconds, in batches of four


def test_features_do_not_depend_on_company_or_on_order(
    media: dict[str, Path], out: Path, tmp_path: Path
) -> None:
    clips = {f"{name}-{i}": path for i in range(4) for name, path in media.items()}
    extract(clips, out, encoders=[small_encoder(), SIGNAL], jobs=4)
    again, alone = tmp_path / "again", tmp_path / "alone"
    extract(dict(reversed(clips.items())), again, encoders=[SIGNAL, small_encoder()], jobs=3)
    extract({"two-3": clips["two-3"]}, alone, encoders=[small_encoder()], jobs=1)
    assert written(again) == written(out)
    for file in written(out):
        assert (again / file).read_bytes() == (out / file).read_bytes()
    for file in written(alone):
        assert (alone / file).read_bytes() == (out / file).read_bytes()


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


# What is told


def test_progress_knows_what_is_left_by_headers_and_sizes_and_ends_at_what_there_was(
    media: dict[str, Path], run_dir: Path
) -> None:
    def told() -> tuple[int, int]:
        latest = [message for message in messages(run_dir) if isinstance(message, Progress)][-1]
        return latest.done, latest.total

    def meter(*works: Work) -> Meter:
        return Meter(works, Reporter(run_dir))

    known, unknown = (
        Work(Clip(name, media[name]), name, SETS, duration, 1_000, 1)
        for name, duration in (("one", 4.0), ("two", None))
    )
    meter(known, unknown)
    assert told() == (0, 6)  # two seconds by its header
    ended = meter(known, unknown)
    ended.done(known, 4)
    ended.done(unknown, None)  # it could not be read
    ended.finish()
    assert told() == (4, 4)


def test_the_report_says_what_became_of_each_clip(media: dict[str, Path], out: Path, tmp_path: Path) -> None:
    extract({"one": media["one"]}, out)
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    report = extract({**media, "bad": bad}, out)
    assert report.path == str(out / REPORT_FILE)
    rows = [line.split("\t") for line in Path(report.path).read_text().splitlines()]
    assert rows[0] == ["filename", "path", "outcome", "sets", "reason"]
    assert {row[0]: row[2] for row in rows[1:]} == {
        "one": "kept",
        "two": "new",
        "three": "new",
        "bad": "failed",
    }
    assert next(row for row in rows if row[0] == "two")[3] == ",".join(SETS)
    assert "is not a video or sound file" in rows[-1][4] or any("is not a video" in row[4] for row in rows)


def test_many_failures_are_told_in_few_notes_and_all_in_the_report(
    media: dict[str, Path], out: Path, run_dir: Path, tmp_path: Path
) -> None:
    gone = {f"gone-{i}": tmp_path / f"gone-{i}.mp4" for i in range(200)}
    extract(media | gone, out, Reporter(run_dir))
    assert len(notes(run_dir)) == 51
    assert notes(run_dir)[-1] == f"and 150 more like these: see {REPORT_FILE}"
    assert (out / REPORT_FILE).read_text().count("failed") == 200


@pytest.mark.parametrize("name", ["naïve 日本 😀", "new\nline\t", "%s", "bad\udcff", "-x", "x" * 240])
def test_a_clip_may_have_any_name_that_a_file_can_have(
    media: dict[str, Path], out: Path, run_dir: Path, name: str
) -> None:
    broken = f"{name[:200]}-broken"
    report = extract({name: media["one"], broken: out.parent / f"{name[:200]}.mp4"}, out, Reporter(run_dir))
    assert report.names("new") == (name,)
    assert (out / AUDIO_SET / f"{name}.npy").is_file()
    assert len(notes(run_dir)) == 1


def test_a_name_that_is_too_long_for_its_feature_files_is_told(media: dict[str, Path], out: Path) -> None:
    report = extract({"x" * 250: media["one"], **media}, out)
    assert "may have 1 to 246 bytes" in why(report)["x" * 250]


def test_a_stop_ends_it_within_a_long_file(media: dict[str, Path], out: Path, run_dir: Path) -> None:
    class StopsSoon(Reporter):
        """Asks for a stop as soon as a few seconds are done."""

        asked = 0.0

        def send(self, message: Message) -> None:
            super().send(message)
            if isinstance(message, Progress) and message.done and not self.asked:
                self.asked = time.monotonic()
                (run_dir / STOP_FILE).touch()

    path = write_media(run_dir.parent / "long.mp4", Video(frames=3000, rate="25", width=64, height=48), None)
    reporter = StopsSoon(run_dir)
    with pytest.raises(StopRequested):
        extract({"long": path}, out, reporter, encoders=[small_encoder(visual(pause=0.1))])
    assert time.monotonic() - reporter.asked < 1.5
    assert not written(out)


@pytest.mark.parametrize("part", ["infer", "prepare"])
def test_an_encoder_that_breaks_ends_the_job_with_what_it_said(
    media: dict[str, Path], out: Path, part: str
) -> None:
    heard, broken = audio(), visual()
    setattr(broken, part, lambda given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        extract({f"{i}": media["one"] for i in range(50)}, out, encoders=[small_encoder(heard, broken)])
    assert not [thread for thread in threading.enumerate() if thread.name == "extraction"]


def test_one_slow_encoder_among_many_holds_up_but_does_not_stop_the_others(
    media: dict[str, Path], out: Path
) -> None:
    branches = [visual(f"set-{i}", pause=0.05 * (i == 2)) for i in range(5)]
    clips = {f"{i}": media["one"] for i in range(30)}
    report = extract(clips, out, encoders=[small_encoder(audio(), *branches)], jobs=4)
    assert len(report.names("new")) == len(clips)
    assert {branch.batches for branch in branches} == {15}


# Names of encoders


def test_a_group_stands_for_its_encoders_each_once() -> None:
    assert named(["signal", "default", "yamnet"]) == ("signal", *GROUPS["default"])


def test_an_encoder_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(EncoderError, match=r"no encoder 'vgg'; choose one of: yamnet, .*signal, default"):
        named(["signal", "vgg"])


def test_an_encoder_that_cannot_be_loaded_is_left_out_and_none_at_all_is_an_error(
    run_dir: Path, tmp_path: Path
) -> None:
    lost = Loading(model=str(tmp_path / "nowhere"))
    encoders = load_encoders({"clip": lost, "signal": Loading()}, Reporter(run_dir))
    assert [encoder.name for encoder in encoders] == ["signal"]
    assert len(notes(run_dir)) == 1
    assert notes(run_dir)[0].startswith("clip is left out: ")
    with pytest.raises(EncoderError, match="no encoder can be used; clip is left out"):
        load_encoders({"clip": lost}, Reporter(None))


def test_weights_that_may_not_be_read_leave_out_their_encoder_alone(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: Loading) -> Encoder:
        raise PermissionError(13, "Permission denied", "yamnet.tflite")

    monkeypatch.setattr(extract_module, "ENCODERS", {**ENCODERS, "yamnet": SimpleNamespace(load=forbidden)})
    encoders = load_encoders({"yamnet": Loading(), "signal": Loading()}, Reporter(run_dir))
    assert [encoder.name for encoder in encoders] == ["signal"]
    assert notes(run_dir) == ["yamnet is left out: yamnet.tflite: Permission denied"]


def test_two_extractions_do_not_write_into_one_set_at_once(media: dict[str, Path], out: Path) -> None:
    with (
        alone_in_set(out / AUDIO_SET),
        pytest.raises(EncoderError, match="another extraction is at work"),
    ):
        extract(media, out)
    assert not written(out)
    assert len(extract(media, out).names("new")) == len(media)


def test_a_date_in_a_name_is_no_duration(media: dict[str, Path], out: Path) -> None:
    extract({"holiday_vid_1_991231": media["one"]}, out)
    assert len(np.load(out / AUDIO_SET / "holiday_vid.npy")) == 2


def test_a_name_that_would_break_the_line_is_told_in_one(out: Path, run_dir: Path, tmp_path: Path) -> None:
    odd = {"two\nlines \x1b[31m\u2028": write_media(tmp_path / "mute.mp4", SHORT, None)}
    extract(odd, out, Reporter(run_dir))
    assert notes(run_dir) == [r"two\nlines \x1b[31m\u2028: there is no sound: it counts as silence"]


def test_a_pipe_is_told_apart_from_an_empty_file(media: dict[str, Path], out: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert why(extract({**media, "pipe": tmp_path / "pipe.mp4"}, out)) == {
        "pipe": f"{tmp_path / 'pipe.mp4'}: is a pipe or a device, not a file; choose a file"
    }


def test_what_was_noted_of_a_clip_is_in_the_report_of_later_runs_too(out: Path, tmp_path: Path) -> None:
    mute = {"mute": write_media(tmp_path / "mute.mp4", SHORT, None)}
    first, second = extract(mute, out), extract(mute, out)
    assert second.names("kept") == ("mute",)
    assert second.outcomes[0].reason == first.outcomes[0].reason == "there is no sound: it counts as silence"
    assert second.outcomes[0].sets == SETS
