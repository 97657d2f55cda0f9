"""A parser that cannot hear or see a category is not drawn as if that were absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage, QTextDocumentFragment
from pytestqt.qtbot import QtBot

from avvp_studio.domain.project import Clip
from avvp_studio.domain.tracks import Track, read_calibration, read_reach
from avvp_studio.parse_folder import ParseFolder
from avvp_studio.threshold_file import ThresholdFile
from avvp_studio.ui.theme import DARK
from avvp_studio.ui.timeline.content import TimelineContent, lane
from avvp_studio.ui.timeline.gestures.wishes import Mark
from avvp_studio.ui.timeline.timeline import Timeline
from avvp_studio.ui.timeline.wording import reach_text
from trainer.labels import Modality, State, state_grid
from trainer.parses import Parse, ParseFile, write_parses

CATEGORIES = ("Dog", "Frying food")
AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
META = {
    "reach": {
        "audio": {name: {"similarity": 0.9, "classes": [name, "Bark"], "known": True} for name in CATEGORIES},
        "visual": {
            "Dog": {"similarity": 0.8, "classes": ["collie"], "known": True},
            "Frying food": {"similarity": 0.2, "classes": ["frying pan"], "known": False},
        },
    }
}


def content(meta: dict, *, older: tuple[Track, ...] = (), no_tracks: str = "") -> TimelineContent:
    values = np.full((6, 2), 0.9, np.float32)
    parse = Parse(values, values, values[0])
    calibrated_by = read_calibration(meta)
    newest = Track("zero-shot (default)", parse, reach=read_reach(meta), calibrated_by=calibrated_by)
    return TimelineContent(
        duration=6.0,
        segments=6,
        categories=CATEGORIES,
        rows=CATEGORIES,
        states=state_grid((), CATEGORIES, 6),
        tracks=() if no_tracks else (newest, *older),
        no_tracks=no_tracks,
    )


@pytest.fixture
def timeline(qtbot: QtBot) -> Timeline:
    made = Timeline()
    qtbot.addWidget(made)
    made.set_theme(DARK)
    made.resize(900, 420)
    made.show()
    qtbot.waitExposed(made)
    return made


def colours(timeline: Timeline, category: str, modality: Modality) -> set[str]:
    """What a lane is painted with, right of its words."""
    image: QImage = timeline.grab().toImage()
    left, right = (timeline.point(category, modality, t).x() for t in (3.5, 5.9))
    middle = timeline.point(category, modality, 4).y()
    return {image.pixelColor(x, y).name() for x in range(left, right) for y in range(middle - 10, middle + 10)}


def test_what_a_parser_cannot_see_has_no_curve_and_no_prediction(timeline: Timeline) -> None:
    shown = content(META)
    blind = lane(shown, VISUAL, "Frying food").tracks[0]
    assert blind.is_blind
    assert np.isnan(blind.probabilities).all()
    assert not blind.predicted.any()
    assert lane(shown, AUDIO, "Frying food").tracks[0].predicted.all()
    timeline.set_content(shown)
    assert len(colours(timeline, "Dog", VISUAL)) > len(colours(timeline, "Frying food", VISUAL))
    assert len(colours(timeline, "Frying food", VISUAL)) <= 3  # the lane and its grid


def test_an_older_parser_that_can_is_drawn_there_all_the_same(timeline: Timeline) -> None:
    values = np.full((6, 2), 0.4, np.float32)
    timeline.set_content(content(META, older=(Track("han", Parse(values, values, values[0])),)))
    assert len(colours(timeline, "Frying food", VISUAL)) > 3


def test_a_person_can_label_what_no_parser_can_see(timeline: Timeline) -> None:
    asked: list[Mark] = []
    timeline.label_requested.connect(asked.append)
    timeline.set_content(content(META))
    menu = timeline._menu(timeline.place_at(timeline.point("Frying food", VISUAL, 2.5)))
    next(action for action in menu.actions() if action.text() == "Seen here").trigger()
    assert asked == [Mark((VISUAL,), "Frying food", 2.0, 3.0, State.PRESENT)]


def test_the_tooltip_tells_by_which_classes_it_is_known(timeline: Timeline) -> None:
    timeline.set_content(content(META))
    assert "by Dog, Bark: 0.90, predicted" in timeline.tip_at(timeline.point("Dog", AUDIO, 2.5))
    tip = timeline.tip_at(timeline.point("Frying food", VISUAL, 2.5))
    assert "zero-shot cannot see this" in tip
    assert "frying pan" in tip
    assert "0.90" not in tip
    assert "cannot see 1 of 2 categories" in timeline.tip_at(QPoint(40, 40))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"audio": {"from": "constants"}, "visual": {"clips": 1}}, "calibrated by 1 reviewed clip"),
        ({"audio": {"clips": 1200}, "visual": {"clips": 7}}, "calibrated by 1,200 reviewed clips"),
        ({"audio": {"from": "constants"}}, ""),
        ({"audio": {"clips": "many"}, "visual": None}, ""),
        ("constants", ""),
    ],
)
def test_the_legend_tells_by_how_many_clips_a_parser_was_calibrated(
    timeline: Timeline, said: object, text: str
) -> None:
    timeline.set_content(content({**META, "calibration": said}))
    tip = timeline.tip_at(QPoint(40, 40))
    assert text in tip
    assert ("calibrated" in tip) == bool(text)


def test_a_parse_file_says_how_far_its_parser_reaches_and_by_what_it_was_calibrated(tmp_path: Path) -> None:
    values = np.full((6, 2), 0.9, np.float32)
    meta = {**META, "calibration": {"audio": {"clips": 3}}}
    parses = ParseFile.from_clips({"a": Parse(values, values, values[0])}, CATEGORIES, meta)
    write_parses(tmp_path / "p.npz", parses)
    folder = ParseFolder(tmp_path, CATEGORIES, print, ThresholdFile(tmp_path / "thresholds.json", print))
    folder.scan()
    (track,) = folder.tracks(Clip("a", "train", None, 6.0, 6))
    assert track.calibrated_by == 3
    assert not track.reach[VISUAL, "Frying food"].is_known


def test_how_much_a_parser_cannot_know_is_counted() -> None:
    reach = read_reach(META)
    assert reach_text(reach, CATEGORIES) == "cannot see 1 of 2 categories"
    assert reach_text(reach, ("Dog",)) == ""
    assert reach_text({}, CATEGORIES) == ""


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"reach": None},
        {"reach": ["audio"]},
        {"reach": {"audio": "all"}},
        {"reach": {"audio": {"Dog": None, "Cat": {"known": "no"}, "Cow": {}}}},
    ],
)
def test_a_reach_that_is_none_is_taken_as_nothing(meta: dict) -> None:
    assert read_reach(meta) == {}
    assert not lane(content(meta), VISUAL, "Dog").tracks[0].is_blind


def test_classes_from_a_file_cannot_be_markup() -> None:
    meta = {"reach": {"audio": {"Dog": {"classes": ["<b>loud"], "known": True}}}}
    assert read_reach(meta)[AUDIO, "Dog"].classes == ("<b>loud",)


def test_why_a_clip_has_no_tracks_is_said_where_one_looks_for_them(timeline: Timeline) -> None:
    timeline.set_content(content({}, no_tracks="No tracks: 'a<b' is damaged"))
    tip = timeline.tip_at(QPoint(40, 40))
    assert tip.startswith("<p>")  # so that a long one is wrapped
    assert QTextDocumentFragment.fromHtml(tip).toPlainText() == "No tracks: 'a<b' is damaged"
