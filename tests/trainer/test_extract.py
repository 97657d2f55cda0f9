"""Extraction of many files into a feature store."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.media_files import Video, write_media
from tests.trainer.extractions import (
    SETS,
    SHORT,
    extract,
    messages,
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
from trainer.encoders.extract import REPORT_FILE
from trainer.encoders.meter import Meter
from trainer.encoders.plan import Clip, Work
from trainer.encoders.signal import AUDIO_SET, SIGNAL, VISUAL_SET
from trainer.feature_files import ENCODER_FILE
from trainer.features import FeatureStore
from trainer.protocol import (
    STOP_FILE,
    Message,
    Note,
    Progress,
    Reporter,
    StopRequested,
)


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
    assert {message.stage for message in progress} == {"extract"}
    assert (progress[0].total, progress[-1].total) == (6, 6)  # between them by what was read so far
    assert all(message.done <= message.total for message in progress)
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


def test_two_clips_of_one_video_do_not_overwrite_one_another(media: dict[str, Path], out: Path) -> None:
    clips = {"BjCEufrlXm4_20_22": media["one"], "BjCEufrlXm4_40_42": media["two"]}
    report = extract(clips, out, Reporter(None))
    assert report.names("new") == ("BjCEufrlXm4_20_22",)
    assert "BjCEufrlXm4_20_22 is of the same video" in why(report)["BjCEufrlXm4_40_42"]


def test_a_name_cannot_lead_out_of_the_store(media: dict[str, Path], out: Path, tmp_path: Path) -> None:
    report = extract({"../../x": media["one"], **media}, out, Reporter(None))
    assert list(why(report)) == ["../../x"]
    assert not (tmp_path / "x.npy").exists()


@pytest.mark.parametrize("name", [".", "..", "._one", ".hidden"])
def test_a_name_that_begins_with_a_dot_is_refused_for_its_files_would_be_hidden(
    media: dict[str, Path], out: Path, name: str
) -> None:
    report = extract({name: media["one"], "two": media["two"]}, out, Reporter(None))
    assert report.names("new") == ("two",)
    assert why(report) == {
        name: "a clip's name may not begin with a dot: its features would be hidden; rename it"
    }
    assert written(out) == {f"{features}/two.npy" for features in SETS}


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
