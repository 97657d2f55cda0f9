"""The promise: what was shown is stored, whatever happens to the process."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time

from avvp_studio.domain.project import Clip
from avvp_studio.store import Store

ROUNDS = 4

PROGRAM = """
import sys
from pathlib import Path
from avvp_studio.domain.edit import Edit
from avvp_studio.store import Store
from trainer.labels import Event, Modality

store = Store.open(Path(sys.argv[1]))
first = int(sys.argv[2])
for number in range(first, first + 100_000):
    event = Event(Modality.AUDIO, "Dog", float(number), number + 0.5, author="ann")
    store.apply("clip", Edit((), (event,), f"edit {number}"), "ann")
    print(number, flush=True)
"""


def test_every_edit_that_was_shown_survives_a_kill(tmp_path):
    path = tmp_path / "labels.sqlite"
    with Store.create(path, name="Zoo", categories=["Dog"]) as store:
        store.add_clips([Clip("clip", "train", None, 10.0, 10)])
    shown = []
    for round_number in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, path, str(round_number * 100_000)],
            stdout=subprocess.PIPE,
            text=True,
        )
        shown.append(int(process.stdout.readline()))  # it has begun
        time.sleep(random.uniform(0.0, 0.2))
        process.kill()
        # A last line without its end was not shown.
        shown += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.stdout.close()
        process.wait()

        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        with Store.open(path) as store:
            onsets = {int(event.onset) for event in store.events("clip")}
            edits = {int(row.edit.text.removeprefix("edit ")) for row in store.history_rows("clip")}
        assert set(shown) <= onsets
        assert onsets == edits  # an edit and its events are one transaction
    assert len(shown) >= ROUNDS
