"""What lanes show of labels and of what parsers believe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from avvp_studio.domain.tracks import Track
from avvp_studio.ui.theme import DARK, LIGHT, mix
from avvp_studio.ui.timeline.arrangement import Arrangement
from avvp_studio.ui.timeline.beliefs import lane_pictures
from avvp_studio.ui.timeline.content import Label, lane
from avvp_studio.ui.timeline.inks import ink
from avvp_studio.ui.timeline.lane_style import MOST_OVERLAID, MOST_STACKED
from avvp_studio.ui.timeline.lanes import LanePainter
from avvp_studio.ui.timeline.pixels import argb
from tests.ui.timeline.hand import AUDIO, CATEGORIES, EVENTS, VISUAL, content, lane_pixels, picture, track
from trainer.labels import Event, State, state_grid
from trainer.parses import Parse
from trainer.prediction import PredictionRule

BLOCK = mix(DARK.audio, DARK.surface, 0.6)
"""What a label that says present is filled with."""


def test_each_lane_has_the_threshold_of_its_modality_and_category():
    rule = PredictionRule(segment=(0.25, (0.1, 0.2, 0.3, 0.4)))
    shown = replace(content(), tracks=(replace(track("new", 10), rule=rule),))
    for modality, category, threshold in ((AUDIO, "Cello", 0.25), (VISUAL, "Dog", 0.1), (VISUAL, "Cello", 0.4)):
        (drawn,) = lane(shown, modality, category).tracks
        assert drawn.threshold == threshold
        np.testing.assert_array_equal(drawn.predicted, drawn.probabilities >= np.float32(threshold))


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_present_absent_and_unseen_look_different(timeline, theme):
    timeline.set_theme(theme)
    timeline.set_content(content(tracks=()))
    timeline.set_playhead(9.9)
    present = lane_pixels(timeline, "Dog", AUDIO, 3)
    absent = lane_pixels(timeline, "Dog", AUDIO, 8)
    unseen = lane_pixels(timeline, "Dog", AUDIO, 5)
    assert unseen == {theme.surface}
    assert theme.surface not in present
    assert theme.surface in absent | unseen
    assert present != absent


def certain(name, *segments):
    """A parser that is sure of a dog in some segments, and that there is none in the others."""
    values = np.full((10, len(CATEGORIES)), 0.05, np.float32)
    values[list(segments), 0] = 0.95
    return Track(name, Parse(values, values, np.ones(len(CATEGORIES), np.float32)))


def believed(*tracks, events=()):
    shown = content(rows=("Dog",), tracks=(), events=events)
    return replace(shown, tracks=tracks)


def all_pixels(timeline, time, modality=AUDIO, category="Dog"):
    """The colours of one column of a lane, from its top to its foot."""
    ratio, row = timeline.devicePixelRatioF(), timeline._scene.rows.of(category).lane(modality)
    x, image = timeline.point(category, modality, time).x(), picture(timeline)
    heights = range(timeline._scene.origin + row.top, timeline._scene.origin + row.bottom)
    return [image.pixelColor(round(x * ratio), round(y * ratio)).name() for y in heights]


def test_an_event_is_drawn_where_it_really_begins_and_ends(timeline):
    free = Event(AUDIO, "Dog", 2.4, 4.6, State.PRESENT, "anna")
    timeline.set_content(content(rows=("Dog",), tracks=(), events=(free,)))
    timeline.set_playhead(9.9)
    outside, inside = (2.2, 4.8), (2.6, 4.4)
    for time in outside:
        assert BLOCK not in all_pixels(timeline, time)
    for time in inside:
        assert BLOCK in all_pixels(timeline, time)


def test_what_a_file_says_of_segments_that_an_event_only_touches_is_left_to_the_event():
    free = Event(AUDIO, "Dog", 2.4, 4.6, State.PRESENT, "anna")
    shown = replace(content(events=(free,)), states=state_grid((free,), CATEGORIES, 10, complete=True))
    assert lane(shown, AUDIO, "Dog").labels == (
        Label(2.4, 4.6, State.PRESENT, is_by_person=True),
        Label(0.0, 2.0, State.ABSENT),
        Label(5.0, 10.0, State.ABSENT),
    )


def test_every_parser_has_a_colour_and_dashes_of_its_own():
    for theme in (DARK, LIGHT):
        inks = [ink(theme, place, theme.audio) for place in range(MOST_STACKED)]
        assert len({inked.colour for inked in inks}) == MOST_STACKED
        assert len({inked.dashes for inked in inks[:MOST_OVERLAID]}) == MOST_OVERLAID


def test_an_older_parser_is_drawn_in_its_own_colour_beside_the_newest(timeline):
    timeline.set_content(believed(certain("new", 3), certain("old", 6), certain("third", 8)))
    timeline.set_playhead(9.9)
    older = ink(DARK, 1).colour
    assert DARK.audio in all_pixels(timeline, 3.5)
    assert older not in all_pixels(timeline, 3.5)[-6:]
    assert older in all_pixels(timeline, 6.2) + all_pixels(timeline, 6.21) + all_pixels(timeline, 6.22)


def test_heat_is_the_farther_from_the_ground_the_likelier_and_unknown_is_no_colour(timeline):
    values = np.tile(np.array([np.nan, 0.0, 0.3, 0.6, 1.0], np.float32).repeat(2)[:, None], 4)
    timeline.set_content(believed(Track("new", Parse(values, values, np.ones(4, np.float32)))))
    timeline.set_arrangement(Arrangement(is_heat=True))
    timeline.set_playhead(9.9)
    row = timeline._scene.rows.of("Dog").audio
    belief = timeline._scene.rows.style.parts(row.height).beliefs[0]
    middle = belief.top + belief.height // 2
    shades = [QColor(all_pixels(timeline, time)[middle]) for time in (0.5, 2.5, 4.5, 6.5, 8.5)]
    assert shades[0].name() == DARK.surface
    lightness = [shade.lightness() for shade in shades[1:]]
    assert lightness == sorted(lightness)
    assert lightness[-1] > lightness[0] + 60


@pytest.mark.parametrize("look", [Arrangement(), Arrangement(is_heat=True), Arrangement(is_stacked=True)])
def test_a_label_is_told_from_any_prediction_in_every_look(timeline, look):
    sure = certain("new", *range(10))
    timeline.set_arrangement(look)
    timeline.set_playhead(9.9)
    timeline.set_content(believed(sure))
    assert BLOCK not in all_pixels(timeline, 3.3)
    timeline.set_content(believed(sure, events=(Event(AUDIO, "Dog", 2, 5, State.PRESENT),)))
    assert BLOCK in all_pixels(timeline, 3.3)


def raster_pixels(timeline):
    """The columns of pixels of Dog's audio lane that are painted with numpy."""
    scene = timeline.scene
    height = scene.rows.of("Dog").audio.height
    (image,) = lane_pictures(scene, [lane(scene.content, AUDIO, "Dog")], height, scene.grid, 1.0)
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width())


