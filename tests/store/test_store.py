from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from avvp_studio.domain.edit import Edit, mark
from avvp_studio.domain.project import Clip
from avvp_studio.store import EditStatus, Standing, Store, StoreError
from trainer.labels import Event, Modality, State

AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
PRESENT, ABSENT = State.PRESENT, State.ABSENT
CATEGORIES = ("Speech", "Dog", "Cat")


@pytest.fixture
def database(tmp_path):
    return tmp_path / "project" / "labels.sqlite"


@pytest.fixture
def store(database):
    with Store.create(database, name="Zoo", categories=CATEGORIES) as store:
        yield store


def clip(name, **changes):
    return replace(Clip(name, "train", None, 10.0, 10, frozenset({"Dog"})), **changes)


def dog(onset, offset, state=PRESENT, author="ann"):
    return Event(AUDIO, "Dog", onset, offset, state, author)


def adding(*events):
    return Edit((), events, f"mark {len(events)} events")


def test_what_is_put_in_comes_back_after_reopening(store, database, tmp_path):
    clips = [
        clip("b", video_labels=frozenset({"Dog", "Cat"}), is_complete=True, split="val"),
        clip("a", duration=9.987, segments=10, video_labels=frozenset()),
        clip("c", media=tmp_path / "media" / "c.mp4"),
    ]
    events = {
        "b": (dog(0.0, 2.5, author=""), dog(2.5, 5.0, author=""), Event(VISUAL, "Cat", 1.25, 3.125, ABSENT)),
        "c": (dog(4.0, 5.0),),
    }
    store.add_clips(clips, events)
    store.close()
    with Store.open(database) as again:
        assert again.project_name() == "Zoo"
        assert again.categories() == CATEGORIES
        assert again.clips() == clips
        assert again.clip("a") == clips[1]
        assert again.all_events() == events
        assert again.events("b") == events["b"]
        assert again.events("a") == ()


def test_media_beside_the_project_are_found_when_both_have_moved(store, database, tmp_path):
    store.add_clips([clip("a", media=tmp_path / "media" / "a.mp4"), clip("b", media=database.parent / "b.mp4")])
    store.close()
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    shutil.move(tmp_path, moved)
    with Store.open(moved / "project" / "labels.sqlite") as again:
        media = [clip.media for clip in again.clips()]
    assert media == [moved / "media" / "a.mp4", moved / "project" / "b.mp4"]


def test_media_elsewhere_are_kept_by_their_absolute_path(store, database, tmp_path):
    elsewhere = tmp_path.with_name(tmp_path.name + "-elsewhere") / "a.mp4"
    store.add_clips([clip("a", media=elsewhere)])
    store.close()
    moved = tmp_path.with_name(tmp_path.name + "-moved-alone")
    shutil.move(tmp_path, moved)
    with Store.open(moved / "project" / "labels.sqlite") as again:
        assert again.clip("a").media == elsewhere


def test_media_are_linked_and_unlinked_by_clip(store):
    store.add_clips([clip("a"), clip("b", media=Path("/videos/b.mp4"))])
    store.set_media({"a": Path("/videos/a.mp4"), "b": None})
    assert [clip.media for clip in store.clips()] == [Path("/videos/a.mp4"), None]


def test_a_clip_that_was_found_again_takes_its_new_length_and_labels(store):
    store.add_clips([clip("a")], {"a": (dog(0.0, 1.0),)})
    found = clip("a", duration=12.5, segments=13, video_labels=frozenset({"Cat", "Speech"}), is_complete=True)
    store.bring_in(changed=[found])
    assert store.clips() == [found]
    assert store.events("a") == (dog(0.0, 1.0),)


def test_a_clip_cannot_change_its_split(store):
    store.add_clips([clip("a")])
    with pytest.raises(StoreError, match="a: is in split 'train', not 'test'"):
        store.bring_in(changed=[clip("a", split="test")])


def test_where_events_of_a_file_contradict_each_other_the_later_one_holds(store):
    store.add_clips(
        [clip("a")], {"a": (dog(0.0, 5.0, author=""), dog(2.0, 3.0, ABSENT), dog(2.0, 3.0, ABSENT))}
    )
    assert store.events("a") == (dog(0.0, 2.0, author=""), dog(2.0, 3.0, ABSENT), dog(3.0, 5.0, author=""))


