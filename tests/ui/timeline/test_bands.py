"""The bands between ruler and lanes: what they draw, and what a hand does on them."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QColor

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.peaks import Peaks
from avvp_studio.media.spectrogram import COLUMNS, ROWS
from avvp_studio.media.thumbnails import step
from avvp_studio.media.tiles import Tile
from avvp_studio.ui.theme import DARK, LIGHT
from avvp_studio.ui.timeline.arrangement import (
    BANDS,
    MINIMAP,
    SPECTROGRAM,
    THUMBNAILS,
    WAVEFORM,
    Arrangement,
    Bands,
)
from avvp_studio.ui.timeline.band_media import BandMedia
from avvp_studio.ui.timeline.filmstrip import wanted_thumbnails
from avvp_studio.ui.timeline.minimap import counts, window_box
from avvp_studio.ui.timeline.rows import Sizes
from avvp_studio.ui.timeline.spectrogram import colour_table, frequency_at, wanted_pieces
from tests.ui.timeline.hand import (
    AUDIO,
    LEFT,
    NO_KEY,
    SHIFT,
    VISUAL,
    PaintedRegions,
    content,
    drag,
    hold,
    is_written_in,
    peaks_as_loud_as,
    picture,
    track,
)
from trainer.labels import Event, State

ALL = Arrangement(shown=frozenset(BANDS))


@pytest.fixture
def banded(timeline):
    timeline.set_arrangement(ALL)
    return timeline


@pytest.fixture
def long(banded):
    """A minute of an hour is in view."""
    banded.set_content(content(segments=3600))
    while banded.scene.view.span > 60:
        banded.zoom_in()
    banded.look_from(1000.0)
    return banded


def band(timeline, name):
    return timeline.scene.bands.by_name[name]


def on_minimap(timeline, moment):
    return QPointF(timeline.scene.view.fitted().x(moment), band(timeline, MINIMAP).top + 8).toPoint()


def colour(timeline, x, y):
    ratio = timeline.devicePixelRatioF()
    return picture(timeline).pixelColor(round(x * ratio), round(y * ratio))


def plain(blue, green, red):
    return np.tile(np.array((blue, green, red, 255), np.uint8), (90, 160, 1))


# Thumbnails


def test_thumbnails_stand_side_by_side_each_over_its_time(banded):
    media = BandMedia()
    scene = banded.scene
    tiles = wanted_thumbnails(scene.view, band(banded, THUMBNAILS).height, media, 10.0)
    thumbnails = {tile: plain(10 * place, 200, 30) for place, tile in enumerate(tiles)}
    banded.set_media(BandMedia(thumbnails=thumbnails))
    banded.set_playhead(9.99)
    middle = band(banded, THUMBNAILS).top + 20
    shown = [colour(banded, scene.view.x(0.3 + second), middle).blue() for second in range(10)]
    assert shown == [10 * int((0.3 + second) / step(tiles[0].level)) for second in range(10)]


@pytest.mark.parametrize("closer", range(0, 30, 3))
@pytest.mark.parametrize("height", [30, 60, 200])
def test_between_two_thirds_and_all_of_a_thumbnail_is_seen(long, closer, height):
    long.zoom_to_fit()
    for _ in range(closer):
        long.zoom_in()
    view = long.scene.view
    tiles = wanted_thumbnails(view, height, BandMedia(), 3600.0)
    pixels = 3600.0
    if tiles[0].level > 0:
        onsets = [tile.place for tile in tiles]
        assert onsets == list(range(onsets[0], onsets[0] + len(tiles)))
        pixels = step(tiles[0].level) * view.pixels_per_second
        assert 0.6 * (height - 4) * 16 / 9 <= pixels <= (height - 4) * 16 / 9


def test_of_a_thumbnail_that_is_cut_off_the_middle_is_seen(banded):
    edged = plain(0, 255, 0)
    edged[:, :6, 1] = edged[:, -6:, 1] = 0
    tiles = wanted_thumbnails(banded.scene.view, band(banded, THUMBNAILS).height, BandMedia(), 10.0)
    banded.set_media(BandMedia(thumbnails=dict.fromkeys(tiles, edged)))
    y, second = band(banded, THUMBNAILS).top + 20, step(tiles[0].level)
    for share in (0.02, 0.96):
        assert colour(banded, banded.scene.view.x((2 + share) * second), y).green() > 200


def test_where_a_thumbnail_is_not_there_yet_a_coarser_one_stands_for_it(banded):
    tiles = wanted_thumbnails(banded.scene.view, band(banded, THUMBNAILS).height, BandMedia(), 10.0)
    coarse = Tile(tiles[0].level + 8, 0)
    banded.set_media(BandMedia(thumbnails={coarse: plain(1, 2, 250)}))
    assert colour(banded, banded.scene.view.x(5.2), band(banded, THUMBNAILS).top + 20).red() == 250


def test_notes_stand_where_no_pieces_will_come(banded):
    notes = {THUMBNAILS: "a.wav has no picture.", SPECTROGRAM: "a.mp4 has no sound."}
    for name in notes:
        lane = band(banded, name)
        place = (205, lane.top + 3, 320, lane.bottom - 3)
        banded.set_media(BandMedia(notes=notes))
        assert is_written_in(banded, *place)


# Waveform


def test_a_silent_sound_has_no_curve_but_a_note(banded):
    lane = band(banded, WAVEFORM)
    banded.set_peaks(peaks_as_loud_as(0.00005), "The sound is silence")
    image, y = picture(banded), lane.top + lane.height / 4
    ratio = banded.devicePixelRatioF()
    drawn = {
        image.pixelColor(round(x * ratio), round(each * ratio)).name()
        for x in range(500, 1200)
        for each in (y, lane.top + lane.height / 2)
    }
    assert DARK.waveform not in drawn
    assert is_written_in(banded, 205, lane.top + 3, 320, lane.bottom - 3)


def test_four_hours_of_sound_are_drawn_without_a_pause(banded):
    seconds = 4 * 3600
    level = np.random.default_rng(1).integers(0, 30_000, (2, seconds * SAMPLE_RATE // 256), np.int16)
    banded.set_content(content(segments=seconds))
    banded.set_peaks(Peaks(np.stack([-level, level], axis=-1), 256, seconds * SAMPLE_RATE), "")
    picture(banded)
    taken = []
    for onset in range(10):
        began = time.process_time()
        banded.zoom_in()
        banded.look_from(onset * 100.0)
        picture(banded)
        taken.append(time.process_time() - began)
    assert np.median(taken) < 0.2  # 0.02 on a quiet machine


# Spectrogram


def test_a_tone_is_drawn_at_its_height_and_its_time(banded):
    media = BandMedia()
    pieces = wanted_pieces(banded.scene.view, media, 10.0)
    strengths = np.zeros((ROWS, COLUMNS), np.uint8)
    strengths[ROWS // 2 : ROWS // 2 + 4] = 255
    begins = media.analysis.seconds(pieces[1].level)
    banded.set_media(BandMedia(spectrogram={pieces[1]: strengths}))
    lane, view = band(banded, SPECTROGRAM), banded.scene.view
    inside = view.x(begins + 0.5)
    assert colour(banded, inside, lane.top + lane.height / 2 - 2).lightness() > 200
    assert colour(banded, inside, lane.top + lane.height / 4) == QColor(DARK.surface)
    assert colour(banded, view.x(begins - 0.1), lane.top + lane.height / 2 - 2).lightness() < 60


@pytest.mark.parametrize("column", range(100, 104))
def test_a_short_sound_is_seen_though_a_pixel_holds_several_columns(banded, column):
    banded.set_content(content(segments=30, tracks=()))
    piece = np.zeros((ROWS, COLUMNS), np.uint8)
    piece[:, column] = 255
    (tile, *_) = wanted_pieces(banded.scene.view, BandMedia(), 30.0)
    silent = band_image(banded)
    banded.set_media(BandMedia(spectrogram={tile: piece}))
    assert band_image(banded) != silent


def band_image(timeline):
    lane = band(timeline, SPECTROGRAM)
    return picture(timeline).copy(0, lane.top, timeline.width(), lane.height)


def test_a_coarser_piece_stands_for_one_that_is_not_there_yet(banded):
    pieces = wanted_pieces(banded.scene.view, BandMedia(), 10.0)
    coarse = Tile(pieces[0].level + 1, 0)
    banded.set_media(BandMedia(spectrogram={coarse: np.full((ROWS, COLUMNS), 255, np.uint8)}))
    lane = band(banded, SPECTROGRAM)
    assert colour(banded, banded.scene.view.x(2.0), lane.top + 20).lightness() > 200


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_stronger_sounds_differ_more_from_the_panel_and_silence_is_the_panel(theme):
    colours = [QColor(int(value)) for value in colour_table(theme, -20.0, 70.0)]
    assert colours[0].name() == theme.surface
    away = [abs(each.lightness() - QColor(theme.surface).lightness()) for each in colours]
    assert away[-1] > 180
    levels = away[::20]
    assert all(later >= earlier - 8 for earlier, later in pairwise(levels))


def test_a_smaller_range_hides_what_is_weak():
    narrow, wide = (colour_table(DARK, -20.0, decibels) for decibels in (50.0, 90.0))
    weak = round(255 * (1 - 80 / 120))  # -80 dB
    assert QColor(int(narrow[weak])).name() == DARK.surface
    assert QColor(int(wide[weak])).name() != DARK.surface


def test_the_mouse_reads_the_frequency_off(qtbot, banded):
    lane = band(banded, SPECTROGRAM)
    assert frequency_at(banded.scene, lane, lane.bottom) == 0
    assert frequency_at(banded.scene, lane, lane.top) == pytest.approx(16_000)
    before = picture(banded)
    qtbot.mouseMove(banded, QPoint(700, lane.top + 40))
    after = picture(banded)
    line = [after.pixelColor(x, lane.top + 40) != before.pixelColor(x, lane.top + 40) for x in range(900, 1200)]
    assert all(line)


# Minimap


def test_the_minimap_counts_what_is_labelled_and_predicted_in_each_part():
    events = (Event(AUDIO, "Dog", 2, 5, State.PRESENT, "anna"), Event(AUDIO, "Cello", 4, 6, State.PRESENT, ""))
    shown = content(events=events, tracks=())
    labelled, predicted = counts(shown, AUDIO, 20)
    assert labelled.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert not predicted.any()
    assert not counts(shown, VISUAL, 20)[0].any()
    assert counts(shown, AUDIO, 3)[0].tolist() == [1, 2, 0]


@pytest.mark.parametrize("parsed", [7, 15])
def test_the_minimap_counts_of_a_parse_of_another_length_what_there_is_of_the_clip(parsed):
    shown = replace(content(), tracks=(track("new", parsed),))
    found = shown.tracks[0].predicted[0].sum(axis=1)
    expected = [*found[:10], *[0] * (10 - parsed)]
    assert counts(shown, AUDIO, 10)[1].tolist() == expected


def test_the_window_of_the_minimap_can_be_seen_and_taken_at_the_end_of_four_hours(banded):
    banded.set_content(content(segments=14_400, tracks=()))
    for _ in range(40):
        banded.zoom_in()
    banded.look_from(14_399.9)
    window, whole = window_box(banded.scene, band(banded, MINIMAP)), banded.scene.view.fitted()
    assert window.width() == 6
    assert window.right() == pytest.approx(whole.left + whole.width)


def test_the_minimap_shows_labels_of_the_whole_clip_and_which_part_is_in_view(long):
    lane, view = band(long, MINIMAP), long.scene.view
    window = window_box(long.scene, lane)
    assert window.left() == pytest.approx(view.fitted().x(view.onset), abs=3)
    assert window.width() >= 6
    event = Event(VISUAL, "Dog", 3000, 3500, State.PRESENT, "anna")
    long.set_content(content(segments=3600, events=(event,), tracks=()))
    y = lane.top + lane.height * 0.7
    there, elsewhere = (colour(long, view.fitted().x(moment), y) for moment in (3250, 2500))
    assert there.red() > elsewhere.red() + 40


def test_while_the_view_moves_the_minimap_is_not_painted_anew(long):
    picture(long)
    minimap = long._backdrop._minimap
    before = minimap._picture
    long.look_from(2000.0)
    picture(long)
    assert minimap._picture is before
    long.set_theme(LIGHT)
    picture(long)
    assert minimap._picture is not before


def test_a_place_on_the_minimap_is_a_time_of_the_whole_clip(long):
    assert long.place_at(on_minimap(long, 3000.0)).time == pytest.approx(3000.0, abs=4)


def test_the_window_of_the_minimap_is_dragged_and_keeps_its_size(qtbot, long, wishes):
    before = long.scene.view
    start = on_minimap(long, 1030)
    drag(qtbot, long, start, start + QPoint(100, 3))
    after, seconds = long.scene.view, 100 / before.fitted().pixels_per_second
    assert after.onset == pytest.approx(before.onset + seconds, abs=1)
    assert after.span == before.span
    assert wishes.heard == []


def test_pressed_beside_the_window_it_comes_under_the_hand(qtbot, long):
    drag(qtbot, long, on_minimap(long, 3000), on_minimap(long, 2000))
    view = long.scene.view
    assert (view.onset + view.offset) / 2 == pytest.approx(2000, abs=5)


def test_a_click_on_the_minimap_goes_there(qtbot, long, wishes):
    qtbot.mouseClick(long, LEFT, NO_KEY, on_minimap(long, 2500))
    ((moment,),) = wishes.of("seek_requested")
    assert moment == pytest.approx(2500, abs=4)


@pytest.mark.parametrize(("keys", "wish"), [(NO_KEY, "scrub_requested"), (SHIFT, "selection_requested")])
def test_with_the_whole_clip_in_view_the_minimap_is_as_the_ruler(qtbot, banded, wishes, keys, wish):
    drag(qtbot, banded, on_minimap(banded, 2.2), on_minimap(banded, 5.5), keys=keys)
    assert wishes.of(wish)


def test_the_playhead_is_on_the_minimap_where_it_is_in_the_whole_clip(long):
    lane, whole = band(long, MINIMAP), long.scene.view.fitted()
    long.set_playhead(1010.0)
    picture(long)
    painted = PaintedRegions(long)
    long.set_playhead(1010.5)
    long.repaint(painted.region)
    y = lane.top + 4
    in_view, in_whole = long.scene.view.x(1010.5), whole.x(1010.5)
    assert abs(in_view - in_whole) > 20
    assert colour(long, round(in_whole), y).name() == DARK.playhead
    assert colour(long, round(in_view), y).name() != DARK.playhead
    assert colour(long, round(in_view), band(long, WAVEFORM).top + 4).name() == DARK.playhead


def test_the_mouse_on_the_minimap_has_no_line_through_the_lanes(qtbot, long):
    y = band(long, WAVEFORM).top + 4
    x = on_minimap(long, 2500).x()
    before = colour(long, x, y)
    hold(qtbot, long, on_minimap(long, 2400))
    qtbot.mouseRelease(long, LEFT, NO_KEY, on_minimap(long, 2400))
    qtbot.mouseMove(long, QPoint(x, band(long, MINIMAP).top + 8))
    assert colour(long, x, y) == before


# All of them


def test_without_any_band_the_lanes_begin_under_the_ruler(timeline):
    timeline.set_arrangement(Arrangement(shown=frozenset()))
    assert timeline.scene.bands.bottom == timeline.scene.sizes.ruler
    picture(timeline)


def test_a_band_is_never_too_low_to_be_taken_hold_of_nor_hides_all_else():
    for height, found in ((1, 16), (10_000, 400)):
        heights = {WAVEFORM: height}
        bands = Bands(Sizes(15, 7), Arrangement(heights=heights))
        assert bands.by_name[WAVEFORM].height == found


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_all_bands_are_painted_at_every_zoom_without_a_warning(long, theme):
    long.set_theme(theme)
    long.set_peaks(peaks_as_loud_as(0.5), "")
    tiles = wanted_pieces(long.scene.view, BandMedia(), 3600.0)
    pieces = {tile: np.full((ROWS, COLUMNS), 120, np.uint8) for tile in tiles}
    long.set_media(BandMedia(spectrogram=pieces, thumbnails={Tile(20, 0): plain(9, 9, 9)}))
    for _ in range(30):
        long.zoom_out()
        picture(long)
    for _ in range(40):
        long.zoom_in()
        picture(long)
