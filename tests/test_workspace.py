from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.workspace import Workspace
from trainer.labels import ABSENT, PRESENT, UNSEEN, Event, Modality, State, state_grid
from trainer.parses import Parse, ParseFile, write_parses

AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
CATEGORIES = ("Speech", "Dog", "Cat", "Car")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "project"
    clips = [
        Clip("a", "train", None, 9.96, 10, frozenset({"Cat"})),
        Clip("b", "val", None, 5.0, 5, frozenset({"Dog"}), is_complete=True),
        Clip("c", "train", None, 10.0, 10),
    ]
    with Store.create(ProjectPaths(root).database, name="Zoo", categories=CATEGORIES) as store:
        store.add_clips(clips, {"b": (Event(VISUAL, "Dog", 1.0, 3.0),)})
    return root


class Listener:
    """Notes the signals of a workspace in the order in which they come."""

    def __init__(self, workspace):
        self.heard = []
        self.messages = []
        for name in (
            "project_changed",
            "clips_changed",
            "clip_changed",
            "events_changed",
            "history_changed",
            "tracks_changed",
            "selection_changed",
            "armed_changed",
        ):
            getattr(workspace, name).connect(lambda name=name: self.heard.append(name))
        workspace.failed.connect(self.messages.append)


@pytest.fixture
def workspace(qapp, root):
    workspace = Workspace(author="ann")
    assert workspace.open_project(root)
    yield workspace
    workspace.close_project()


@pytest.fixture
def listener(workspace):
    return Listener(workspace)


def parse(name, root, *, categories=CATEGORIES, segments=10, fill=0.25, clips=("a",), **meta):
    """Write a parse file that believes that its first category is heard and seen throughout."""
    values = np.full((segments, len(categories)), fill, np.float32)
    values[:, 0] = 0.75
    one = Parse(values, values, values[0])
    path = ProjectPaths(root).parses / f"{name}.npz"
    write_parses(path, ParseFile.from_clips(dict.fromkeys(clips, one), categories, {"parser": name, **meta}))
    return path


def mark_dog(workspace, onset=2.0, offset=5.0, state=State.PRESENT):
    return workspace.mark(AUDIO, "Dog", onset, offset, state)


def test_opening_a_project_opens_its_first_clip(workspace, root):
    assert workspace.project.name == "Zoo"
    assert workspace.project.categories == CATEGORIES
    assert workspace.paths == ProjectPaths(root)
    assert [clip.name for clip in workspace.clips] == ["a", "b", "c"]
    assert workspace.clip is workspace.clips[0]
    assert workspace.events == ()
    assert workspace.states.shape == (2, 10, 4)
    assert (workspace.states == UNSEEN).all()


def test_a_complete_clip_has_no_unseen_cells(workspace):
    workspace.open_clip("b")
    assert workspace.states[1, :, 1].tolist() == [ABSENT, PRESENT, PRESENT, ABSENT, ABSENT]
    assert (workspace.states != UNSEEN).all()


def test_a_mark_is_stored_before_it_is_shown(workspace, root):
    stored = []

    def look():
        connection = sqlite3.connect(ProjectPaths(root).database)
        stored.append(
            connection.execute("SELECT onset_ms, offset_ms, author FROM events WHERE clip_id = 1").fetchall()
        )
        connection.close()

    workspace.events_changed.connect(look)
    assert mark_dog(workspace)
    assert stored == [[(2000, 5000, "ann")]]
    assert workspace.events == (Event(AUDIO, "Dog", 2.0, 5.0, author="ann"),)
    assert workspace.states[0, :, 1].tolist() == [UNSEEN] * 2 + [PRESENT] * 3 + [UNSEEN] * 5


def test_a_first_mark_makes_the_clip_an_edited_one(workspace, listener):
    mark_dog(workspace)
    assert listener.heard == ["events_changed", "history_changed", "clips_changed"]
    assert workspace.edited == {"a"}
    workspace.undo()
    assert workspace.edited == frozenset()


def test_marking_what_is_so_does_nothing(workspace, listener):
    mark_dog(workspace)
    listener.heard.clear()
    assert not mark_dog(workspace)
    assert listener.heard == []
    assert listener.messages == []


def test_undo_and_redo_say_what_they_will_do(workspace):
    assert (workspace.undo_text, workspace.redo_text) == (None, None)
    mark_dog(workspace)
    assert (workspace.undo_text, workspace.redo_text) == ("mark Dog heard 2–5 s", None)
    assert workspace.undo()
    assert workspace.events == ()
    assert (workspace.undo_text, workspace.redo_text) == (None, "mark Dog heard 2–5 s")
    assert workspace.redo()
    assert workspace.events == (Event(AUDIO, "Dog", 2.0, 5.0, author="ann"),)
    assert not workspace.redo()