@pytest.mark.parametrize(
    ("clips", "events", "message"),
    [
        ([clip("new"), clip("old")], {}, "old: the project has a clip of this name already"),
        ([clip("new"), clip("new")], {}, "new: two clips have this name"),
        ([clip("new", video_labels=frozenset({"Horse"}))], {}, "new: 'Horse' is not a category"),
        ([clip("new")], {"new": (Event(AUDIO, "Horse", 0.0, 1.0),)}, "new: 'Horse' is not a category"),
        ([clip("new")], {"new": (dog(1.0, 1.0001),)}, "new: an event at 1 s lasts less than a millisecond"),
        ([clip("new")], {"other": ()}, "other: the project has no such clip"),
    ],
)
def test_an_import_with_a_mistake_says_where_and_leaves_nothing_behind(store, clips, events, message):
    store.add_clips([clip("old")])
    with pytest.raises(StoreError, match=message):
        store.add_clips(clips, events)
    assert [clip.name for clip in store.clips()] == ["old"]


def test_dense_truth_may_come_after_the_clip_but_never_over_labels(store):
    store.add_clips([clip("a"), clip("b")], {"b": (dog(0.0, 1.0),)})
    store.bring_in(
        changed=[clip("a", is_complete=True)], events={"a": (dog(2.0, 3.0, author=""),)}, person="ann"
    )
    assert store.clip("a").is_complete
    assert store.events("a") == (dog(2.0, 3.0, author=""),)
    assert store.history("a") == (None, None)
    with pytest.raises(StoreError, match="b: has labels already"):
        store.bring_in(events={"b": (dog(2.0, 3.0),)}, person="ann")


def test_an_import_is_stored_whole_or_not_at_all(store):
    store.add_clips([clip("a")])
    stale = Edit((dog(0.0, 1.0),), (), "forget Dog heard 0–1 s")
    with pytest.raises(StoreError, match="a: the labels have changed since"):
        store.bring_in(clips=[clip("b")], changed=[clip("a", segments=7)], edits={"a": stale}, person="ann")
    assert store.clips() == [clip("a")]


def test_edits_are_applied_undone_and_redone(store):
    store.add_clips([clip("a"), clip("other")])
    store.apply("a", adding(dog(0.0, 1.0)), "ann")
    store.apply("a", Edit((dog(0.0, 1.0),), (dog(0.0, 2.0),), "mark Dog heard 0–2 s"), "ann")

    assert store.history("a") == ("mark Dog heard 0–2 s", None)
    assert store.undo("a", "ann") == Edit((dog(0.0, 2.0),), (dog(0.0, 1.0),), "mark Dog heard 0–2 s")
    assert store.events("a") == (dog(0.0, 1.0),)
    assert store.undo("a", "ann") == Edit((dog(0.0, 1.0),), (), "mark 1 events")
    assert store.undo("a", "ann") is None
    assert store.history("a") == (None, "mark 1 events")
    assert store.redo("a", "ann") == adding(dog(0.0, 1.0))
    assert store.redo("a", "ann") is not None
    assert store.redo("a", "ann") is None
    assert store.events("a") == (dog(0.0, 2.0),)
    assert store.history("other") == (None, None)


def test_undo_and_redo_survive_a_restart(store, database):
    store.add_clips([clip("a")])
    store.apply("a", adding(dog(0.0, 1.0)), "ann")
    store.apply("a", adding(dog(5.0, 6.0)), "ann")
    store.undo("a", "ann")
    store.close()
    with Store.open(database) as again:
        assert again.redo("a", "bob") == adding(dog(5.0, 6.0))
        again.undo("a", "bob")
        again.undo("a", "bob")
        assert again.events("a") == ()


def test_a_new_edit_after_undo_supersedes_what_was_undone_but_keeps_its_row(store):
    store.add_clips([clip("a")])
    store.apply("a", adding(dog(0.0, 1.0)), "ann")
    store.undo("a", "ann")
    store.apply("a", adding(dog(2.0, 3.0)), "bob")
    assert store.redo("a", "ann") is None
    rows = store.history_rows("a")
    assert [(row.person, row.status) for row in rows] == [
        ("bob", EditStatus.DONE),
        ("ann", EditStatus.SUPERSEDED),
    ]
    assert rows[1].edit == adding(dog(0.0, 1.0))
    assert rows[0].at >= rows[1].at
    assert rows[0].at.utcoffset().total_seconds() == 0


def test_a_stale_edit_is_refused_and_changes_nothing(store):
    store.add_clips([clip("a")], {"a": (dog(0.0, 4.0),)})
    stale = mark((), modality=AUDIO, category="Dog", onset=3, offset=5, state=PRESENT, author="bob")
    with pytest.raises(StoreError, match="a: the labels have changed since: Dog heard 0–4 s is in the way"):
        store.apply("a", stale, "bob")
    assert store.events("a") == (dog(0.0, 4.0),)
    assert store.history_rows("a") == []


def test_an_empty_edit_leaves_no_trace(store):
    store.add_clips([clip("a")])
    store.apply("a", Edit((), (), "mark nothing"), "ann")
    assert store.history("a") == (None, None)


