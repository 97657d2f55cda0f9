"""Annotations that cannot be read, and what nobody foresaw."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from avvp_studio.app import main
from avvp_studio.studio import Studio
from avvp_studio.ui.new_project_dialog import NewProjectRequest
from tests.bad_input.steps import (
    CATEGORIES,
    error_in,
    mark,
    open_clip,
    stored,
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file\tevent_labels\na\tDog\n", "train.csv:1: there is no column 'file'"),
        (b"filename\tevent_labels\na\tDgo\n", "train.csv:2: 'Dgo' is not one of the 3 categories"),
        ("filename\tevent_labels\nä\tDog\n".encode("latin-1"), "train.csv:2: not UTF-8 text"),
        ("filename\tevent_labels\na\tDog\n".encode("utf-16"), "train.csv:1: not UTF-8 text"),
        (b"filename\tevent_labels\n" + b"x\tDgo\n" * 100_000, "99999 more rows"),
    ],
)
def test_annotations_that_cannot_be_read_are_refused_alike_by_window_and_command(
    qtbot: QtBot,
    studio: Studio,
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    (annotations / "train.csv").write_bytes(content)
    (tmp_path / "words.txt").write_text("\n".join(CATEGORIES))
    open_clip(qtbot, studio, root)
    studio.window.new_project_requested.emit(
        NewProjectRequest(
            root=tmp_path / "new",
            name="New",
            vocabulary=str(tmp_path / "words.txt"),
            annotations=annotations,
            media=None,
        )
    )
    assert mark(studio)  # the window answers meanwhile
    qtbot.waitUntil(lambda: not studio.tasks.is_busy, timeout=20_000)
    assert message in error_in(studio)
    assert not (tmp_path / "new").exists()

    assert main(["import", str(root), str(annotations)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert stored(root) == {"Dog"}


def test_what_nobody_foresaw_is_one_sentence_and_the_traceback_goes_to_the_terminal(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        {}["nothing"]
    except KeyError as error:
        studio.report_unexpected(error)
    assert "KeyError" in error_in(studio)
    assert "Traceback" in capsys.readouterr().err
