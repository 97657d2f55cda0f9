from __future__ import annotations

from pathlib import Path

import pytest

from trainer import progress
from trainer.protocol import MESSAGES_FILE, Progress, Reporter, read_message


def test_what_came_before_the_first_report_does_not_make_the_rest_look_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    report = progress.progress_of(Reporter(tmp_path), "parse")
    for now, done in ((100.0, 10), (102.0, 30), (109.0, 100)):  # reading took the first 100 seconds
        clock[0] = now
        report(done, 100)
    lines = (tmp_path / MESSAGES_FILE).read_text().splitlines()
    told = [message for line in lines if isinstance(message := read_message(line), Progress)]
    assert [message.eta_s for message in told] == [None, 7.0, 0.0]
