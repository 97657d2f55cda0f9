"""`avvp-trainer recipes`: the list, and how soon it is there."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.trainer.commands.steps import Run


def test_recipes_are_listed_for_people_and_for_programs(run: Run) -> None:
    code, text, _ = run("recipes")
    assert code == 0
    assert "ecma/llp/full" in text
    assert "66.1" in text
    listed = {entry["name"]: entry for entry in json.loads(run("recipes", "--json")[1])}
    assert listed["ecma/signal"]["features"] == ["signal-audio", "signal-visual"]
    assert listed["ecma/signal"]["summary"]


def test_listing_recipes_does_not_wait_for_torch() -> None:
    code = "import sys; from trainer.__main__ import main; main(['recipes']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
