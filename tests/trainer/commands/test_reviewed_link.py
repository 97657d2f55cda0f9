"""What a person reviewed in clips that LINK is trained on, from reviewed.csv to the losses, by the commands.

The loss of the reviewed cells itself is left out: what is seen is that they override pseudo-labels. Trainings
are compared: `pseudo-labels` that say otherwise of the reviewed cells must teach what those teach that say the
same of them; nothing reviewed must teach something else, in every loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.trainer.captioned import Captioned, make_captioned
from tests.trainer.commands.steps import messages
from trainer import supervision as rules
from trainer.__main__ import main
from trainer.labels import PRESENT, UNSEEN, Event, Modality, State, state_grid
from trainer.parses import ParseFile, read_parses, write_parses
from trainer.protocol import Epoch
from trainer.supervision_files import read_supervision, supervision_path

SIZE = ("model.width=8", "model.heads=2", "model.feedforward=8", "model.layers=1", "model.dropout=0")
SETTINGS = (
    *(*SIZE, "epochs=3", "batch=8", "lr=1e-2", "warm_up=0", "model.reviewed_weight=0"),
    *("features.audio=clap512", 'features.visual=["clip"]'),
)
TARGETS = ("audio_segments", "visual_segments", "audio_labels", "visual_labels", "similarity")
"""The losses whose targets are pseudo-labels."""


@dataclass(frozen=True)
class Reviewed:
    """Trainings: "reviewed"; "said so", by pseudo-labels that say the same; "unseen", nothing reviewed."""

    made: Captioned
    name: str
    states: np.ndarray
    """(2, T, C) of the clip of that name."""
    labels: ParseFile
    """Before anything was reviewed."""

    def losses(self, run: str) -> list[dict[str, float]]:
        """Of every epoch."""
        told = messages(self.made.root / run)
        return [dict(message.losses) for message in told if isinstance(message, Epoch)]

    def supervision(self, run: str) -> dict[str, np.ndarray]:
        """Of the clip, in the last epoch."""
        return read_supervision(supervision_path(self.made.root / run, 3)).clip(self.name)


def corrected(labels: ParseFile, name: str, states: np.ndarray) -> ParseFile:
    """The file with the reviewed cells of a clip in it."""
    first = int(labels.offsets[labels.names.index(name)])
    rows = slice(first, first + states.shape[1])
    audio, visual = labels.audio.copy(), labels.visual.copy()
    for cells, side in zip((audio, visual), states, strict=True):
        cells[rows] = np.where(side == UNSEEN, cells[rows], side)
    return replace(labels, audio=audio, visual=visual)


def reviewed_events(made: Captioned, labels: ParseFile) -> tuple[str, tuple[Event, ...]]:
    """A train clip, and what is found in it.

    A category is never heard where the labels say so, and seen all the time where they say never; another,
    which the clip should not have, is heard and seen in some segments.
    """
    categories = made.dataset.categories
    for name, weak in made.dataset.splits["train"].items():
        clip = labels.clip(name)
        assert clip is not None
        for c, category in enumerate(categories):
            if category in weak and clip.audio[:, c].any() and not clip.visual[:, c].any():
                other = next(x for x in categories if x not in weak)
                return name, (
                    Event(Modality.AUDIO, category, 0, 10, State.ABSENT, "ann"),
                    Event(Modality.VISUAL, category, 0, 10, State.PRESENT, "ann"),
                    Event(Modality.AUDIO, other, 2, 5, State.PRESENT, "ann"),
                    Event(Modality.VISUAL, other, 4, 6, State.PRESENT, "ann"),
                )
    raise AssertionError("no clip has such labels")


def train(made: Captioned, run: str, labels: str) -> None:
    settings = [argument for setting in SETTINGS for argument in ("--set", setting)]
    where = ["--run-dir", made.root / run, "--pseudo-labels", made.root / labels, "--device", "cpu"]
    given = ["train", "link/llp/full", *made.places, *where, *settings]
    assert main([str(argument) for argument in given]) == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    made = make_captioned(tmp_path_factory.mktemp("reviewed"))
    assert main(["pseudo-label", "valor", *made.places, "--out", str(made.root / "plain.npz")]) == 0
    labels = read_parses(made.root / "plain.npz")
    name, events = reviewed_events(made, labels)
    states = state_grid(events, made.dataset.categories, 10)
    write_parses(made.root / "corrected.npz", corrected(labels, name, states))
    train(made, "unseen", "plain.npz")
    made.write(reviewed={name: events})
    assert (made.folder / "reviewed.csv").is_file()
    train(made, "reviewed", "plain.npz")
    train(made, "said so", "corrected.npz")
    return Reviewed(made, name, states, labels)


@pytest.mark.parametrize("loss", TARGETS)
def test_a_reviewed_cell_takes_the_place_of_its_pseudo_label_in_the_target_of_every_loss(
    trained: Reviewed, loss: str
) -> None:
    ours, same, unseen = (trained.losses(run)[0][loss] for run in ("reviewed", "said so", "unseen"))
    assert ours == same
    assert abs(ours - unseen) > 1e-4


def test_what_is_trained_is_what_pseudo_labels_train_that_say_the_same_of_reviewed_cells(
    trained: Reviewed,
) -> None:
    assert trained.losses("reviewed") == trained.losses("said so")
    ours, same, unseen = (
        load_file(trained.made.root / run / "last.safetensors") for run in ("reviewed", "said so", "unseen")
    )
    assert all(bool((ours[key] == same[key]).all()) for key in ours)
    assert any(bool((ours[key] != unseen[key]).any()) for key in ours)


def test_the_overlap_that_pairs_are_trained_to_is_that_of_the_reviewed_cells(trained: Reviewed) -> None:
    clip = trained.labels.clip(trained.name)
    assert clip is not None
    before = np.stack([clip.audio, clip.visual]) > 0
    after = np.where(trained.states == UNSEEN, before, trained.states == PRESENT)
    wanted, plain = (rules.event_overlap(*cells.astype(np.float32)) for cells in (after, before))
    assert np.abs(wanted - plain).max() > 0.1
    np.testing.assert_allclose(trained.supervision("reviewed")["overlap"], wanted, atol=1e-3)
    np.testing.assert_allclose(trained.supervision("unseen")["overlap"], plain, atol=1e-3)


def test_the_labels_that_condition_segments_are_the_reviewed_ones_where_there_are_some(
    trained: Reviewed,
) -> None:
    conditions, plain = (trained.supervision(run)["conditions"] for run in ("reviewed", "unseen"))
    wanted = np.where(trained.states == UNSEEN, plain, trained.states == PRESENT)
    assert (wanted != plain).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(conditions, wanted)


def test_a_category_that_was_found_corrects_the_video_level_label(trained: Reviewed) -> None:
    ours, unseen = (trained.losses(run)[0]["video"] for run in ("reviewed", "unseen"))
    assert abs(ours - unseen) > 1e-4