def test_undo_belongs_to_the_clip_and_survives_a_restart(workspace, root):
    mark_dog(workspace)
    workspace.open_clip("c")
    assert workspace.undo_text is None
    assert not workspace.undo()
    workspace.close_project()

    again = Workspace(author="bob")
    again.open_project(root)
    assert again.undo_text == "mark Dog heard 2–5 s"
    assert again.undo()
    assert again.events == ()
    again.close_project()


def test_the_author_of_a_mark_can_be_set(workspace):
    workspace.author = "bob"
    mark_dog(workspace)
    assert workspace.events[0].author == "bob"


def test_a_range_to_the_end_of_the_media_fills_the_last_segment(workspace):
    mark_dog(workspace, 8.0, 9.96, State.ABSENT)
    assert workspace.states[0, 8:, 1].tolist() == [ABSENT, ABSENT]
    workspace.select((7.5, 40.0))
    assert workspace.selection == (7.5, 10.0)


def test_a_mark_outside_the_clip_is_refused_with_its_name(workspace, listener):
    assert not mark_dog(workspace, 12.0, 14.0)
    assert len(listener.messages) == 1
    assert listener.messages[0].startswith("a: ")


def test_a_category_that_the_project_lacks_is_refused(workspace, listener):
    assert not workspace.mark(AUDIO, "Horse", 0.0, 1.0, State.PRESENT)
    workspace.arm("Horse")
    assert len(listener.messages) == 2
    assert "'Horse' is not a category" in listener.messages[0]
    assert workspace.events == ()
    assert workspace.armed is None


