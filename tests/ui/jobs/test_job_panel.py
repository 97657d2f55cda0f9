"""The panel of jobs shows real run folders."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from pyqtgraph import PlotWidget
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QMainWindow, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobState, JobStatus
from avvp_studio.jobs import Jobs
from avvp_studio.ui.jobs.curves import Curves, speed_text
from avvp_studio.ui.jobs.job_card import JobCard, describe, duration_text
from avvp_studio.ui.jobs.job_panel import JobPanel
from avvp_studio.ui.jobs.supervision_curves import SupervisionCurves
from avvp_studio.ui.theme import DARK, LIGHT
from trainer.protocol import (
    FINISH_FILE,
    MESSAGES_FILE,
    Epoch,
    Failed,
    Finished,
    Message,
    Note,
    Progress,
    Started,
)


def write_run(runs: Path, name: str, *messages: Message) -> None:
    folder = runs / name
    folder.mkdir(parents=True)
    order = {"name": name, "title": f"Train {name}", "kind": "train", "arguments": []}
    (folder / "job.json").write_text(json.dumps({"order": order, "process": {"pid": 1, "began": 100.0}}))
    (folder / MESSAGES_FILE).write_text("".join(message.to_json() + "\n" for message in messages))


def epochs(count: int) -> list[Epoch]:
    return [
        Epoch(epoch=i, epochs=count, losses={"total": 1 / i}, metrics={"val/segment/Type@AV": 10.0 * i})
        for i in range(1, count + 1)
    ]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_run(tmp_path, "1-old", Started(kind="train", pid=1, time=100), *epochs(3), Finished(time=175))
    write_run(tmp_path, "2-bad", Started(kind="train", pid=1), Failed(error="loss is not finite at step 7"))
    return tmp_path


@pytest.fixture
def panel(qtbot: QtBot, runs: Path) -> JobPanel:
    jobs = Jobs()
    panel = JobPanel(jobs, DARK)
    jobs.setParent(panel)
    qtbot.addWidget(panel)
    jobs.attach(runs)
    panel.resize(360, 600)
    panel.show()
    return panel


def texts(panel: JobPanel) -> str:
    return "\n".join(label.text() for label in panel.findChildren(QLabel) if label.isVisibleTo(panel))


def test_ended_runs_are_listed_with_how_they_ended(panel: JobPanel) -> None:
    shown = texts(panel)
    assert "took 1 min 15 s" in shown
    assert "loss is not finite at step 7" in shown
    assert "Nothing is running" in shown


def test_the_title_tells_how_many_jobs_are_under_way(qtbot: QtBot, tmp_path: Path) -> None:
    write_run(tmp_path, "1-found", Started(kind="train", pid=1), *epochs(2))
    jobs = Jobs()
    panel = JobPanel(jobs, DARK)
    jobs.setParent(panel)
    qtbot.addWidget(panel)
    assert panel.title == "Jobs"
    titles: list[str] = []
    panel.title_changed.connect(titles.append)
    jobs.attach(tmp_path)
    assert panel.title == "Jobs (1)"
    qtbot.waitUntil(lambda: titles == ["Jobs (1)", "Jobs"])  # its process turns out to be gone


def test_a_click_on_a_card_shows_its_curves(qtbot: QtBot, panel: JobPanel) -> None:
    cards = {card.accessibleName(): card for card in panel.findChildren(JobCard)}
    card = next(card for name, card in cards.items() if "1-old" in name)
    assert "It ended before its first epoch did." in texts(panel)
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert "first epoch" not in texts(panel)


def test_without_jobs_the_panel_says_how_to_begin(qtbot: QtBot, tmp_path: Path) -> None:
    jobs = Jobs()
    panel = JobPanel(jobs, LIGHT)
    jobs.setParent(panel)
    qtbot.addWidget(panel)
    jobs.attach(tmp_path / "none")
    panel.show()
    assert "No training yet" in texts(panel)
    train = next(button for button in panel.findChildren(QPushButton) if button.text().startswith("Train"))
    with qtbot.waitSignal(panel.train_requested):
        qtbot.mouseClick(train, Qt.MouseButton.LeftButton)


def test_the_theme_can_be_changed_while_jobs_are_shown(qtbot: QtBot, panel: JobPanel) -> None:
    before = panel.grab().toImage()
    panel.set_theme(LIGHT)
    assert panel.grab().toImage() != before


def card(qtbot: QtBot, kind: str = "train", **known: Any) -> JobCard:
    shown = JobCard(JobStatus("a", "Train", kind, **{"state": JobState.RUNNING, **known}), DARK)
    qtbot.addWidget(shown)
    shown.show()
    return shown


def buttons(shown: JobCard) -> dict[str, QToolButton]:
    return {button.text(): button for button in shown.findChildren(QToolButton) if not button.isHidden()}


def labels(shown: JobCard) -> str:
    return "\n".join(label.text() for label in shown.findChildren(QLabel))


def test_a_training_can_be_finished_after_its_epoch_or_stopped_now(qtbot: QtBot) -> None:
    shown = card(qtbot)
    found = buttons(shown)
    assert list(found) == ["Finish this epoch", "Stop now"]
    with qtbot.waitSignal(shown.finish_requested) as finish:
        qtbot.mouseClick(found["Finish this epoch"], Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(shown.stop_requested) as stop:
        qtbot.mouseClick(found["Stop now"], Qt.MouseButton.LeftButton)
    assert (finish.args, stop.args) == (["a"], ["a"])
    assert found["Finish this epoch"].toolTip() != found["Stop now"].toolTip()


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("extract", {}),
        ("render", {}),
        ("train", {"stage": "parse"}),
        ("train", {"state": JobState.QUEUED}),
    ],
)
def test_what_trains_no_epoch_can_only_be_stopped(qtbot: QtBot, kind: str, known: dict[str, Any]) -> None:
    assert list(buttons(card(qtbot, kind, **known))) == ["Stop"]


def test_a_job_that_is_over_has_no_buttons(qtbot: QtBot) -> None:
    assert buttons(card(qtbot, state=JobState.FINISHED)) == {}


def test_the_buttons_of_a_card_are_pressed_by_keys_that_mean_something_else_in_the_window(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(card(qtbot))
    played: list[bool] = []
    QShortcut(QKeySequence("Space"), window, lambda: played.append(True))
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    shown = window.centralWidget()
    assert isinstance(shown, JobCard)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return):
        found = buttons(shown)["Finish this epoch"]
        found.setFocus()
        with qtbot.waitSignal(shown.finish_requested):
            qtbot.keyClick(found, key)
    assert not played


def test_a_training_that_is_asked_to_finish_says_so_in_this_window_and_the_next(
    qtbot: QtBot, tmp_path: Path
) -> None:
    write_run(tmp_path, "1-long", Started(kind="train", pid=1), *epochs(3)[:2])

    def open_panel() -> JobPanel:
        jobs = Jobs()
        panel = JobPanel(jobs, DARK)
        jobs.setParent(panel)
        qtbot.addWidget(panel)
        jobs.attach(tmp_path)
        panel.show()
        return panel

    first = open_panel()
    assert "finishing" not in texts(first)
    shown = first.findChild(JobCard)
    assert shown is not None
    qtbot.mouseClick(buttons(shown)["Finish this epoch"], Qt.MouseButton.LeftButton)
    assert (tmp_path / "1-long" / FINISH_FILE).exists()
    assert "finishing" in texts(first)
    assert "ends after epoch 3" in texts(first)
    assert "finishing" in texts(open_panel())


def test_enter_on_a_card_shows_its_curves(qtbot: QtBot) -> None:
    shown = card(qtbot)
    with qtbot.waitSignal(shown.selected):
        qtbot.keyClick(shown, Qt.Key.Key_Return)


def test_a_finishing_training_says_after_which_epoch_it_ends_and_can_still_be_stopped(qtbot: QtBot) -> None:
    shown = card(qtbot)
    shown.show_status(after_epoch(3, of=40), is_finishing=True)
    assert "finishing" in labels(shown)
    assert "Training, epoch 4 of 40 · ends after epoch 4" in labels(shown)
    assert not buttons(shown)["Finish this epoch"].isEnabled()
    assert buttons(shown)["Stop now"].isEnabled()
    assert "finishing" in shown.accessibleName()


def test_a_stopping_training_cannot_be_asked_anything_more(qtbot: QtBot) -> None:
    shown = card(qtbot)
    shown.show_status(JobStatus("a", "Train", "train", JobState.RUNNING), is_stopping=True)
    assert "stopping" in labels(shown)
    assert not any(button.isEnabled() for button in buttons(shown).values())


def test_a_training_that_was_finished_early_says_after_which_epoch() -> None:
    ended = JobStatus("a", "Train", "train")
    for message in (Started(kind="train", pid=1), epochs(40)[6], Finished()):
        ended = ended.advanced(message)
    assert "ended early, after epoch 7 of 40" in describe(ended)
    assert "early" not in describe(ended.advanced(epochs(40)[39]).advanced(Finished()))


def test_what_a_job_noted_is_read_on_its_card(qtbot: QtBot) -> None:
    shown = card(qtbot, notes=("3 of 60 clips have no features",))
    tips = [label.toolTip() for label in shown.findChildren(QLabel)]
    assert "3 of 60 clips have no features" in tips


def after_epoch(epoch: int, *, of: int) -> JobStatus:
    """A training in the step after an epoch, as its messages tell: its progress counts steps."""
    status = JobStatus("a", "Train", "train").advanced(Started(kind="train", pid=1, epochs=of))
    for message in epochs(of)[:epoch]:
        status = status.advanced(message)
    done = Progress(stage="train", done=79 * epoch + 1, total=79 * of, eta_s=74.6)
    return status.advanced(done)


def test_a_training_tells_the_epoch_that_it_is_in_and_what_is_left() -> None:
    assert describe(after_epoch(0, of=40)) == "Training, epoch 1 of 40 · 1 min 15 s left"
    assert describe(after_epoch(3, of=40)) == "Training, epoch 4 of 40 · 1 min 15 s left"


def test_other_jobs_tell_what_they_have_done_of_how_much() -> None:
    status = JobStatus("a", "Parse", "parse", JobState.RUNNING, stage="parse", done=3, total=40)
    assert describe(status) == "Parsing clips 3 of 40"


def test_a_long_title_loses_its_middle_and_not_its_end(qtbot: QtBot) -> None:
    shown = card(qtbot)
    pictures = []
    for title in ("Train ecma/sweep/tau-0.30" + "0" * 90 + "1", "Train ecma/sweep/tau-0.30" + "0" * 90 + "2"):
        shown.show_status(JobStatus("a", title, "train", JobState.RUNNING))
        shown.resize(300, 120)
        pictures.append(shown.grab().toImage())
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (4800, "1 h 20 min")]
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_legend_is_readable_after_the_theme_was_changed(qtbot: QtBot) -> None:
    curves = Curves(DARK)
    qtbot.addWidget(curves)
    curves.show_epochs(epochs(3))
    curves.set_theme(LIGHT)
    legends = [plot.getPlotItem().legend for plot in curves.findChildren(PlotWidget)]
    legends = [legend for legend in legends if legend is not None]
    colours = {label.opts["color"].name() for legend in legends for _, label in legend.items}
    assert colours == {LIGHT.text}


def audio_visual(epoch: int) -> Epoch:
    """Of a training whose validation clips have audio-visual truth only."""
    scores = {"val/segment/AV": 41.8, "val/event/AV": 47.4}
    return Epoch(epoch=epoch, epochs=3, losses={"total": 1.0}, metrics=scores)


def test_where_truth_is_audio_visual_only_av_takes_the_place_of_type_at_av(qtbot: QtBot) -> None:
    curves = Curves(DARK)
    qtbot.addWidget(curves)
    curves.show()
    curves.show_epochs([audio_visual(1), audio_visual(2)])
    (legend,) = (
        plot.getPlotItem().legend for plot in curves.findChildren(PlotWidget) if plot.getPlotItem().legend
    )
    assert [label.text for _, label in legend.items] == ["segment AV", "event AV"]
    ended = JobStatus("a", "Train", "train").advanced(Finished(metrics=audio_visual(3).metrics))
    assert "val AV 41.8" in describe(ended)


def test_the_legend_of_the_losses_stands_above_them_with_the_total_first(qtbot: QtBot) -> None:
    curves = Curves(DARK)
    qtbot.addWidget(curves)
    curves.show()
    losses = {"audio_video": 0.4, "reviewed": 0.0, "pseudo": 0.6, "total": 1.0}
    curves.show_epochs([Epoch(epoch=1, epochs=3, losses=losses)])
    legend = next(label for label in curves.findChildren(QLabel) if "total" in label.text())
    words = re.sub("<span.*?</span>", "", legend.text()).replace("&nbsp;", " ").split("  ")
    assert [word.strip() for word in words] == ["total", "audio video", "pseudo"]


def taught(epoch: int, **supervision: float) -> Epoch:
    told = {name.replace("_", "/"): value for name, value in supervision.items()}
    return Epoch(epoch=epoch, epochs=3, losses={"total": 1.0}, supervision=told)


def test_the_curves_tell_how_true_the_masks_and_pairs_are(qtbot: QtBot) -> None:
    curves = Curves(DARK)
    qtbot.addWidget(curves)
    curves.show()
    first = taught(1, mask_precision=40, mask_recall=5, pairs_precision=math.nan, pairs_recall=0)
    second = taught(2, mask_precision=61, mask_recall=12, pairs_precision=math.nan, pairs_recall=0)
    curves.show_epochs([first, second])
    supervision = curves.findChild(SupervisionCurves)
    assert supervision is not None
    assert supervision.isVisible()
    shown = re.sub("<span.*?</span> ", "", supervision.legend).replace("<br>", "; ")
    assert shown == "Masks: precision 61%, recall 12%; Pairs: recall 0%"  # of nothing there is no precision
    drawn = [list(line.getData()[1]) for line in supervision.plot.getPlotItem().listDataItems()]
    assert drawn == [[40, 61], [5, 12], [0, 0]]


def test_a_parser_that_makes_no_supervision_has_no_curves_of_it(qtbot: QtBot) -> None:
    curves = Curves(DARK)
    qtbot.addWidget(curves)
    curves.show()
    curves.show_epochs([taught(1, mask_precision=40)])
    curves.show_epochs(epochs(3))  # another job is chosen
    supervision = curves.findChild(SupervisionCurves)
    assert supervision is not None
    assert supervision.isHidden()


def test_the_curves_tell_how_fast_a_training_is_where_it_says_so() -> None:
    assert speed_text(Epoch(epoch=1, epochs=2, losses={}, clips_per_s=3140.2, peak_memory_mb=312.4)) == (
        "3,140 clips/s · 312 MB"
    )
    assert speed_text(Epoch(epoch=1, epochs=2, losses={})) == ""


def test_an_extraction_says_how_many_files_it_has_done_and_how_long_it_will_take() -> None:
    status = JobStatus("a", "Extract features of 4 clips", "extract").advanced(Started(kind="extract", pid=1))
    # It counts seconds of media, which would mean nothing to a person.
    status = status.advanced(Progress(stage="extract", done=12, total=25, eta_s=75, detail="1 of 4 files"))
    assert describe(status) == "Extracting features, 1 of 4 files · 1 min 15 s left"
    install = JobStatus("b", "Install", "install").advanced(Started(kind="encoders", pid=1))
    assert describe(install.advanced(Progress(stage="fetch", done=12, total=125))) == (
        "Fetching weights 12 of 125 MB"
    )


def test_an_extraction_says_which_clips_got_no_features_and_why() -> None:
    status = JobStatus("a", "Extract features of 4 clips", "extract")
    for text in ("a: no features, it is damaged", "1 of 4 clips have theirs", "b: no features, it is: odd"):
        status = status.advanced(Note(text=text))
    status = status.advanced(Finished())
    assert status.failures == {"a": "it is damaged", "b": "it is: odd"}
    assert describe(status).endswith("No features of a, and 1 more: it is damaged")
    assert JobStatus("a", "Train", "train", notes=("a: no features, x",)).failures == {}


def test_a_card_says_at_a_glance_that_some_clips_failed(qtbot: QtBot) -> None:
    status = JobStatus("a", "Extract features of 4 clips", "extract")
    for message in (
        Started(kind="extract", pid=1),
        Note(text="a: no features, it is damaged"),
        Progress(stage="extract", done=9, total=9, detail="4 of 4 files"),
        Finished(),
    ):
        status = status.advanced(message)
    card = JobCard(status, DARK)
    qtbot.addWidget(card)
    words = [label.text() for label in card.findChildren(QLabel)]
    assert "1 of 4 failed" in words
    assert "finished" not in words
    assert "1 of 4 failed" in card.accessibleName()


def test_the_notes_of_a_job_are_never_higher_than_the_screen(qtbot: QtBot) -> None:
    status = JobStatus("a", "Extract", "extract", JobState.RUNNING, notes=("odd",) * 3000)
    card = JobCard(status, DARK)
    qtbot.addWidget(card)
    tips = [label.toolTip() for label in card.findChildren(QLabel)]
    assert any(tip.endswith("and 2,980 more") and tip.count("\n") == 20 for tip in tips)


def test_a_job_that_never_began_says_so() -> None:
    assert describe(JobStatus("a", "Find tracks", "zero-shot", JobState.STOPPED)) == "had not begun"