def test_a_clip_is_edited_by_a_persons_event_or_by_taking_one_away(store):
    from_file = dog(0.0, 1.0, author="")
    store.add_clips(
        [clip(name) for name in "abcd"], {"a": (from_file,), "b": (dog(0.0, 1.0),), "c": (from_file,)}
    )
    store.apply("c", Edit((from_file,), (), "forget Dog heard 0–1 s"), "ann")
    store.apply("d", adding(dog(0.0, 1.0)), "ann")
    assert store.edited_clips() == {"b", "c", "d"}
    store.undo("c", "ann")
    store.undo("d", "ann")
    assert store.edited_clips() == {"b"}


@pytest.mark.parametrize("method", ["events", "history", "history_rows", "clip"])
def test_a_clip_that_is_not_there_is_named(store, method):
    with pytest.raises(StoreError, match="nobody: the project has no such clip"):
        getattr(store, method)("nobody")


def test_two_programs_may_work_on_one_project(store, database):
    store.add_clips([clip("a")])
    with Store.open(database) as other:
        store.apply("a", adding(dog(0.0, 1.0)), "ann")
        assert other.events("a") == (dog(0.0, 1.0),)
        other.undo("a", "bob")
    assert store.events("a") == ()


def test_categories_must_differ(database):
    with pytest.raises(StoreError, match="the category 'Dog' is there twice"):
        Store.create(database, name="Zoo", categories=["Dog", "Cat", "Dog"])
    assert not database.exists()


def test_an_existing_project_is_never_replaced(store, database):
    with pytest.raises(StoreError, match="there is a project here already"):
        Store.create(database, name="Other", categories=CATEGORIES)
    assert store.project_name() == "Zoo"


def read_anew(store, clip="a"):
    return Standing(store.events(clip), *store.history(clip))


def test_how_a_clip_stands_is_known_after_every_step_without_reading_its_events(store, database):
    store.add_clips([clip("a"), clip("other")], {"a": (dog(8.0, 9.0, author=""),)})
    steps = [
        lambda: store.apply("a", adding(dog(0.0, 1.0)), "ann"),
        lambda: store.apply(
            "a", Edit((dog(0.0, 1.0),), (dog(0.0, 2.00049), dog(3.0, 4.0, ABSENT)), "x"), "ann"
        ),
        lambda: store.undo("a", "ann"),
        lambda: store.undo("a", "ann"),
        lambda: store.undo("a", "ann"),
        lambda: store.redo("a", "ann"),
        lambda: store.apply("a", adding(), "ann"),
        lambda: store.apply("other", adding(dog(0.0, 1.0)), "ann"),
        lambda: store.apply("a", adding(dog(5.0, 6.0)), "ann"),
        lambda: store.redo("a", "ann"),
    ]
    kept = store.standing("a").events[-1]
    for step in steps:
        step()
        assert store.standing("a") == read_anew(store)
        if step is not steps[7] and step is not steps[8]:  # after another clip it is read again
            assert kept is store.standing("a").events[-1] or step is steps[9]


def test_what_another_program_has_written_is_noticed(store, database):
    store.add_clips([clip("a")])
    store.standing("a")
    with Store.open(database) as other:
        other.apply("a", adding(dog(0.0, 1.0)), "bob")
        assert store.standing("a").events == (dog(0.0, 1.0),)
        store.apply("a", adding(dog(2.0, 3.0)), "ann")
        other.undo("a", "bob")
        store.apply("a", adding(dog(4.0, 5.0)), "ann")  # without a look in between
        assert store.standing("a") == read_anew(store)
        assert store.standing("a").events == (dog(0.0, 1.0), dog(4.0, 5.0))


def test_what_the_same_program_has_written_otherwise_is_noticed(store):
    store.add_clips([clip("a")])
    store.standing("a")
    store.bring_in(events={"a": (dog(0.0, 1.0),)})
    assert store.standing("a").events == (dog(0.0, 1.0),)


def test_after_a_step_that_failed_the_clip_stands_as_it_is_stored(store):
    store.add_clips([clip("a")], {"a": (dog(0.0, 4.0),)})
    before = store.standing("a")
    for edit in (adding(dog(3.0, 5.0)), Edit((dog(1.0, 2.0),), (), "forget"), adding(dog(6.0, 6.0001))):
        with pytest.raises(StoreError):
            store.apply("a", edit, "ann")
        assert store.standing("a") == before == read_anew(store)


def test_an_edit_is_checked_against_all_labels_that_it_meets(store):
    store.add_clips([clip("a")], {"a": (dog(0.0, 4.0), Event(VISUAL, "Dog", 0.0, 10.0))})
    store.apply("a", adding(dog(4.0, 4.5)), "ann")  # touching is not meeting
    for onset, offset in ((0.0, 1.0), (3.9, 4.0), (4.4, 6.0)):
        with pytest.raises(StoreError, match="is in the way"):
            store.apply("a", adding(dog(onset, offset), dog(8.0, 9.0)), "ann")
