"""The command line, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from avvp_studio.app import main
from tests.media_files import Sound, Video, write_media
from trainer.annotations import read_dataset


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations"
    folder.mkdir()
    (folder / "train.csv").write_text("filename\tevent_labels\nfirst_clip\tDog\nsecond_clip\tDog,Speech\n")
    return folder


@pytest.fixture
def project(annotations: Path, tmp_path: Path) -> Path:
    root = tmp_path / "project"
    assert main(["new", str(root), "--vocabulary", "llp", "--annotations", str(annotations)]) == 0
    return root


def test_a_project_is_made_exported_and_made_again(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["export", str(project), "--format", "dataset", "--out", str(out)]) == 0
    dataset = read_dataset(out)
    assert dataset.splits["train"] == {"first_clip": {"Dog"}, "second_clip": {"Dog", "Speech"}}
    assert len(dataset.categories) == 25


def test_a_picture_of_a_clip_without_media_is_rendered_in_the_size_asked_for(
    project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pictures" / "shot.png"
    code = main(["shot", str(project), "--clip", "first_clip", "--out", str(out), "--size", "1400x900"])
    assert code == 0
    picture = QImage(str(out))
    assert (picture.width(), picture.height()) == (1400, 900)
    colours = {picture.pixel(x, y) for x in range(0, 1400, 20) for y in range(0, 900, 20)}
    assert len(colours) > 10


def test_a_picture_shows_the_bands_asked_for(project: Path, tmp_path: Path) -> None:
    shot = ["shot", str(project), "--clip", "first_clip", "--out"]
    assert main([*shot, str(tmp_path / "all.png"), "--bands", "minimap", "spectrogram"]) == 0
    assert main([*shot, str(tmp_path / "none.png"), "--bands"]) == 0
    assert main([*shot, str(tmp_path / "same.png"), "--bands"]) == 0
    every, none, same = (QImage(str(tmp_path / f"{name}.png")) for name in ("all", "none", "same"))
    assert none == same
    assert none != every


def test_taking_a_picture_starts_no_waiting_job(project: Path, tmp_path: Path) -> None:
    run_dir = project / "runs" / "a"
    run_dir.mkdir(parents=True)
    order = {"name": "a", "title": "List", "kind": "train", "module": "trainer", "arguments": ["recipes"]}
    (run_dir / "job.json").write_text(json.dumps({"order": order}))
    out = tmp_path / "a.png"
    assert main(["shot", str(project), "--clip", "first_clip", "--view", "jobs", "--out", str(out)]) == 0
    assert [path.name for path in run_dir.iterdir()] == ["job.json"]


def test_features_of_a_project_are_made_from_the_shell(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    media, root = tmp_path / "media", tmp_path / "videos"
    media.mkdir()
    write_media(media / "street.mp4", Video(), Sound())
    assert main(["new", str(root), "--vocabulary", "llp", "--media", str(media)]) == 0
    assert main(["extract", str(root), "--encoder", "signal"]) == 0
    assert (root / "features" / "signal-audio" / "street.npy").exists()
    assert "finished" in capfd.readouterr().out
    assert main(["extract", str(root), "--encoder", "nonsense"]) == 2
    assert "nonsense" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract", "{project}"], "no clip has a video"),
        (["extract", "{tmp}/no-project"], "no-project"),
        (["new", "{tmp}/p", "--vocabulary", "nonsense"], "nonsense"),
        (["new", "{tmp}/p", "--vocabulary", "llp", "--annotations", "{tmp}/missing"], "missing"),
        (["new", "{tmp}/p", "--vocabulary", "llp", "--media", "{tmp}/missing"], "missing"),
        (["new", "{project}", "--vocabulary", "llp"], "already"),
        (["import", "{tmp}/no-project", "{tmp}/annotations"], "no-project"),
        (["import", "{project}", "{tmp}/missing.csv"], "missing.csv"),
        (["export", "{tmp}/no-project", "--format", "llp", "--out", "{tmp}/o"], "no-project"),
        (["shot", "{tmp}/no-project", "--clip", "a", "--out", "{tmp}/a.png"], "no-project"),
        (["shot", "{project}", "--clip", "nobody", "--out", "{tmp}/a.png"], "nobody"),
        (["shot", "{project}", "--clip", "first_clip", "--out", "{tmp}/a.png", "--size", "big"], "1280x800"),
        (["shot", "{project}", "--clip", "first_clip", "--out", "{tmp}/a.unknown"], "a.unknown"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    code = main([argument.format(tmp=tmp_path, project=project) for argument in arguments])
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert "Traceback" not in error


def test_without_a_screen_the_window_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    result = subprocess.run(
        [sys.executable, "-m", "avvp_studio.app", str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    if sys.platform == "linux":
        assert result.returncode == 2
        assert "xvfb-run" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