def test_what_cannot_be_stored_is_not_shown(workspace, listener, root):
    other = sqlite3.connect(ProjectPaths(root).database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not mark_dog(workspace)
    other.execute("ROLLBACK")
    other.close()
    assert workspace.events == ()
    assert listener.heard == []
    assert len(listener.messages) == 1
    assert "another program is writing" in listener.messages[0]


def test_after_another_program_changed_the_clip_a_stale_edit_fails_and_the_change_is_shown(
    workspace, listener, root
):
    with Store.open(ProjectPaths(root).database) as other:
        other.apply(
            "a", Edit((), (Event(AUDIO, "Dog", 0.0, 4.0, author="bob"),), "mark Dog heard 0–4 s"), "bob"
        )
    assert not mark_dog(workspace)
    assert "labels have changed since" in listener.messages[0]
    assert workspace.events == (Event(AUDIO, "Dog", 0.0, 4.0, author="bob"),)
    assert workspace.undo_text == "mark Dog heard 0–4 s"
    assert mark_dog(workspace)


def test_a_project_that_cannot_be_opened_leaves_the_open_one(workspace, listener, tmp_path):
    assert not workspace.open_project(tmp_path / "nothing")
    assert "there is no label database here" in listener.messages[0]
    assert workspace.project.name == "Zoo"
    assert mark_dog(workspace)


def test_closing_leaves_nothing_behind(workspace, listener):
    workspace.select((1.0, 2.0))
    workspace.arm("Dog")
    workspace.close_project()
    assert (workspace.project, workspace.paths, workspace.clip, workspace.clips) == (None, None, None, ())
    assert (workspace.armed, workspace.selection, workspace.candidates()) == (None, None, ())
    assert workspace.states.shape == (2, 0, 0)
    assert not mark_dog(workspace)
    assert not workspace.undo()
    assert listener.messages == []


def test_a_project_without_clips_opens(qapp, tmp_path):
    Store.create(tmp_path / "labels.sqlite", name="New", categories=CATEGORIES).close()
    workspace = Workspace()
    assert workspace.open_project(tmp_path)
    assert workspace.clip is None
    workspace.step_clip(1)
    assert workspace.clip is None
    workspace.close_project()


def test_all_state_is_there_when_the_first_signal_of_a_clip_comes(workspace):
    seen = []
    workspace.clip_changed.connect(lambda: seen.append((workspace.clip, workspace.events, workspace.selection)))
    workspace.select((0.0, 2.0))
    workspace.open_clip("b")
    assert seen == [(workspace.clips[1], (Event(VISUAL, "Dog", 1.0, 3.0),), None)]


def test_stepping_follows_the_order_in_view_and_stops_at_its_ends(workspace):
    workspace.set_order(["c", "unknown", "a"])
    workspace.step_clip(1)
    assert workspace.clip.name == "a"
    workspace.step_clip(-1)
    assert workspace.clip.name == "c"
    workspace.step_clip(-1)
    assert workspace.clip.name == "c"
    workspace.step_clip(5)
    assert workspace.clip.name == "a"


def test_stepping_from_a_clip_that_is_filtered_away_enters_the_order(workspace):
    workspace.set_order(["b", "c"])
    workspace.step_clip(-1)
    assert workspace.clip.name == "c"
    workspace.open_clip("a")
    workspace.step_clip(1)
    assert workspace.clip.name == "b"


def test_arming_and_selecting_are_announced_once(workspace, listener):
    for _ in range(2):
        workspace.arm("Dog")
        workspace.select((4.0, 2.0))
    assert (workspace.armed, workspace.selection) == ("Dog", (2.0, 4.0))
    workspace.select((3.0, 3.0))
    assert workspace.selection is None
    assert listener.heard == ["armed_changed", "selection_changed", "selection_changed"]


def test_media_that_were_located_are_stored_and_shown(workspace, listener, root):
    before = workspace.clips
    assert workspace.set_media("a", Path("/videos/a.mp4"))
    assert workspace.clip.media == Path("/videos/a.mp4")
    assert workspace.clips is not before
    assert listener.heard[:2] == ["clips_changed", "clip_changed"]
    with Store.open(ProjectPaths(root).database) as store:
        assert store.clip("a").media == Path("/videos/a.mp4")


def test_what_something_else_has_stored_is_shown_without_reading_it(workspace, listener):
    new, given = Clip("d", "test", None, 3.0, 3), Clip("b", "val", Path("/v/b.mp4"), 5.0, 5)
    workspace.show_stored([given, new], removed={"c"})
    assert [clip.name for clip in workspace.clips] == ["a", "b", "d"]
    assert workspace.clips[1] == given
    assert listener.heard == ["clips_changed"]  # the open clip is the same


def test_where_the_open_clip_is_removed_the_first_is_opened(workspace):
    workspace.open_clip("b")
    workspace.show_stored(removed={"b"})
    assert workspace.clip.name == "a"
    workspace.show_stored(removed={"a", "c"})
    assert workspace.clip is None


def test_the_newest_parser_and_the_one_before_it_are_shown(workspace, root):
    for i, name in enumerate(["old", "before", "newest"]):
        parse(name, root, created=1000.0 + i)
    workspace.reload_parses()
    assert workspace.parsers == ("newest", "before", "old")
    assert workspace.shown == ("newest", "before")
    assert [track.parser for track in workspace.tracks] == ["newest", "before"]
    workspace.open_clip("b")
    assert workspace.tracks == ()  # a parser that says nothing of the clip


def test_a_choice_of_parsers_holds_until_a_new_one_comes(workspace, root):
    parse("old", root, created=1000.0)
    parse("new", root, created=2000.0)
    workspace.reload_parses()
    workspace.show_parsers(["old", "unknown"])
    workspace.reload_parses()
    assert workspace.shown == ("old",)
    parse("newest", root, created=3000.0)
    workspace.reload_parses()
    assert workspace.shown == ("newest", "new")


def test_parsers_of_one_name_are_told_apart_by_their_files(workspace, root):
    parse("han-1", root, created=1000.0, parser="HAN")
    parse("han-2", root, created=2000.0, parser="HAN")
    workspace.reload_parses()
    assert workspace.parsers == ("HAN (han-2)", "HAN (han-1)")


def test_the_columns_of_a_track_are_the_projects_categories(workspace, listener, root):
    parse("han", root, categories=("Cat", "Horse", "Dog"))
    workspace.reload_parses()
    assert workspace.tracks[0].probabilities[0, 0].tolist() == [0.0, 0.25, 0.75, 0.0]
    assert workspace.tracks[0].parse.video.tolist() == [0.0, 0.25, 0.75, 0.0]
    workspace.reload_parses()
    assert len(listener.messages) == 1
    assert "han.npz: says nothing of Speech, Car" in listener.messages[0]


@pytest.mark.parametrize("segments", [7, 12])
def test_a_track_has_as_many_segments_as_the_clip(workspace, listener, root, segments):
    parse("han", root, segments=segments)
    workspace.reload_parses()
    heard = workspace.tracks[0].probabilities[0, :, 0]
    assert heard.tolist() == [0.75] * min(segments, 10) + [0.0] * (10 - min(segments, 10))
    assert len(listener.messages) == 1
    assert f"has {segments} segments for a, which has 10" in listener.messages[0]


def test_a_damaged_parse_file_is_named_once_and_the_others_go_on(workspace, listener, root):
    parse("good", root, created=1000.0)
    (ProjectPaths(root).parses / "bad.npz").write_bytes(b"PK nonsense")
    workspace.reload_parses()
    workspace.reload_parses()
    assert [track.parser for track in workspace.tracks] == ["good"]
    assert len(listener.messages) == 1
    assert "bad.npz: not a parse file" in listener.messages[0]


def test_a_track_predicts_by_its_own_files_rule(workspace, root):
    by_category = [0.2, 0.3, 0.8]
    parse("han", root, categories=("Cat", "Horse", "Dog"), segment_thresholds=[0.7, by_category])
    workspace.reload_parses()
    (track,) = workspace.tracks
    # Of Cat, a probability of 0.75; of Dog 0.25: the gate, at 0.5, lets only Cat pass.
    cat = workspace.project.categories.index("Cat")
    assert track.predicted[:, 0].sum(axis=-1).tolist() == [1, 1]
    assert track.predicted[:, :, cat].all()
    assert [track.rule.segment_threshold(axis, cat) for axis in (0, 1)] == [0.7, 0.2]


def test_a_parse_file_that_its_own_rule_asks_too_much_of_is_named_once(workspace, listener, root):
    parse("han", root, gate="modality")
    workspace.reload_parses()
    workspace.reload_parses()
    assert workspace.tracks == ()
    assert len(listener.messages) == 1
    assert 'han.npz: the gate "modality" asks what is heard' in listener.messages[0]


def test_a_parse_file_that_was_written_again_is_read_again(workspace, root):
    parse("han", root, fill=0.25)
    workspace.reload_parses()
    assert workspace.tracks[0].probabilities[0, 0, 1] == 0.25
    parse("han", root, fill=0.5, more="so that the file has another length")
    workspace.reload_parses()
    assert workspace.tracks[0].probabilities[0, 0, 1] == 0.5


def test_candidates_are_the_video_labels_then_the_labelled_then_the_predicted(workspace, root):
    assert workspace.candidates() == ("Cat",)
    workspace.mark(VISUAL, "Car", 0.0, 1.0, State.ABSENT)
    mark_dog(workspace)
    assert workspace.candidates() == ("Cat", "Dog", "Car")
    parse("han", root)
    workspace.reload_parses()
    assert workspace.candidates() == ("Cat", "Dog", "Car", "Speech")
    workspace.show_parsers([])
    assert workspace.candidates() == ("Cat", "Dog", "Car")


def test_the_grid_of_states_follows_every_edit_as_if_drawn_anew(workspace):
    workspace.open_clip("b")
    for edit in (
        lambda: workspace.mark(VISUAL, "Dog", 2.0, 4.0, State.ABSENT),
        lambda: workspace.mark_in((AUDIO, VISUAL), "Cat", 0.5, 3.0, State.PRESENT),
        lambda: workspace.mark(VISUAL, "Cat", 0.0, 5.0, State.UNSEEN),
        lambda: workspace.apply(Edit(workspace.events, (), "forget all")),
        workspace.undo,
        workspace.undo,
        workspace.redo,
    ):
        before, as_it_was = workspace.states, workspace.states.copy()
        assert edit()
        assert (before == as_it_was).all()  # who draws it may go on
        assert (workspace.states == state_grid(workspace.events, CATEGORIES, 5, complete=True)).all()
        assert (workspace.states != before).any()


def test_what_another_program_did_is_shown_after_the_next_edit(workspace, root):
    mark_dog(workspace)
    with Store.open(ProjectPaths(root).database) as other:
        other.apply("a", Edit((), (Event(VISUAL, "Cat", 0.0, 4.0, author="bob"),), "mark Cat"), "bob")
    assert workspace.mark(AUDIO, "Car", 0.0, 1.0, State.PRESENT)
    assert [event.category for event in workspace.events] == ["Car", "Dog", "Cat"]
    assert workspace.states[1, :4, 2].tolist() == [PRESENT] * 4
    workspace.undo()
    assert workspace.undo_text == "mark Cat"


def test_an_edit_reads_no_events_of_the_clip_again(workspace):
    kept = Event(AUDIO, "Speech", 0.0, 1.0, author="ann")
    workspace.mark(AUDIO, "Speech", 0.0, 1.0, State.PRESENT)
    same = workspace.events[0]
    for step in (lambda: mark_dog(workspace), workspace.undo, workspace.redo):
        assert step()
        assert workspace.events[-1] is same
    assert same == kept
