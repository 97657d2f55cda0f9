"""A stop while labels are made: by `pseudo-label valor` and in the label stage of `pipeline`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.captioned import Captioned, make_captioned
from tests.trainer.commands.steps import Run, messages
from tests.trainer.pairs import options
from tests.trainer.pipelines import StoppedAt
from trainer.jobs import alone_in
from trainer.parses import read_parses
from trainer.protocol import (
    MESSAGES_FILE,
    STOP_FILE,
    Finished,
    Message,
    Note,
    Progress,
    Stage,
    Stopped,
)

SMALL = ("model.width=8", "model.heads=2", "model.feedforward=8", "model.layers=1", "epochs=1", "batch=8")
SETTINGS = (*SMALL, "features.audio=clap512", 'features.visual=["clip"]')
"""Of valor/llp/vggish."""


def is_progress(stage: str, *, at_end: bool) -> Callable[[Message], bool]:
    def at(message: Message) -> bool:
        if not isinstance(message, Progress) or message.stage != stage:
            return False
        return (message.done == message.total) == at_end

    return at


PLACES = {
    "read": is_progress("load", at_end=False),
    "logits": is_progress("label", at_end=False),
    "logits done": is_progress("label", at_end=True),
    "thresholds": lambda m: isinstance(m, Note) and "median of the others" in m.text,
}
"""After which message the stop is asked for."""


@pytest.fixture
def made(tmp_path: Path) -> Captioned:
    """Three categories that no captions have: thresholds are searched. One is in no validation clip."""
    return make_captioned(tmp_path / "world", ("Thing", "Other", "Third"))


def labelling(made: Captioned) -> list[object]:
    out = made.root / "labels.npz"
    return ["pseudo-label", "valor", *made.places, "--out", out, "--run-dir", made.root / "job"]


def pipeline(made: Captioned) -> list[object]:
    where = [*made.places, "--run-dir", made.root / "run", "--device", "cpu"]
    return ["pipeline", "valor/llp/vggish", *where, *options("--set", SETTINGS)]


def silence(made: Captioned, category: str) -> None:
    """Take a category out of the truth of validation, so that a note tells that it has no threshold."""
    known = made.dataset.truth
    val = made.dataset.splits["val"]
    kept = {
        name: tuple(event for event in events if name not in val or event.category != category)
        for name, events in known.items()
    }
    made.write(truth=kept)


@pytest.mark.parametrize("place", PLACES)
def test_labelling_that_was_stopped_leaves_no_labels_and_is_done_by_the_same_command(
    made: Captioned, run: Run, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    silence(made, "Third")
    job = made.root / "job"
    with monkeypatch.context() as patch:
        asked = StoppedAt(patch, job, STOP_FILE, PLACES[place])
        assert run(*labelling(made))[0] == 3
        assert asked.is_done
    assert isinstance(messages(job)[-1], Stopped)
    assert [path.name for path in made.root.glob("labels.npz*")] == []
    assert run(*labelling(made))[0] == 0
    assert isinstance(messages(job)[-1], Finished)
    assert len(read_parses(made.root / "labels.npz").names) == 24


@pytest.mark.parametrize("place", [name for name in PLACES if name != "read"])
def test_a_pipeline_that_was_stopped_while_it_labels_leaves_none_and_goes_on_to_the_same_labels(
    made: Captioned, run: Run, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    silence(made, "Third")
    folder, stage = made.root / "run", made.root / "run" / "labels"
    with monkeypatch.context() as patch:
        asked = StoppedAt(patch, folder, STOP_FILE, PLACES[place])
        assert run(*pipeline(made))[0] == 3
        assert asked.is_done
    assert isinstance(messages(folder)[-1], Stopped)
    assert isinstance(messages(stage)[-1], Stopped)
    assert sorted(path.name for path in stage.iterdir()) == [MESSAGES_FILE, "stage.json"]
    (folder / MESSAGES_FILE).unlink()
    assert run(*pipeline(made))[0] == 0
    told = [(m.name, m.skipped) for m in messages(folder) if isinstance(m, Stage)]
    assert told == [("label", False), ("train", False)]
    assert not any(folder.glob("*.1"))
    run(*labelling(made))
    ours, theirs = (read_parses(path) for path in (stage / "pseudo-labels.npz", made.root / "labels.npz"))
    np.testing.assert_array_equal(ours.audio, theirs.audio)
    np.testing.assert_array_equal(ours.visual, theirs.visual)


def test_a_stop_that_comes_when_labels_are_written_keeps_them(
    made: Captioned, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made.root / "run"
    with monkeypatch.context() as patch:
        StoppedAt(patch, folder / "labels", STOP_FILE, lambda m: isinstance(m, Finished))
        StoppedAt(patch, folder, STOP_FILE, lambda m: isinstance(m, Finished))
        assert run(*pipeline(made))[0] == 3
    written = (folder / "labels" / "pseudo-labels.npz").read_bytes()
    assert run(*pipeline(made))[0] == 0
    told = [(m.name, m.skipped) for m in messages(folder) if isinstance(m, Stage)]
    assert told == [("label", False), ("label", True), ("train", False)]
    assert (folder / "labels" / "pseudo-labels.npz").read_bytes() == written


def test_a_stop_of_another_job_in_the_folder_is_not_taken_back(made: Captioned, run: Run) -> None:
    job = made.root / "job"
    job.mkdir()
    (job / STOP_FILE).touch()  # meant for who is at work
    with alone_in(job):
        code, _, err = run(*labelling(made))
    assert (code, "another job is at work there" in err) == (2, True)
    assert (job / STOP_FILE).exists()
    assert not (job / MESSAGES_FILE).read_text()
