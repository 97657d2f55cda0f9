"""`avvp-trainer recipes`: the list, and how soon it is there."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.trainer.commands.steps import Run
from tests.trainer.conftest import World
from trainer.label_folders import write_label_folder


def test_recipes_are_listed_for_people_and_for_programs(run: Run) -> None:
    code, text, _ = run("recipes")
    assert code == 0
    assert "ecma/llp/full" in text
    assert "66.1" in text
    listed = {entry["name"]: entry for entry in json.loads(run("recipes", "--json")[1])}
    assert listed["ecma/signal"]["features"] == ["signal-audio", "signal-visual"]
    assert listed["ecma/signal"]["summary"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["recipes"],
        ["pseudo-label", "from-folder", "{labels}", "--dataset", "{dataset}", "--out", "{out}"],
        ["texts", "--from", "{rows}", "--set", "clip", "--dataset", "{dataset}", "--out", "{texts}"],
    ],
    ids=["recipes", "from-folder", "texts"],
)
def test_what_computes_nothing_does_not_wait_for_torch(world: World, arguments: list[str]) -> None:
    cells = {name: np.zeros((2, 8, 3), bool) for name in ("train-00", "train-01")}
    write_label_folder(world.root / "labels", "valor", cells)
    np.save(world.root / "rows.npy", np.eye(3))
    places = {name: world.root / name for name in ("labels", "dataset", "texts")}
    places |= {"out": world.root / "p.npz", "rows": world.root / "rows.npy"}
    told = [argument.format(**places) for argument in arguments]
    code = f"import sys; from trainer.__main__ import main; sys.exit(main({told}) or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
