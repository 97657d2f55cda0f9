"""The panel of jobs shows real run folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyqtgraph import PlotWidget
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobState, JobStatus, Recipe, TrainingRequest
from avvp_studio.jobs import Jobs
from avvp_studio.ui.jobs.curves import Curves
from avvp_studio.ui.jobs.job_card import JobCard, describe, duration_text
from avvp_studio.ui.jobs.job_panel import JobPanel
from avvp_studio.ui.jobs.launch_form import LaunchForm
from avvp_studio.ui.theme import DARK, LIGHT
from trainer.protocol import MESSAGES_FILE, Epoch, Failed, Finished, Message, Started


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
    assert "The curves begin" in texts(panel)
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert "The curves begin" not in texts(panel)


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


def test_the_stop_button_of_a_card_asks_to_stop_that_job(qtbot: QtBot) -> None:
    card = JobCard(JobStatus("a", "Train", "train", state=JobState.RUNNING), DARK)
    qtbot.addWidget(card)
    card.show()
    with qtbot.waitSignal(card.stop_requested) as blocker:
        qtbot.mouseClick(card.findChild(QToolButton), Qt.MouseButton.LeftButton)
    assert blocker.args == ["a"]


def test_a_running_job_tells_its_epoch_and_what_is_left() -> None:
    status = JobStatus("a", "Train", "train", JobState.RUNNING, stage="train", done=3, total=40, eta_s=74.6)
    assert describe(status) == "Training, epoch 3 of 40 · 1 min 15 s left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (4800, "1 h 20 min")]
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_form_sends_what_was_chosen(qtbot: QtBot) -> None:
    recipes = [Recipe("han/signal", "HAN", ("signal-audio",)), Recipe("ecma/signal", "E-CMANet", ())]
    form = LaunchForm(recipes, "12 corrected clips")
    qtbot.addWidget(form)
    form.show()
    qtbot.keyClick(form.findChild(QComboBox), Qt.Key.Key_Down)
    with qtbot.waitSignal(form.submitted) as blocker:
        form.accept()
    request = blocker.args[0]
    assert isinstance(request, TrainingRequest)
    assert request.recipe.name == "ecma/signal"
    assert request.epochs is None


def test_the_form_offers_first_what_the_project_has_the_features_for(qtbot: QtBot) -> None:
    recipes = [Recipe("ecma/llp", "E-CMANet", ("clap", "clip")), Recipe("han/signal", "HAN", ("signal-audio",))]
    form = LaunchForm(recipes, "", lacking={"ecma/llp": ("clap", "clip"), "han/signal": ()})
    qtbot.addWidget(form)
    assert (form.request().recipe.name, form.can_start) == ("han/signal", True)
    form.choose(0)
    assert not form.can_start
    assert any("Lacks the features clap, clip" in label.text() for label in form.findChildren(QLabel))


def test_the_legend_is_readable_after_the_theme_was_changed(qtbot: QtBot) -> None:
    curves = Curves(DARK)
    qtbot.addWidget(curves)
    curves.show_epochs(epochs(3))
    curves.set_theme(LIGHT)
    legends = [plot.getPlotItem().legend for plot in curves.findChildren(PlotWidget)]
    colours = {label.opts["color"].name() for legend in legends for _, label in legend.items}
    assert colours == {LIGHT.text}
