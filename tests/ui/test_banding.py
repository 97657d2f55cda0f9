"""Bands are shown by keys and menus, filled in the background, and found again as they were left."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from avvp_studio.media.spectrogram import Analysis, FrequencyScale
from avvp_studio.soundtrack import NOT_FOUND
from avvp_studio.ui.banding import Banding
from avvp_studio.ui.timeline.arrangement import MINIMAP, SPECTROGRAM, THUMBNAILS, WAVEFORM
from avvp_studio.ui.timeline.band_media import RANGES_DB
from avvp_studio.ui.timeline.band_note import said_above
from avvp_studio.ui.timeline.gestures.wishes import Resize
from tests.media_files import Sound, Video, write_media

KEYS = {MINIMAP: Qt.Key.Key_F5, THUMBNAILS: Qt.Key.Key_F6, WAVEFORM: Qt.Key.Key_F7, SPECTROGRAM: Qt.Key.Key_F8}


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    return write_media(folder / "alpha.mp4", Video(frames=300), Sound(seconds=10, kind="tone"))


def shown(window):
    return set(window.clip_view.timeline.scene.bands.by_name)


def open_clip(workspace, media):
    workspace.set_media("alpha_0_10", media)
    workspace.open_clip("alpha_0_10")


def menu_at(window, y):
    timeline = window.clip_view.timeline
    point = QPoint(600, round(y))
    asked = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, point, timeline.mapToGlobal(point), Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(timeline, asked)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def entries(menu):
    return {action.text().replace("&", ""): action for action in menu.actions() if not action.isSeparator()}


def test_each_band_comes_and_goes_by_its_key_and_stays_so(qtbot, make_window, workspace):
    window = make_window()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    workspace.open_clip("alpha_0_10")
    expected = shown(window)
    for name, key in KEYS.items():
        qtbot.keyClick(window.clip_view.timeline, key)
        expected ^= {name}
        assert shown(window) == expected
        assert window.actions_by_name[f"band_{name}"].isChecked() == (name in expected)
    window.close()
    assert shown(make_window()) == expected == {MINIMAP, SPECTROGRAM}


@pytest.mark.parametrize("damage", ["nonsense {", "7", '{"waveform": 1e999}', "²"])
def test_settings_that_are_damaged_are_as_good_as_none(make_window, workspace, settings, damage):
    for key in ("bands", "heights", "column", "is_heat"):
        settings.setValue(f"timeline/{key}", damage)
    for key in ("window", "range", "scale"):
        settings.setValue(f"spectrogram/{key}", damage)
    window = make_window()
    workspace.open_clip("alpha_0_10")
    assert shown(window) == set()
    scene = window.clip_view.timeline.scene
    assert (scene.media.analysis, scene.media.range_db) == (Analysis(), RANGES_DB[1])
    window.clip_view.timeline.grab()


def test_pieces_that_never_stop_coming_are_shown_on_the_way(qtbot, window, workspace, monkeypatch):
    workspace.open_clip("alpha_0_10")
    times, banding = [], window.clip_view.timeline.findChild(Banding)
    monkeypatch.setattr(window.clip_view.timeline, "set_media", times.append)
    for _ in range(30):
        banding._pictures.changed.emit()
        qtbot.wait(5)
    assert times


def test_what_is_in_view_is_filled_in_and_nothing_of_hidden_bands(qtbot, window, workspace, media):
    window.shown_rows.commands()["band_spectrogram"]()
    open_clip(workspace, media)
    scene = window.clip_view.timeline.scene
    qtbot.waitUntil(lambda: len(scene.media.thumbnails) > 3 and len(scene.media.spectrogram) > 0)
    tilings = (window.pictures.thumbnails, window.pictures.spectrogram)
    qtbot.waitUntil(lambda: not any(tiling.is_busy for tiling in tilings))
    for name in (SPECTROGRAM, THUMBNAILS):
        window.actions_by_name[f"band_{name}"].trigger()
    made = len(window.pictures.spectrogram.made)
    window.clip_view.timeline.zoom_in()
    qtbot.wait(150)
    assert len(window.pictures.spectrogram.made) == made


def test_a_clip_without_a_video_says_so_in_the_bands(window, workspace):
    workspace.open_clip("gamma_0_4")
    notes = window.clip_view.timeline.scene.media.notes
    assert notes[THUMBNAILS] == "The video of this clip was not found"


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_menu_of_the_spectrogram_changes_how_it_is_made_and_is_found_again(make_window, workspace, media):
    window = make_window()
    window.shown_rows.commands()["band_spectrogram"]()
    open_clip(workspace, media)
    band = window.clip_view.timeline.scene.bands.by_name[SPECTROGRAM]
    for submenu, choice in (("Frequencies", "Evenly (linear)"), ("Window", "11 ms"), ("Range", "50 dB")):
        menu = menu_at(window, band.top + 5)
        offered = entries(menu)
        further = offered[submenu].menu()
        choices = entries(further)
        assert sum(action.isChecked() for action in choices.values()) == 1
        choices[choice].trigger()
        menu.close()
    expected = Analysis(512, FrequencyScale.LINEAR)
    assert window.pictures.analysis == expected
    window.close()
    again = make_window()
    scene = again.clip_view.timeline.scene
    assert scene.media.analysis == expected
    assert scene.media.range_db == 50


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_menu_of_a_band_hides_it_and_makes_its_height_usual(window, workspace):
    workspace.open_clip("alpha_0_10")
    timeline = window.clip_view.timeline
    usual = timeline.scene.bands.by_name[WAVEFORM].height
    timeline.arrange_requested.emit(Resize(120, band=WAVEFORM))
    band = timeline.scene.bands.by_name[WAVEFORM]
    assert band.height == 120
    menu = menu_at(window, band.top + 5)
    entries(menu)["Usual height"].trigger()
    menu.close()
    assert timeline.scene.bands.by_name[WAVEFORM].height == usual
    menu = menu_at(window, 5)  # on the ruler
    assert list(entries(menu)) == ["Minimap", "Thumbnails", "Waveform", "Spectrogram"]
    entries(menu)["Waveform"].trigger()
    menu.close()
    assert WAVEFORM not in shown(window)


def test_keys_change_how_the_spectrogram_is_shown(qtbot, window, workspace):
    workspace.open_clip("alpha_0_10")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    shift, ctrl = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier

    def state():
        media = window.clip_view.timeline.scene.media
        return window.pictures.analysis, media.range_db

    def press(key, modifier):
        qtbot.keyClick(window.focusWidget(), key, modifier)

    usual, usual_range = state()
    action = window.actions_by_name["spectrogram_mel"]
    assert action.isChecked()
    press(Qt.Key.Key_F8, shift)
    assert (state()[0].scale, action.isChecked()) == (FrequencyScale.LINEAR, False)
    press(Qt.Key.Key_F8, shift)
    assert (state()[0], action.isChecked()) == (usual, True)
    press(Qt.Key.Key_F9, Qt.KeyboardModifier.NoModifier)
    assert state()[0].window == usual.window // 2
    assert "ms" in window.statusBar().currentMessage()
    press(Qt.Key.Key_F9, shift)
    assert state()[0] == usual
    for _ in range(3):  # there are no further ones
        press(Qt.Key.Key_F8, ctrl)
    assert state()[1] == max(RANGES_DB)
    press(Qt.Key.Key_F8, ctrl | shift)
    assert state()[1] == usual_range


def test_a_missing_video_is_said_in_the_uppermost_band_alone(window, workspace):
    workspace.open_clip("gamma_0_4")
    scene = window.clip_view.timeline.scene
    said = {name: scene.media.notes.get(name, scene.note) for name in (THUMBNAILS, WAVEFORM)}
    assert set(said.values()) == {NOT_FOUND}
    bands = scene.bands.by_name
    assert NOT_FOUND not in said_above(scene, bands[THUMBNAILS])
    assert NOT_FOUND in said_above(scene, bands[WAVEFORM])
    picture = window.clip_view.timeline.grab().toImage()

    def colours(band):
        xs = range(int(scene.view.left) + 10, int(scene.view.left) + 200)
        return {picture.pixel(x, y) for x in xs for y in range(band.top + 6, band.bottom - 6, 1)}

    assert len(colours(bands[THUMBNAILS])) > len(colours(bands[WAVEFORM])) + 5
