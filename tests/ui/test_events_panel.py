"""The panel of labels follows the clip and forgets on Delete."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from avvp_studio.media.probe import AudioInfo, MediaInfo, VideoInfo
from avvp_studio.ui.chips import Chips
from avvp_studio.ui.events_model import HEADINGS, EventsModel
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


def test_the_chosen_labels_are_forgotten_in_one_edit(
    qtbot: QtBot, panel: EventsPanel, workspace: Workspace
) -> None:
    workspace.open_clip("beta_10_20")
    workspace.mark(Modality.VISUAL, "Dog", 5.0, 6.0, State.PRESENT)
    before = workspace.events
    click(qtbot, panel, 0)
    panel.findChild(EventsTable).selectAll()
    panel.forget_chosen()
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


@pytest.mark.parametrize("order", [Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder])
@pytest.mark.parametrize("column", range(len(HEADINGS)))
def test_few_changes_leave_the_same_order_as_listing_all_anew(column: int, order: Qt.SortOrder) -> None:
    senses = (Modality.AUDIO, Modality.VISUAL)
    states = (State.PRESENT, State.ABSENT)
    labels = [
        Event(modality, category, float(onset), onset + length, states[onset % 2], author)
        for modality in senses
        for category, author in (("Dog", "yola"), ("baby_cry", ""), ("Car", "max"))
        for onset, length in ((0, 1.0), (3, 2.0), (6, 1.0))
    ]
    model, anew = EventsModel(DARK), EventsModel(DARK)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for one in (model, anew):
        one.sort(column, order)
    resets: list[bool] = []
    model.modelReset.connect(lambda: resets.append(True))
    for shown in (labels[::2], labels, labels[3:9], labels[::-3], []):
        model.set_events(shown)
        anew._set_all(shown)
        assert model.events == anew.events
    assert not resets


def test_a_label_that_is_chosen_stays_so_while_others_change(
    qtbot: QtBot, panel: EventsPanel, workspace: Workspace
) -> None:
    workspace.open_clip("beta_10_20")
    workspace.mark(Modality.AUDIO, "Dog", 6.0, 7.0, State.PRESENT)
    click(qtbot, panel, 1)
    workspace.mark(Modality.AUDIO, "Baby_cry", 6.0, 7.0, State.PRESENT)
    workspace.undo()
    panel.forget_chosen()
    assert workspace.undo_text == "forget Dog label"


def test_what_is_chosen_in_one_clip_is_not_chosen_in_another_that_has_the_same_label(
    qtbot: QtBot, panel: EventsPanel, workspace: Workspace
) -> None:
    for clip in ("alpha_0_10", "beta_10_20"):
        workspace.open_clip(clip)
        workspace.mark(Modality.AUDIO, "Dog", 6.0, 7.0, State.PRESENT)
    click(qtbot, panel, 1)
    workspace.open_clip("alpha_0_10")
    before = workspace.events
    panel.forget_chosen()
    assert workspace.events == before


def test_a_narrow_panel_keeps_what_a_label_is_of_before_who_said_it(
    qtbot: QtBot, panel: EventsPanel, workspace: Workspace
) -> None:
    workspace.open_clip("beta_10_20")
    table, author = panel.findChild(EventsTable), len(HEADINGS) - 1
    for width, is_hidden in ((400, False), (222, True), (300, False)):
        panel.resize(width, 500)
        qtbot.waitUntil(lambda hidden=is_hidden: table.isColumnHidden(author) is hidden)
        widths = [table.columnWidth(column) for column in range(len(HEADINGS))]
        assert sum(widths) <= table.viewport().width()
        assert widths[1] >= 64


def test_times_of_long_clips_are_written_whole(panel: EventsPanel) -> None:
    table = panel.findChild(EventsTable)
    for duration in (10.0, 3600.0, 40000.0):
        table.fit_times(duration)
        words = table.fontMetrics().horizontalAdvance(f"{duration + 0.75}")
        assert min(table.columnWidth(2), table.columnWidth(3)) >= words + 12


def test_a_picture_that_lies_turned_is_told_as_it_is_seen(panel: EventsPanel, workspace: Workspace) -> None:
    workspace.open_clip("beta_10_20")
    panel.set_media(MediaInfo(10.0, VideoInfo(640, 360, 25.0, "h264", 10.0), None), (360, 640))
    assert "360×640" in panel.facts