def test_of_equal_curves_the_newest_parsers_is_seen(timeline):
    even = np.full((10, 4), 0.3, np.float32)
    parse = Parse(even, even, np.ones(4, np.float32))
    timeline.set_content(believed(Track("new", parse), Track("old", parse)))
    newest, older = (argb(ink(DARK, place, DARK.audio).colour, 0.95) for place in (0, 1))
    pixels = raster_pixels(timeline)
    assert newest in pixels
    assert older not in pixels


def test_in_a_low_lane_no_curve_goes_through_a_label(timeline):
    even = np.full((10, 4), 0.3, np.float32)
    label = Event(AUDIO, "Dog", 2, 5, State.PRESENT)
    timeline.set_content(believed(Track("new", Parse(even, even, np.ones(4, np.float32))), events=(label,)))
    timeline.set_arrangement(Arrangement(is_compact=True))
    columns = [round(timeline.scene.view.x(time) - timeline.scene.view.left) for time in (3.5, 6.5)]
    inside, beside = raster_pixels(timeline).T[columns]
    assert not inside.any()
    assert beside.any()


def test_an_edit_repaints_the_row_it_is_in_and_no_other(timeline, monkeypatch):
    timeline.set_content(content())
    picture(timeline)
    painted = []
    rows = timeline._backdrop._lanes
    begin = rows._begin

    def noted(scene, stale, *said):
        painted.extend(row.category for row in stale)
        return begin(scene, stale, *said)

    monkeypatch.setattr(rows, "_begin", noted)
    before = all_pixels(timeline, 5.5)
    assert painted == []
    timeline.set_content(
        replace(content(events=(*EVENTS, Event(AUDIO, "Dog", 5, 6, State.PRESENT))), tracks=())
    )
    picture(timeline)
    assert painted == ["Dog", "Speech"]  # the tracks are others
    painted.clear()
    tracks = timeline._content.tracks
    timeline.set_content(replace(content(), tracks=tracks))
    assert painted == []
    after = all_pixels(timeline, 5.5)
    assert painted == ["Dog"]
    assert before != after


@pytest.mark.parametrize("look", [Arrangement(), Arrangement(is_stacked=True), Arrangement(rows={"Dog": 150})])
@pytest.mark.parametrize("segments", [10, 3600])
def test_rows_that_are_painted_together_look_as_each_would_alone(timeline, look, segments):
    timeline.set_arrangement(look)
    timeline.set_content(content(rows=CATEGORIES, segments=segments, tracks=("new", "old")))
    rows = [timeline._scene.rows.of(category) for category in CATEGORIES]

    def painted(painter, row):
        image = QImage(timeline.width(), row.whole.height, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        pen = QPainter(image)
        pen.translate(0, -row.whole.top)
        painter.paint(pen, row)
        pen.end()
        return image

    together = LanePainter(timeline._scene, rows, 1.0)
    images = [painted(together, row) for row in rows]
    assert images == [painted(LanePainter(timeline._scene, [row], 1.0), row) for row in rows]
    assert images[0] != images[1]


def test_an_edit_cuts_no_parser_anew_and_another_clip_does():
    shown = content()
    edited = replace(shown, events=(), states=np.full_like(shown.states, -1))
    assert lane(edited, AUDIO, "Dog").tracks[0] is lane(shown, AUDIO, "Dog").tracks[0]
    longer = content(segments=12)
    assert len(lane(replace(longer, tracks=shown.tracks), AUDIO, "Dog").tracks[0].probabilities) == 12


@pytest.mark.parametrize("look", [Arrangement(), Arrangement(is_heat=True), Arrangement(is_compact=True)])
@pytest.mark.parametrize("parsers", [0, 1, 6])
def test_every_look_is_painted_for_an_hour_of_many_parsers_and_keeps_labels_in_sight(timeline, look, parsers):
    said = (Event(AUDIO, "Dog", 0, 1200, State.PRESENT), Event(AUDIO, "Dog", 2400, 3000, State.ABSENT))
    names = [f"parser {number}" for number in range(parsers)]
    timeline.set_arrangement(look)
    timeline.set_content(content(rows=CATEGORIES, segments=3600, tracks=names, events=said))
    assert BLOCK in all_pixels(timeline, 600)
    assert BLOCK not in all_pixels(timeline, 2000)
