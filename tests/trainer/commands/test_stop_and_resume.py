"""A training that is stopped, finished early, terminated, or started once more."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

from tests.trainer.commands.steps import SMALL, Run, is_one_line, messages, train_arguments
from tests.trainer.conftest import World
from trainer.parses import read_parses
from trainer.protocol import FINISH_FILE, STOP_FILE, Finished, Stopped


def test_the_stop_file_ends_a_run_and_resume_takes_it_up(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL, run_dir="whole"))
    run_dir = world.root / "run"
    run_dir.mkdir()
    (run_dir / STOP_FILE).touch()
    code, _, err = run(*train_arguments(world, *SMALL))
    assert (code, err) == (3, "")
    assert isinstance(messages(run_dir)[-1], Stopped)
    places = ["--dataset", world.folder, "--features", world.features, "--run-dir", run_dir]
    assert run("train", "--resume", *places)[0] == 0
    assert (run_dir / "last.safetensors").exists()
    metrics = [json.loads((world.root / name / "metrics.json").read_text()) for name in ("whole", "run")]
    assert metrics[0] == metrics[1]


def test_the_finish_file_ends_a_run_well_and_resume_takes_it_back(world: World, run: Run) -> None:
    run_dir, out = world.root / "run", world.root / "all.npz"
    run_dir.mkdir()
    (run_dir / FINISH_FILE).touch()
    code, text, err = run(*train_arguments(world, *SMALL, "--parse", out))
    assert (code, err) == (0, "")
    assert "note: finished early, after epoch 1 of 3" in text
    finished = messages(run_dir)[-1]
    assert isinstance(finished, Finished)
    assert read_parses(out).meta["epoch"] == 1
    assert run(*train_arguments(world, "--resume")[:1], *train_arguments(world, "--resume")[2:])[0] == 0
    assert not (run_dir / FINISH_FILE).exists()
    assert len(json.loads((run_dir / "metrics.json").read_text())["history"]) == 3


def test_a_finished_run_is_not_trained_over_and_does_not_even_hear_of_it(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL))
    before = {path: path.read_bytes() for path in (world.root / "run").iterdir()}
    code, _, err = run(*train_arguments(world, *SMALL))
    assert code == 2
    assert is_one_line(err)
    assert "--resume" in err
    assert {path: path.read_bytes() for path in (world.root / "run").iterdir()} == before


def test_a_training_that_bad_input_ended_can_be_started_again_as_it_was(world: World, run: Run) -> None:
    file = world.feature_file("signal-visual", "val-04")
    content = file.read_bytes()
    file.write_bytes(content[:-7])
    assert run(*train_arguments(world, *SMALL))[0] == 2
    file.write_bytes(content)
    assert run(*train_arguments(world, *SMALL))[0] == 0
    assert run(*train_arguments(world, *SMALL))[0] == 2


def test_a_process_that_is_terminated_keeps_its_last_epoch(world: World) -> None:
    run_dir = world.root / "run"
    settings = [*SMALL, "--set", "epochs=100000"]
    command = [sys.executable, "-m", "trainer", *map(str, train_arguments(world, *settings))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (run_dir / "last.safetensors").exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (3, "")
    assert isinstance(messages(run_dir)[-1], Stopped)
