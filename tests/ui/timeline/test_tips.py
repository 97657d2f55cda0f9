"""What the timeline says in words."""

from __future__ import annotations

from PySide6.QtCore import QPoint

from avvp_studio.ui.timeline.arrangement import WAVEFORM
from avvp_studio.ui.timeline.content import TimelineContent
from tests.ui.timeline.hand import AUDIO, CATEGORIES, EVENTS, VISUAL, content, peaks_as_loud_as, picture, track


def test_the_ruler_and_the_sound_say_what_a_drag_does_there(timeline):
    ruler = timeline.ruler_point(4)
    assert timeline.tip_at(ruler) == "Drag to scrub, with Shift to select a range."
    sound = QPoint(ruler.x(), timeline.scene.bands.by_name[WAVEFORM].top + 10)
    assert timeline.tip_at(sound) == f"The sound. {timeline.tip_at(ruler)}"
    timeline.set_peaks(peaks_as_loud_as(0.25), "")
    assert timeline.tip_at(sound).startswith("The sound, drawn 3.8 times as high.")


def test_tooltips_say_who_said_what_and_what_each_parser_believes(timeline):
    tip = timeline.tip_at(timeline.point("Dog", AUDIO, 3.5))
    assert "present, by anna" in tip
    assert "new: 0." in tip
    assert "old: 0." in tip
    assert "from a file" in timeline.tip_at(timeline.point("Dog", VISUAL, 3.5))
    assert "Not labelled" in timeline.tip_at(timeline.point("Speech", VISUAL, 3.5))
    assert "video-level label" in timeline.tip_at(QPoint(40, timeline.point("Dog", AUDIO, 0).y()))
    assert "solid line, threshold 0.5, gate joint" in timeline.tip_at(QPoint(40, 40))


def test_a_parse_of_another_length_than_the_clip_is_drawn_as_far_as_it_goes(timeline):
    short = content()
    tracks = (track("short", 7), track("long", 14))
    timeline.set_content(
        TimelineContent(10.0, 10, CATEGORIES, ("Dog",), short.states, tracks, frozenset(), EVENTS)
    )
    picture(timeline)
    assert "short: unknown here" in timeline.tip_at(timeline.point("Dog", AUDIO, 8.5))


def test_a_category_name_with_markup_is_shown_as_it_is(timeline):
    categories = ("<b>Bold & loud</b>", *CATEGORIES[1:])
    timeline.set_content(content(rows=categories[:1], events=(), categories=categories))
    picture(timeline)
    assert "&lt;b&gt;Bold &amp; loud" in timeline.tip_at(timeline.point(categories[0], AUDIO, 3))
