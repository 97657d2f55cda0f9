"""The library finds clips, follows the open one and opens another."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QComboBox, QListView, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from avvp_studio.domain.project import Clip
from avvp_studio.store import Store
from avvp_studio.ui.library_delegate import ROW_HEIGHT, ClipDelegate
from avvp_studio.ui.library_model import ClipFilter, ClipModel, Status
from avvp_studio.ui.library_panel import LibraryPanel
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.theme import DARK, LIGHT
from avvp_studio.workspace import Workspace
from trainer.labels import Modality, State


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace) -> LibraryPanel:
    made = LibraryPanel(workspace, DARK)
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
    rows = panel.findChild(QListView, "clips")
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
    assert panel.findChild(QListView, "clips").currentIndex().data() == "gamma_0_4"


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
    tip = panel.findChild(QListView, "clips").model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines() == ["alpha_0_10", "train, 10 s", "Dog, Speech", "its video was not found"]


def test_as_many_clips_as_llp_has_are_filtered_without_touching_a_widget() -> None:
    clips = tuple(Clip(f"clip{i:05d}_0_10", "train", None, 10.0, 10) for i in range(11_849))
    model = ClipModel()
    model.set_clips(clips, frozenset({"clip00007_0_10"}))
    model.set_filter(ClipFilter(text="clip0000"))
    assert len(model.names) == 10
    model.set_filter(ClipFilter(status=Status.EDITED))
    assert model.names == ("clip00007_0_10",)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_a_row_is_drawn_with_its_marks(qtbot: QtBot, panel: LibraryPanel, theme) -> None:
    panel.set_theme(theme)
    delegate = panel.findChild(ClipDelegate)
    index = panel.findChild(QListView, "clips").model().index(0, 0)
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
