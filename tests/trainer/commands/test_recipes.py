"""`avvp-trainer recipes`: the list, and how soon it is there."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

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


LIGHT = (
    ("recipes",),
    ("pseudo-label", "from-folder", "{labels}", "--dataset", "{dataset}", "--out", "{out}"),
    ("texts", "--from", "{rows}", "--set", "clip", "--dataset", "{dataset}", "--out", "{texts}"),
)
PROGRAM = """
import json, sys
from trainer.__main__ import main
for arguments in json.loads(sys.argv[1]):
    code = main(arguments)
    print("done", arguments[0], code, "torch" in sys.modules)
"""


def test_what_computes_nothing_does_not_wait_for_torch(world: World) -> None:
    cells = {name: np.zeros((2, 8, 3), bool) for name in ("train-00", "train-01")}
    write_label_folder(world.root / "labels", "valor", cells)
    np.save(world.root / "rows.npy", np.eye(3))
    places = {name: world.root / name for name in ("labels", "dataset", "texts")}
    places |= {"out": world.root / "p.npz", "rows": world.root / "rows.npy"}
    told = json.dumps([[argument.format(**places) for argument in arguments] for arguments in LIGHT])
    ended = subprocess.run([sys.executable, "-c", PROGRAM, told], capture_output=True, text=True, check=True)
    done = [line for line in ended.stdout.splitlines() if line.startswith("done")]
    assert done == [f"done {arguments[0]} 0 False" for arguments in LIGHT]
