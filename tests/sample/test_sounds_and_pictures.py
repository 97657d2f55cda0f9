"""What is heard and seen is what the truth says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from avvp_studio.sample.drawing import HEIGHT, WIDTH
from avvp_studio.sample.pictures import draw_act
from avvp_studio.sample.scenes import CATEGORIES, DURATION, Act, Scene, Span, make_scenes
from avvp_studio.sample.sounds import mix, sound_of

RATE = 48_000


def act_of(category: str, *, heard: tuple[Span, ...] = (), seen: tuple[Span, ...] = ()) -> Act:
    acts = (act for scene in make_scenes(3, 60) for act in scene.acts)
    return dataclasses.replace(next(act for act in acts if act.category == category), heard=heard, seen=seen)


def scene_of(*acts: Act) -> Scene:
    return dataclasses.replace(make_scenes(3, 60)[0], acts=acts)


def loud_parts(act: Act) -> list[bool]:
    """Whether anything is heard in each second of an act's own sound."""
    power = np.square(sound_of(act, RATE)).reshape(DURATION, RATE).mean(axis=1)
    return list(power > 0)


def drawn(act: Act, time: float) -> int:
    """How many pixels of an empty picture an act changes."""
    blank = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    canvas = blank.copy()
    draw_act(canvas, act, time)
    return int((canvas != blank).any(axis=2).sum())


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_sound_is_in_the_segments_of_its_event_and_nowhere_else(category: str):
    act = act_of(category, heard=(Span(2.1, 4.9), Span(7.1, 8.9)))
    expected = [second in {2, 3, 4, 7, 8} for second in range(DURATION)]
    assert loud_parts(act) == expected
    grid = [any(event.onset <= s < event.offset for event in act.events()) for s in range(DURATION)]
    assert grid == expected


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_sound_rises_well_above_the_background_in_each_of_its_segments(category: str):
    act = act_of(category, heard=(Span(2.1, 6.9),))
    background = np.square(mix(scene_of())).mean()
    seconds = np.square(sound_of(act, RATE)).reshape(DURATION, RATE).mean(axis=1)
    assert seconds[2:7].min() > 2 * background


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_only_seen_makes_no_sound(category: str):
    silent = scene_of(act_of(category, seen=(Span(0, 10),)))
    assert np.array_equal(mix(silent), mix(scene_of()))


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_figure_is_drawn_while_it_is_seen_and_at_no_other_time(category: str):
    act = act_of(category, seen=(Span(2.1, 4.9),))
    assert [drawn(act, time) > 0 for time in (0.5, 2.05, 2.5, 3.5, 4.5, 4.95, 7)] == [
        *(False, False),
        *(True, True, True),
        *(False, False),
    ]
    assert min(drawn(act, 2.3 + 0.1 * k) for k in range(24)) > 500


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_only_heard_is_not_drawn(category: str):
    act = act_of(category, heard=(Span(0, 10),))
    assert all(drawn(act, time) == 0 for time in np.arange(0, DURATION, 0.5))


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_figure_moves(category: str):
    act = act_of(category, seen=(Span(0, 10),))
    canvases = []
    for time in (5.0, 5.2):
        canvas = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
        draw_act(canvas, act, time)
        canvases.append(canvas)
    assert (canvases[0] != canvases[1]).any()


def test_a_mix_stays_within_full_scale_however_loud_its_acts_are():
    act = dataclasses.replace(act_of("Siren", heard=(Span(0, 10),)), loudness=12.0)
    assert 0.9 < np.abs(mix(scene_of(act))).max() <= 1
