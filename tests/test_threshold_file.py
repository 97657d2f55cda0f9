"""Chosen thresholds as a project keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avvp_studio.domain.project import Clip
from avvp_studio.domain.thresholds import set_level
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.workspace import Workspace
from trainer.labels import Modality
from trainer.parses import Parse, ParseFile, write_parses

CATEGORIES = ("Dog", "Speech")
CLIPS = tuple(Clip(f"{name}_0_10", "train", None, 10.0, 10) for name in "ab")


def write_parser(root: Path, stem: str, parser: str, created: float, categories=CATEGORIES) -> None:
    values = np.full((10, len(categories)), 0.4, np.float32)
    parse = Parse(values, values, np.ones(len(categories), np.float32))
    file = ParseFile.from_clips(
        {clip.name: parse for clip in CLIPS}, categories, {"parser": parser, "created": created}
    )
    write_parses(ProjectPaths(root).parses / f"{stem}.npz", file)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Store.create(ProjectPaths(tmp_path).database, name="Street", categories=CATEGORIES) as store:
        store.add_clips(CLIPS)
    write_parser(tmp_path, "run-1", "han", 1.0)
    write_parser(tmp_path, "run-2", "ecma", 2.0)
    return tmp_path


@pytest.fixture
def opened(qapp, root: Path):
    made = []

    def open_project() -> tuple[Workspace, list[str]]:
        workspace, said = Workspace(author="yola"), []
        workspace.failed.connect(said.append)
        assert workspace.open_project(root)
        made.append(workspace)
        return workspace, said

    yield open_project
    for workspace in made:
        workspace.close_project()


def lower(workspace: Workspace, place: int = 0, level: float | None = 0.3) -> None:
    track = workspace.tracks[place]
    rule = set_level(track.rule, track.own_rule, CATEGORIES, Modality.AUDIO, ["Dog"], level)
    workspace.use_rule_of(track.by_rule(rule))


def test_a_chosen_threshold_holds_for_its_parser_in_every_clip_and_after_a_restart(opened):
    workspace, _ = opened()
    lower(workspace)
    workspace.open_clip("b_0_10")
    assert workspace.tracks[0].predicted[0].all(axis=0).tolist() == [True, False]
    assert not workspace.tracks[1].predicted.any()
    again, said = opened()
    assert again.tracks[0].predicted[0].all(axis=0).tolist() == [True, False]
    assert not again.tracks[0].predicted_by_own.any()
    assert not said


def test_it_makes_a_candidate_of_what_is_predicted_now(opened):
    workspace, _ = opened()
    assert workspace.candidates() == ()
    lower(workspace)
    assert workspace.candidates() == ("Dog",)


def test_the_parsers_own_leaves_nothing_behind(opened, root):
    workspace, _ = opened()
    lower(workspace)
    lower(workspace, level=None)
    assert workspace.tracks[0].rule_before is None
    assert ProjectPaths(root).thresholds.read_text() == "{}"


def test_it_stays_with_its_file_when_another_parser_takes_the_same_name(opened, root):
    workspace, _ = opened()
    lower(workspace)
    write_parser(root, "run-3", "ecma", 3.0)
    again, _ = opened()
    chosen = {track.parser: track.rule != track.own_rule for track in again.tracks}
    assert chosen == {"ecma (run-3)": False, "ecma (run-2)": True}


def test_two_windows_on_one_project_keep_what_the_other_chose(opened):
    (one, _), (other, _) = opened(), opened()
    lower(one, place=0)
    lower(other, place=1)
    lower(one, place=0, level=0.2)
    again, said = opened()
    assert [track.rule != track.own_rule for track in again.tracks] == [True, True]
    assert not said


def test_what_could_not_be_kept_is_kept_with_the_next(opened, root):
    workspace, _ = opened()
    stopper = ProjectPaths(root).thresholds.with_name("thresholds.json.part")
    stopper.mkdir()
    lower(workspace, place=0)
    stopper.rmdir()
    lower(workspace, place=1)
    again, _ = opened()
    assert [track.rule != track.own_rule for track in again.tracks] == [True, True]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"run-2": {"audio": {"Dog": 2}}}', "\udcff", pytest.param("[" * 100_000, id="nested")]
)
def test_a_broken_file_is_said_once_and_every_parser_predicts_by_its_own(opened, root, text):
    ProjectPaths(root).thresholds.write_bytes(text.encode("utf-8", "surrogateescape"))
    workspace, said = opened()
    workspace.open_clip("b_0_10")
    (only,) = said
    assert "thresholds.json could not be read" in only
    assert "What it held is in thresholds.json.old." in only
    aside = ProjectPaths(root).thresholds.with_name("thresholds.json.old")
    assert aside.read_bytes() == text.encode("utf-8", "surrogateescape")
    assert all(track.rule == track.own_rule for track in workspace.tracks)
    lower(workspace)
    assert opened()[0].tracks[0].predicted.any()


def test_where_they_cannot_be_kept_they_hold_for_now_and_that_is_said(opened, root):
    workspace, said = opened()
    ProjectPaths(root).thresholds.with_name("thresholds.json.part").mkdir()
    lower(workspace)
    assert workspace.tracks[0].predicted.any()
    assert "could not be kept" in said[0]


def test_the_rule_for_the_file_has_its_columns(opened, root):
    write_parser(root, "run-3", "other", 3.0, categories=("Speech", "Cat", "Dog"))
    workspace, _ = opened()
    lower(workspace)
    audio, visual = workspace.rule_in_file(workspace.tracks[0]).segment
    assert audio == (0.5, 1.0, 0.3)
    assert visual == 0.5
