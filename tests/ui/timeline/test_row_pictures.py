"""Rows that were drawn before look as if they were drawn now, and of many only some are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QImage

from avvp_studio.domain.tracks import Track
from avvp_studio.ui.timeline import row_pictures
from avvp_studio.ui.timeline.arrangement import Arrangement
from avvp_studio.ui.timeline.backdrop import Backdrop
from avvp_studio.ui.timeline.timeline import Timeline
from tests.ui.timeline.hand import CATEGORIES, content, track
from trainer.parses import Parse
from trainer.prediction import PredictionRule

OWN, CHOSEN = PredictionRule(), PredictionRule(segment=(0.3, 0.5))


def drawn(timeline: Timeline) -> QImage:
    image = QImage(timeline.size(), QImage.Format.Format_ARGB32_Premultiplied)
    timeline.render(image)
    return image


def with_tracks(*tracks: Track):
    return replace(content(), tracks=tracks)


PARSED = track("new", 10, seed=3)
BLIND = Parse(PARSED.parse.audio, PARSED.parse.visual, np.zeros(len(CATEGORIES), np.float32))
CHANGES = {
    "another parse by the same parser": with_tracks(track("new", 10, seed=4)),
    "another threshold": with_tracks(PARSED.by_rule(CHOSEN)),
    "a threshold that is now the parser's own": with_tracks(Track("new", PARSED.parse, CHOSEN)),
    "what the gate keeps out": with_tracks(Track("new", BLIND)),
    "a shorter clip of as many segments": replace(with_tracks(PARSED), duration=9.4),
    "other labels": replace(content(events=()), tracks=(PARSED,)),
    "other video-level labels": replace(with_tracks(PARSED), video_labels=frozenset({"Speech"})),
}


@pytest.mark.parametrize("before", [PARSED, PARSED.by_rule(CHOSEN)], ids=["own", "chosen"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_row_is_drawn_anew_when_what_it_shows_changes(timeline, before, change):
    timeline.set_content(with_tracks(before))
    drawn(timeline)
    timeline.set_content(change)
    check_drawn_as_if_for_the_first_time(timeline)


def test_a_pin_and_the_time_in_view_are_drawn_anew(timeline):
    drawn(timeline)
    for change in (lambda: timeline.set_pinned({"Dog"}), timeline.zoom_in, lambda: timeline.look_from(3.0)):
        change()
        check_drawn_as_if_for_the_first_time(timeline)


def check_drawn_as_if_for_the_first_time(timeline: Timeline) -> None:
    image = drawn(timeline)
    timeline._backdrop = Backdrop()
    assert drawn(timeline) == image


def test_of_many_rows_those_drawn_last_are_kept(timeline, monkeypatch):
    names = tuple(f"Category_{number}" for number in range(40))
    timeline.set_content(content(names, categories=names, tracks=(), events=()))
    drawn(timeline)
    *_, last = timeline._backdrop._lanes._kept
    assert last not in (names[0], names[-1])
    timeline._bars.down.setValue(timeline._bars.down.maximum())
    drawn(timeline)
    monkeypatch.setattr(row_pictures, "_KEPT_PIXELS", 1)
    timeline._bars.down.setValue(0)
    drawn(timeline)
    assert list(timeline._backdrop._lanes._kept) == [last]


def test_a_picture_keeps_no_parse_alive(timeline):
    timeline.set_content(with_tracks(track("new", 10)))
    drawn(timeline)
    told = [timeline._backdrop._lanes._kept["Dog"][0]]
    for part in told:  # grows on the way
        told.extend(part if isinstance(part, tuple) else ())
    assert not any(isinstance(part, Parse | Track) for part in told)
    assert any(isinstance(part, str) for part in told)


def test_a_row_is_never_taller_than_can_be_drawn(timeline):
    timeline.set_arrangement(Arrangement(rows={"Dog": 10**12, "Speech": -5}))
    assert timeline.row_height("Dog") == 1000
    assert timeline.row_height("Speech") == timeline.scene.rows.shortest
