"""Encoders by their names, and those that cannot be loaded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.trainer.extractions import (
    media as media,
)
from tests.trainer.extractions import (
    notes,
)
from tests.trainer.extractions import (
    out as out,
)
from tests.trainer.extractions import (
    run_dir as run_dir,
)
from trainer.encoders import EncoderError
from trainer.encoders import extract as extract_module
from trainer.encoders.catalogue import ENCODERS, GROUPS, named
from trainer.encoders.encoding import Encoder, Loading
from trainer.encoders.extract import load_encoders
from trainer.protocol import (
    Reporter,
)


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
