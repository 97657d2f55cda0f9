"""What happens in the sample: the plan of its clips."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from avvp_studio.sample.scenes import CATEGORIES, DURATION, make_scenes
from trainer.labels import Modality

SCENES = make_scenes(7, 60)
SPLITS = ("train", "val", "test")


def test_the_same_seed_gives_the_same_scenes_and_another_gives_others():
    assert make_scenes(7, 60) == SCENES
    assert make_scenes(8, 60) != SCENES


def test_clips_are_shared_out_three_to_one_to_one_under_unique_names():
    assert [sum(scene.split == split for scene in SCENES) for split in SPLITS] == [36, 12, 12]
    assert len({scene.name for scene in SCENES}) == 60


@pytest.mark.parametrize("seed", [1, 7, 2026])
@pytest.mark.parametrize("split", SPLITS)
def test_every_category_is_heard_and_seen_in_every_split(seed: int, split: str):
    found = {
        (event.category, event.modality)
        for scene in make_scenes(seed, 60)
        if scene.split == split
        for event in scene.truth()
    }
    assert found == {(category, modality) for category in CATEGORIES for modality in Modality}


def test_a_clip_holds_one_to_three_categories_and_each_has_an_event():
    for scene in SCENES:
        assert 1 <= len(scene.labels) <= 3
        assert {event.category for event in scene.truth()} == scene.labels


def test_there_are_events_only_heard_only_seen_and_both_at_different_times():
    acts = [act for scene in SCENES for act in scene.acts]
    assert any(act.heard and not act.seen for act in acts)
    assert any(act.seen and not act.heard for act in acts)
    both = [act for act in acts if act.heard and act.seen]
    assert any(math.floor(act.heard[0].onset) != math.floor(act.seen[0].onset) for act in both)


@pytest.mark.parametrize("seed", range(5))
def test_an_event_fills_its_segments_but_for_a_little_at_its_ends(seed: int):
    for scene in make_scenes(seed, 60):
        for act in scene.acts:
            for span in (*act.heard, *act.seen):
                assert 0 <= span.onset < span.offset <= DURATION
                assert span.onset - math.floor(span.onset) < 0.15
                assert math.ceil(span.offset) - span.offset < 0.15
            for events in (act.heard, act.seen):
                for first, second in pairwise(events):
                    assert math.ceil(first.offset) < math.floor(second.onset)


def test_strokes_leave_no_segment_of_an_event_empty():
    for scene in SCENES:
        for act in scene.acts:
            if act.category in {"Ball", "Bell", "Bird", "Clock", "Drum", "Flute"}:
                assert act.period <= 0.85 - 0.03
