"""The library finds clips, follows the open one and opens another."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QComboBox, QPushButton, QStyleOptionViewItem, QTableView
from pytestqt.qtbot import QtBot

from avvp_studio.domain.project import Clip
from avvp_studio.store import Store
from avvp_studio.ui.library_delegate import ROW_HEIGHT, ClipDelegate
from avvp_studio.ui.library_filter import ClipFilter, Status
from avvp_studio.ui.library_model import ClipModel
from avvp_studio.ui.library_order import ClipOrder, SortKey
from avvp_studio.ui.library_order_button import LibraryOrderButton
from avvp_studio.ui.library_panel import LibraryPanel
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.theme import DARK, LIGHT
from avvp_studio.workspace import Workspace
from trainer.labels import Modality, State


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace, settings: QSettings) -> LibraryPanel:
    made = LibraryPanel(workspace, DARK, settings)
    qtbot.addWidget(made)
    made.resize(240, 500)
    made.show()
    qtbot.waitExposed(made)
    return made


def search(panel: LibraryPanel) -> SearchField:
    return panel.findChild(SearchField)


def choose(panel: LibraryPanel, text: str) -> None:
    for box in panel.findChildren(QComboBox):
        if box.findText(text) >= 0:
            box.setCurrentText(text)
            return
    raise AssertionError(text)


def test_all_clips_are_listed_and_counted(panel: LibraryPanel) -> None:
    assert panel.names == ("alpha_0_10", "beta_10_20", "gamma_0_4")
    assert panel.count_text == "3 of 3 clips"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("BETA", ("beta_10_20",)),
        ("baby cry", ("beta_10_20",)),
        ("baby_cry", ("beta_10_20",)),
        ("dog alpha", ("alpha_0_10",)),
        ("dog beta", ()),
        ("0 10", ("alpha_0_10", "beta_10_20")),
    ],
)
def test_typing_filters_by_name_and_category(
    qtbot: QtBot, panel: LibraryPanel, text: str, names: tuple[str, ...]
) -> None:
    qtbot.keyClicks(search(panel), text)
    assert panel.names == names
    assert panel.count_text == f"{len(names)} of 3 clips"


def test_split_and_status_narrow_the_list(panel: LibraryPanel) -> None:
    choose(panel, "val")
    assert panel.names == ("beta_10_20",)
    choose(panel, "No video")
    assert panel.names == ()
    choose(panel, "All splits")
    assert panel.names == ("alpha_0_10", "gamma_0_4")


def test_a_clip_that_becomes_edited_stays_in_view_until_the_filter_changes(
    panel: LibraryPanel, workspace: Workspace
) -> None:
    choose(panel, "Not edited")
    workspace.mark(Modality.AUDIO, "Dog", 0.0, 2.0, State.PRESENT)
    assert "alpha_0_10" in panel.names
    choose(panel, "Edited")
    assert panel.names == ("alpha_0_10",)


def test_a_click_opens_a_clip(qtbot: QtBot, panel: LibraryPanel, workspace: Workspace) -> None:
    rows = panel.findChild(QTableView, "clips")
    second = rows.visualRect(rows.model().index(1, 0)).center()
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=second)
    assert workspace.clip.name == "beta_10_20"


def test_enter_in_the_search_opens_the_first_match(
    qtbot: QtBot, panel: LibraryPanel, workspace: Workspace
) -> None:
    qtbot.keyClicks(search(panel), "gamma")
    qtbot.keyClick(search(panel), Qt.Key.Key_Return)
    assert workspace.clip.name == "gamma_0_4"


def test_the_open_clip_is_chosen_in_the_list(panel: LibraryPanel, workspace: Workspace) -> None:
    workspace.open_clip("gamma_0_4")
    assert panel.findChild(QTableView, "clips").currentIndex().data() == "gamma_0_4"


def test_stepping_follows_the_order_in_view(qtbot: QtBot, panel: LibraryPanel, workspace: Workspace) -> None:
    choose(panel, "No video")
    workspace.step_clip(1)
    assert workspace.clip.name == "gamma_0_4"


def test_escape_clears_the_search(qtbot: QtBot, panel: LibraryPanel) -> None:
    qtbot.keyClicks(search(panel), "beta")
    qtbot.keyClick(search(panel), Qt.Key.Key_Escape)
    assert len(panel.names) == 3


def test_a_closed_project_leaves_an_empty_library(panel: LibraryPanel, workspace: Workspace) -> None:
    workspace.close_project()
    assert panel.names == ()
    assert panel.count_text == ""


def test_an_empty_library_says_how_videos_come_into_it(
    panel: LibraryPanel, workspace: Workspace, tmp_path: Path
) -> None:
    with Store.create(tmp_path / "empty" / "labels.sqlite", name="Empty", categories=["Dog"]):
        pass
    workspace.close_project()
    assert "Open or make a project" in panel.advice
    assert workspace.open_project(tmp_path / "empty")
    assert "Add videos" in panel.advice


def test_a_tool_tip_tells_what_the_row_has_no_room_for(panel: LibraryPanel) -> None:
    tip = panel.findChild(QTableView, "clips").model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines() == ["alpha_0_10", "train, 10 s", "Dog, Speech", "its video was not found"]


def test_as_many_clips_as_llp_has_are_filtered_without_touching_a_widget() -> None:
    clips = tuple(Clip(f"clip{i:05d}_0_10", "train", None, 10.0, 10) for i in range(11_849))
    model = ClipModel()
    model.set_clips(clips, frozenset({"clip00007_0_10"}))
    model.set_filter(ClipFilter(text="clip0000"))
    assert len(model.names) == 10
    model.set_filter(ClipFilter(status=Status.EDITED))
    assert model.names == ("clip00007_0_10",)


def choose_order(panel: LibraryPanel, *texts: str) -> None:
    for action in panel.findChild(LibraryOrderButton).menu().actions():
        if action.text() in texts:
            action.trigger()


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (SortKey.PROJECT, "clip 10|Clip 2|b|a"),
        (SortKey.NAME, "a|b|Clip 2|clip 10"),
        (SortKey.SPLIT, "b|clip 10|a|Clip 2"),
        (SortKey.LENGTH, "Clip 2|a|b|clip 10"),
        (SortKey.LABELS, "Clip 2|clip 10|b|a"),
        (SortKey.EDITED, "b|clip 10|Clip 2|a"),
    ],
)
def test_clips_are_sorted_and_those_alike_stay_as_they_were(key: SortKey, names: str) -> None:
    clips = (
        Clip("clip 10", "val", None, 30.0, 30, frozenset({"Dog"})),
        Clip("Clip 2", "test", None, 9.5, 10, frozenset({"Car", "Dog"})),
        Clip("b", "train", None, 10.0, 10),
        Clip("a", "val", None, 9.5, 10),
    )
    wanted = names.split("|")
    model = ClipModel()
    model.set_order(ClipOrder(key))
    model.set_clips(clips, frozenset({"b"}))
    assert list(model.names) == wanted
    model.set_filter(ClipFilter(text="clip"))
    assert list(model.names) == [name for name in wanted if "lip" in name]


def test_the_chosen_order_is_kept_for_the_next_start(
    qtbot: QtBot, panel: LibraryPanel, workspace: Workspace, settings: QSettings
) -> None:
    choose_order(panel, "Length", "Reversed")
    assert panel.names == ("alpha_0_10", "beta_10_20", "gamma_0_4")
    choose_order(panel, "Reversed")
    assert panel.names == ("gamma_0_4", "alpha_0_10", "beta_10_20")
    again = LibraryPanel(workspace, DARK, settings)
    qtbot.addWidget(again)
    assert again.names == panel.names
    assert "Length" in again.findChild(LibraryOrderButton).accessibleName()


def test_stepping_follows_the_chosen_order(panel: LibraryPanel, workspace: Workspace) -> None:
    choose_order(panel, "Name", "Reversed")
    workspace.open_clip("beta_10_20")
    workspace.step_clip(1)
    assert workspace.clip.name == "alpha_0_10"


def test_a_clip_that_becomes_edited_keeps_its_place(panel: LibraryPanel, workspace: Workspace) -> None:
    choose_order(panel, "Edited first")
    workspace.open_clip("gamma_0_4")
    workspace.mark(Modality.AUDIO, "Dog", 0.0, 2.0, State.PRESENT)
    assert panel.names[2] == "gamma_0_4"
    choose_order(panel, "Edited first")
    assert panel.names[0] == "gamma_0_4"


def test_a_filter_that_nothing_matches_can_be_taken_away(qtbot: QtBot, panel: LibraryPanel) -> None:
    qtbot.keyClicks(search(panel), "no such clip")
    choose(panel, "val")
    button = panel.findChild(QPushButton)
    assert button.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert len(panel.names) == 3
    assert search(panel).text() == ""


def test_a_row_is_told_to_those_who_do_not_see_it(panel: LibraryPanel, workspace: Workspace) -> None:
    workspace.mark(Modality.AUDIO, "Dog", 0.0, 2.0, State.PRESENT)
    index = panel.findChild(QTableView, "clips").model().index(0, 0)
    told = index.data(Qt.ItemDataRole.AccessibleDescriptionRole)
    assert told == "train, 10 s. Dog, Speech. edited by a person. its video was not found"


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_a_row_is_drawn_with_its_marks(qtbot: QtBot, panel: LibraryPanel, theme) -> None:
    panel.set_theme(theme)
    delegate = panel.findChild(ClipDelegate)
    index = panel.findChild(QTableView, "clips").model().index(0, 0)
    image = QImage(QSize(240, ROW_HEIGHT), QImage.Format.Format_RGB32)
    image.fill(0)
    option = QStyleOptionViewItem()
    option.rect = image.rect()
    painter = QPainter(image)
    delegate.paint(painter, option, index)
    painter.end()
    colours = {image.pixelColor(x, y).name() for x in range(240) for y in range(ROW_HEIGHT)}
    assert theme.accent in colours  # the bar of the open clip
    assert theme.text in colours
