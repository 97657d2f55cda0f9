"""What of a clip is in view: zoom, scrolling, the playhead, and what is painted again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.peaks import Peaks
from avvp_studio.ui.theme import DARK, LIGHT
from avvp_studio.ui.timeline.arrangement import MINIMAP, WAVEFORM, Arrangement
from avvp_studio.ui.timeline.backdrop import Backdrop
from avvp_studio.ui.timeline.waveform import gain_of
from tests.ui.timeline.hand import (
    AUDIO,
    CATEGORIES,
    EVENTS,
    LEFT,
    NO_KEY,
    SHIFT,
    VISUAL,
    PaintedRegions,
    content,
    is_written_in,
    peaks_as_loud_as,
    picture,
    wheel,
)


def test_a_quiet_sound_is_drawn_taller_but_silence_stays_silent():
    assert gain_of(peaks_as_loud_as(0.95)) == pytest.approx(1.0, abs=0.01)
    assert gain_of(peaks_as_loud_as(0.01)) == 8.0
    assert gain_of(peaks_as_loud_as(0.0)) == 1.0


def test_setting_the_state_asks_for_nothing(timeline, wishes):
    timeline.set_armed("Cello")
    timeline.set_selection((2.0, 4.0))
    timeline.set_playhead(5.0)
    timeline.set_digits({"Dog": "1"})
    timeline.set_theme(LIGHT)
    timeline.zoom_in()
    timeline.set_content(content(segments=30))
    timeline.set_content(None)
    assert wishes.heard == []


def test_an_armed_category_that_is_no_row_gets_lanes_and_comes_into_sight(qtbot, timeline):
    timeline.set_content(content(rows=("Dog", "Speech", "Violin_fiddle")))
    timeline.resize(1260, 240)
    timeline.set_armed("Cello")
    assert timeline.rect().contains(timeline.point("Cello", VISUAL, 5))
    place = timeline.place_at(timeline.point("Cello", VISUAL, 5))
    assert (place.category, place.modality) == ("Cello", VISUAL)


@pytest.mark.parametrize(("shown", "times"), [({WAVEFORM}, 0), ({WAVEFORM, MINIMAP}, 1)])
def test_an_edit_paints_the_bands_again_only_where_they_show_labels(timeline, monkeypatch, shown, times):
    painted, backdrop = [], timeline._backdrop
    paint = backdrop._paint_top
    monkeypatch.setattr(backdrop, "_paint_top", lambda *said: (painted.append(said), paint(*said)))
    timeline.set_arrangement(Arrangement(shown=frozenset(shown)))
    picture(timeline)
    assert len(painted) == 1
    timeline.set_content(replace(timeline._content, events=EVENTS[:1]))
    picture(timeline)
    assert len(painted) == 1 + times
    timeline.zoom_in()
    picture(timeline)
    assert len(painted) == 2 + times


def test_a_playing_playhead_repaints_only_strips(qtbot, timeline):
    timeline.set_playhead(3.0)
    QApplication.processEvents()
    painted = PaintedRegions(timeline)
    timeline.set_playhead(3.03)
    qtbot.waitUntil(lambda: not painted.region.isEmpty())
    area = sum(rect.width() * rect.height() for rect in painted.region)
    assert area < 0.03 * timeline.width() * timeline.height()


def test_the_view_follows_a_playing_playhead_but_not_when_it_was_panned_away(timeline):
    timeline.zoom_in()
    timeline.zoom_in()
    view = timeline._view
    timeline.set_playhead(view.offset - 0.05)
    timeline.set_playhead(view.offset + 0.05)
    assert timeline._view.shows(view.offset + 0.05)
    timeline._set_view(timeline._view.starting_at(0.0))
    timeline.set_playhead(view.offset + 0.1)
    assert timeline._view.onset == 0.0


def test_the_wheel_zooms_where_the_mouse_is_and_a_double_click_on_the_ruler_fits(qtbot, timeline):
    point = timeline.ruler_point(4)
    wheel(timeline, point, 4, NO_KEY)
    assert timeline._view.span < 10
    assert abs(timeline.ruler_point(4).x() - point.x()) <= 1
    onset = timeline._view.onset
    wheel(timeline, point, -1, SHIFT)
    assert timeline._view.onset > onset
    qtbot.mouseDClick(timeline, LEFT, NO_KEY, point)
    assert timeline._view.is_whole


def test_the_wheel_with_ctrl_or_over_the_headers_scrolls_the_rows_under_the_ruler(timeline):
    timeline.set_content(content(rows=CATEGORIES))
    ruler, before = timeline.ruler_point(1), timeline.point("Cello", AUDIO, 1)
    wheel(timeline, before, -1, Qt.KeyboardModifier.ControlModifier)
    after = timeline.point("Cello", AUDIO, 1)
    assert after.y() < before.y()
    wheel(timeline, QPoint(20, after.y()), 1, NO_KEY)
    assert timeline.point("Cello", AUDIO, 1) == before
    assert timeline.ruler_point(1) == ruler


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("segments", [1, 10, 3600])
def test_every_length_is_painted_in_both_themes_without_a_warning(timeline, theme, segments):
    events = [event for event in EVENTS if event.offset <= segments]
    timeline.set_theme(theme)
    timeline.set_content(content(rows=CATEGORIES, segments=segments, events=events))
    timeline.set_armed("Dog")
    timeline.set_selection((0.0, 1.0))
    assert picture(timeline).pixelColor(1255, 2) == QColor(theme.window)
    timeline.zoom_in()
    assert picture(timeline).pixelColor(1255, 2) == QColor(theme.window)


def test_without_a_clip_a_sentence_says_what_to_do(timeline):
    timeline.set_content(None)
    assert is_written_in(timeline, 400, 150, 860, 230)


def test_without_rows_or_a_parser_sentences_say_so(timeline):
    timeline.set_content(content(rows=(), events=()))
    timeline.set_peaks(None, "")
    assert is_written_in(timeline, 500, 180, 960, 280)
    timeline.set_content(content(rows=(), events=(), tracks=()))
    assert is_written_in(timeline, 10, 30, 180, 70)


def test_without_sound_the_note_is_shown_in_its_place(timeline):
    band = timeline.scene.bands.by_name[WAVEFORM]
    place = (205, band.top + 3, 295, band.bottom - 3)
    timeline.set_peaks(None, "")
    assert not is_written_in(timeline, *place)
    timeline.set_peaks(None, "This file has no sound")
    assert is_written_in(timeline, *place)


def test_the_sound_is_drawn_where_it_is_loud_and_ends_where_it_ends(timeline):
    samples = np.zeros((1, 5 * SAMPLE_RATE // 16, 2), np.int16)
    samples[0, : samples.shape[1] // 2] = (-20_000, 20_000)
    timeline.set_peaks(Peaks(samples, 16, 5 * SAMPLE_RATE), "")
    timeline.set_playhead(9.9)
    band = timeline.scene.bands.by_name[WAVEFORM]

    def colours(time):
        point = timeline.ruler_point(time)
        image, ratio = picture(timeline), timeline.devicePixelRatioF()
        ys = range(band.top + 3, band.bottom - 3)
        return [image.pixelColor(round(point.x() * ratio), round(y * ratio)).name() for y in ys]

    assert colours(1.5).count(DARK.waveform) > 15
    assert colours(4.5).count(DARK.waveform) <= 3
    assert len(set(colours(4.5))) > 1
    assert len(set(colours(7.5))) == 1


def test_other_rows_are_seen_from_their_top_and_the_same_where_they_were(timeline):
    timeline.set_content(content(CATEGORIES))
    timeline._bars.down.setValue(10)
    timeline.set_content(content(CATEGORIES, events=()))
    assert timeline.scene.scroll == 10
    timeline.set_content(content(CATEGORIES[::-1]))
    assert timeline.scene.scroll == 0


def test_a_painting_that_fails_lets_go_of_the_window(timeline, monkeypatch):
    """Qt crashes over a painter that is kept by a traceback."""

    def fail(*_):
        raise LookupError("a mistake in a picture")

    monkeypatch.setattr(Backdrop, "draw", fail)
    with pytest.raises(Exception, match="a mistake in a picture") as kept:
        timeline.render(QImage(timeline.size(), QImage.Format.Format_RGB32))
    assert kept.tb is not None
    assert not timeline.paintingActive()
