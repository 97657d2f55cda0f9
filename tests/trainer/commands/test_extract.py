"""The command `extract`: which files it takes, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.media_files import Sound, Video, write_media
from trainer.__main__ import BAD_INPUT, DONE, main
from trainer.protocol import MESSAGES_FILE, STOP_FILE, Failed, Finished, Message, Note, read_message

SHORT = Video(frames=10, rate="10")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    for name in ("a.mp4", "sub/b.MP4", "sub/deep/c.mkv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_media(folder / name, SHORT, Sound(seconds=1))
    return folder


def run(tmp_path: Path, *arguments: str) -> tuple[int, list[Message]]:
    code = main(["extract", "--out", str(tmp_path / "out"), "--run-dir", str(tmp_path / "run"), *arguments])
    lines = (tmp_path / "run" / MESSAGES_FILE).read_text(encoding="utf-8").splitlines()
    return code, [message for line in lines if (message := read_message(line)) is not None]


def refusal(tmp_path: Path, *arguments: str) -> str:
    code, messages = run(tmp_path, *arguments)
    assert code == BAD_INPUT
    assert isinstance(messages[-1], Failed)
    return messages[-1].error


def clips(tmp_path: Path) -> set[str]:
    return {path.stem for path in (tmp_path / "out" / "signal-audio").glob("*.npy")}


def test_a_folder_is_taken_with_its_subfolders_and_without_what_is_hidden(media: Path, tmp_path: Path) -> None:
    (media / "._a.mp4").write_bytes(b"left behind by another system")
    (media / ".trash").mkdir()
    (media / ".trash" / "old.mp4").touch()
    (media / "notes.txt").touch()
    code, messages = run(tmp_path, "--encoder", "signal", "--media", str(media))
    assert code == DONE
    assert clips(tmp_path) == {"a", "b", "c"}
    assert isinstance(messages[-1], Finished)
    out = tmp_path / "out"
    assert messages[-1].outputs == {"features": str(out), "report": str(out / "extraction.tsv")}


def test_of_two_files_of_one_name_the_second_is_told(media: Path, tmp_path: Path) -> None:
    (media / "sub" / "a.mp4").write_bytes((media / "a.mp4").read_bytes())
    _, messages = run(tmp_path, "--encoder", "signal", "--media", str(media))
    assert [message.text for message in messages if isinstance(message, Note)] == [
        f"a: no features, {media / 'sub' / 'a.mp4'} has the same name as {media / 'a.mp4'}; rename one of them"
    ]


def test_a_list_may_say_durations(media: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.tsv"
    listing.write_text("filename\tpath\tduration\none\tvideos/a.mp4\t2\ntwo\tvideos/sub/b.MP4\t\n")
    assert run(tmp_path, "--encoder", "signal", "--list", str(listing))[0] == DONE
    assert clips(tmp_path) == {"one", "two"}


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ("name\tpath\n", ":1: the header needs the columns filename and path"),
        ("filename\tpath\n", ": names no clip"),
        ("filename\tpath\tduration\na\tb\t20230415\n", ":2: the duration '20230415' is no number of seconds"),
        ('filename\tpath\na\t"b\nc\td\n', ":2: cannot be read (unexpected end of data)"),
        (f"filename\tpath\na\t{'b' * 200_000}\n", ":2: cannot be read (field larger than field limit"),
        ("filename\tpath\na\t\n", ":2: a row needs a filename and a path"),
        ("filename\tpath\tduration\na\tx\tlong\n", ":2: the duration 'long' is no number"),
        ("filename\tpath\tduration\na\tx\t-1\n", ":2: the duration '-1' is no number"),
        ("filename\tpath\tduration\na\tx\tinf\n", ":2: the duration 'inf' is no number"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_by_its_line(tmp_path: Path, rows: str, error: str) -> None:
    listing = tmp_path / "list.tsv"
    listing.write_text(rows)
    assert refusal(tmp_path, "--encoder", "signal", "--list", str(listing)).startswith(f"{listing}{error}")


def test_an_encoder_that_does_not_exist_is_refused_before_anything_is_written(
    media: Path, tmp_path: Path
) -> None:
    assert "no encoder 'vgg'; choose one of: yamnet" in refusal(
        tmp_path, "--encoder", "vgg", "--media", str(media)
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--model", "clip"), "'clip' is not NAME=FOLDER"),
        (("--model", "clip=x"), "no such --encoder is asked for"),
        (("--jobs", "0"), "'0' is no whole number"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    media: Path, arguments: tuple[str, ...], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    always = ["extract", "--encoder", "signal", "--media", str(media), "--out", str(tmp_path / "out")]
    assert main([*always, *arguments]) == BAD_INPUT
    assert error in capsys.readouterr().err


def test_an_encoder_without_its_weights_is_left_out_and_the_others_go_on(media: Path, tmp_path: Path) -> None:
    code, messages = run(tmp_path, "--encoder", "clip", "--encoder", "signal", "--media", str(media))
    assert code == DONE
    told = [message.text for message in messages if isinstance(message, Note)]
    assert len(told) == 1
    assert told[0].startswith("clip is left out: ")
    assert clips(tmp_path) == {"a", "b", "c"}


def test_where_no_encoder_is_left_that_is_an_error(media: Path, tmp_path: Path) -> None:
    error = refusal(tmp_path, "--encoder", "clip", "--media", str(media))
    assert error.startswith("no encoder can be used; clip is left out: ")


def test_a_folder_without_media_is_refused(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    assert "holds no media file" in refusal(
        tmp_path, "--encoder", "signal", "--media", str(tmp_path / "videos")
    )


def test_after_a_stop_the_same_command_goes_on(media: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / STOP_FILE).touch()  # of the time before
    assert run(tmp_path, "--encoder", "signal", "--media", str(media))[0] == DONE
    assert clips(tmp_path) == {"a", "b", "c"}


def test_an_empty_name_is_not_the_working_folder(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(media)
    assert main(["extract", "--encoder", "signal", "--media", str(media), "--out", ""]) == BAD_INPUT
    assert main(["extract", "--encoder", "signal", "--media", "", "--out", str(tmp_path / "out")]) == BAD_INPUT
    assert sorted(path.name for path in media.iterdir()) == ["a.mp4", "sub"]
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_a_folder_is_told_as_such(media: Path, tmp_path: Path) -> None:
    said = refusal(tmp_path, "--encoder", "signal", "--media", str(media / "a.mp4"))
    assert said.endswith("a.mp4: is a file; give the folder that it is in, or name files in a --list")


def test_a_cluster_without_its_engine_is_refused(media: Path, tmp_path: Path) -> None:
    said = refusal(tmp_path, "--encoder", "signal", "--media", str(media), "--address", "10.0.0.1:6379")
    assert said.startswith("--address is of a cluster: give --engine ray too")


def test_a_device_that_does_not_exist_is_refused_whatever_the_encoder(media: Path, tmp_path: Path) -> None:
    command = ["extract", "--encoder", "signal", "--media", str(media), "--out", str(tmp_path / "out")]
    assert main([*command, "--device", "gpu"]) == BAD_INPUT
    assert not (tmp_path / "out").exists()


def test_weights_for_an_encoder_that_has_none_are_refused(media: Path, tmp_path: Path) -> None:
    said = refusal(tmp_path, "--encoder", "signal", "--media", str(media), "--model", f"signal={tmp_path}")
    assert said.endswith("signal has no weights: leave out --model signal=…")


def test_a_row_that_no_store_can_open_spoils_that_row_alone(media: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.tsv"
    listing.write_text("filename\tpath\none\tvideos/a.mp4\ntwo\tnowhere://x/b.mp4\n")
    code, messages = run(tmp_path, "--encoder", "signal", "--list", str(listing))
    assert code == DONE
    assert clips(tmp_path) == {"one"}
    assert any(
        isinstance(message, Note) and message.text.startswith("two: no features, nowhere://x/b.mp4: cannot be")
        for message in messages
    )


def test_a_folder_of_any_name_is_told_at_the_end(media: Path, tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"out-\xff")
    try:
        out.mkdir()
    except OSError:
        pytest.skip("this disk has no such names")
    command = ["extract", "--encoder", "signal", "--media", str(media), "--out", str(out)]
    assert main([*command, "--run-dir", str(tmp_path / "run")]) == DONE
    assert "out-\\\\udcff" in (tmp_path / "run" / MESSAGES_FILE).read_text(encoding="utf-8")
