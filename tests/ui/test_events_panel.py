"""The panel of labels follows the clip and forgets on Delete."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from avvp_studio.media.probe import AudioInfo, MediaInfo, VideoInfo
from avvp_studio.ui.chips import Chips
from avvp_studio.ui.events_panel import EventsPanel, EventsTable
from avvp_studio.ui.theme import DARK
from avvp_studio.workspace import Workspace
from trainer.labels import Event, Modality, State


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace) -> EventsPanel:
    made = EventsPanel(workspace, DARK)
    qtbot.addWidget(made)
    made.resize(290, 500)
    made.show()
    qtbot.waitExposed(made)
    return made


def rows(panel: EventsPanel) -> list[tuple[str, ...]]:
    model = panel.findChild(EventsTable).model()
    return [tuple(model.index(row, column).data() for column in range(1, 6)) for row in range(model.rowCount())]


def click(qtbot: QtBot, panel: EventsPanel, row: int) -> None:
    table = panel.findChild(EventsTable)
    place = table.visualRect(table.model().index(row, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_labels_are_listed_by_category_and_time_with_who_said_them(
    panel: EventsPanel, workspace: Workspace
) -> None:
    workspace.open_clip("beta_10_20")
    workspace.mark(Modality.AUDIO, "Dog", 6.0, 7.0, State.PRESENT)
    workspace.mark(Modality.VISUAL, "Dog", 0.0, 2.5, State.ABSENT)
    assert rows(panel) == [
        ("Baby cry", "1", "4", "present", "file"),
        ("Dog", "0", "2.5", "absent", "yola"),
        ("Dog", "6", "7", "present", "yola"),
    ]


def test_a_click_on_a_heading_sorts_by_it_and_stays_so(
    qtbot: QtBot, panel: EventsPanel, workspace: Workspace
) -> None:
    workspace.open_clip("beta_10_20")
    head = panel.findChild(EventsTable).horizontalHeader()
    place = QPoint(head.sectionViewportPosition(2) + 10, head.height() // 2)
    qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=place)
    workspace.mark(Modality.VISUAL, "Dog", 0.0, 2.5, State.ABSENT)
    assert [row[1] for row in rows(panel)] == ["0", "1"]
    qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [row[1] for row in rows(panel)] == ["1", "0"]


def test_without_labels_it_says_how_to_begin(panel: EventsPanel, workspace: Workspace) -> None:
    assert "No labels yet" in panel.empty_text
    workspace.open_clip("beta_10_20")
    assert panel.empty_text == ""
    workspace.close_project()
    assert panel.empty_text == "No clip is open."


def test_a_click_tells_which_label_was_chosen(qtbot: QtBot, panel: EventsPanel, workspace: Workspace) -> None:
    workspace.open_clip("beta_10_20")
    with qtbot.waitSignal(panel.label_chosen) as chosen:
        click(qtbot, panel, 0)
    assert chosen.args == [Event(Modality.AUDIO, "Baby_cry", 1.0, 4.0)]


def test_delete_forgets_the_chosen_labels_in_one_edit(
    qtbot: QtBot, panel: EventsPanel, workspace: Workspace
) -> None:
    workspace.open_clip("beta_10_20")
    workspace.mark(Modality.VISUAL, "Dog", 5.0, 6.0, State.PRESENT)
    before = workspace.events
    click(qtbot, panel, 0)
    panel.findChild(EventsTable).selectAll()
    qtbot.keyClick(panel.findChild(EventsTable), Qt.Key.Key_Delete)
    assert workspace.events == ()
    assert workspace.undo_text == "forget 2 labels"
    workspace.undo()
    assert workspace.events == before


def test_the_video_level_labels_are_chips(panel: EventsPanel, workspace: Workspace) -> None:
    assert panel.findChild(Chips).words == ("Speech", "Dog")
    workspace.open_clip("gamma_0_4")
    assert panel.findChild(Chips).words == ()


def test_chips_wrap_like_text(qtbot: QtBot) -> None:
    chips = Chips(DARK)
    qtbot.addWidget(chips)
    chips.set_words([(f"category {i}", "#ff0000") for i in range(6)])
    assert chips.heightForWidth(2000) < chips.heightForWidth(200) < chips.heightForWidth(100)


def test_the_facts_of_the_clip_and_its_file_are_told(panel: EventsPanel, workspace: Workspace) -> None:
    workspace.open_clip("beta_10_20")
    assert panel.facts == "val · 10.0 s · complete truth"
    video = VideoInfo(width=640, height=360, fps=29.97, codec="h264", duration=10.0)
    panel.set_media(MediaInfo(10.0, video, AudioInfo(44_100, 2, "aac", 10.0)))
    assert panel.facts == "val · 10.0 s · 640×360 · 29.97 fps · h264 · aac · complete truth"
    panel.set_media(MediaInfo(10.0, video, None))
    assert "no sound" in panel.facts
