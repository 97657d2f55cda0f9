"""The whole `pipeline` command on the real annotations of UnAV-100 and LLP, with generated features.

    python tests/benchmarks/real_pipeline.py DATA [--work FOLDER] [--epochs N N] [--recipe RECIPE]

DATA holds unav100/unav100_annotations.json and LLP's files with llp_classes.txt in llp/. It is run twice: the
second time every stage is to be skipped. Scores are on real truth of val and test, but of generated features:
they say that the pipeline works at full size, and nothing about the papers' numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.planted_pairs import AUDIO, VISUAL, Clips, narrow, write_features
from tests.planted_real import real_source, real_target
from trainer.metrics import METRICS
from trainer.parses import read_parses
from trainer.scoring import score_parses, scored_names

ROOT = Path(__file__).parents[2]
SIZE = ("heads=4", "feedforward=128", "warm_up=1", "lr=2e-3", "lr_min=1e-4", "batch=64")
GENERATOR_SIZE = ("hidden=128", "layers=1", "dropout=0.1")
PARSER_SIZE = ("temporal_layers=1", "event_width=16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, help="where everything is kept; else it is deleted")
    parser.add_argument("--epochs", type=int, nargs=2, default=[4, 6], metavar="N", help="of both trainings")
    parser.add_argument("--width", type=int, default=64, help="of features and models")
    parser.add_argument("--recipe", default="ear/llp/clip")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(options, options.work or Path(folder))


def run(options: argparse.Namespace, work: Path) -> None:
    began = time.perf_counter()
    source, target = prepare(options.data, work, options.width)
    told = f"{len(source.cells)} clips of UnAV-100, {len(target.cells)} of LLP, {options.width} columns"
    print(f"{told}: features written in {time.perf_counter() - began:.0f} s", flush=True)
    command = pipeline_command(options, work, source, target)
    for number in ("first", "second"):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        print(f"the pipeline, {number} time: {time.perf_counter() - began:.0f} s", flush=True)
    print(f"stages: {', '.join(stages(work / 'run' / 'messages.jsonl'))}")
    for name in ("val", "test"):
        report(f"pseudo-labels, {name}", work / "run" / "labels" / "pseudo-labels.npz", target, name)
    report("parser, test", work / "parses.npz", target, "test")


def prepare(data: Path, work: Path, width: int) -> tuple[Clips, Clips]:
    """Annotations and features of source and target, in `work`/source and `work`/target."""
    source = real_source(data / "unav100" / "unav100_annotations.json", work / "source" / "dataset")
    llp = data / "llp"
    target = real_target(llp, llp / "llp_classes.txt", work / "target" / "dataset")
    for name, clips in (("source", source), ("target", target)):
        write_features(work / name, clips, (narrow(AUDIO, width), narrow(VISUAL, width)))
    return source, target


def pipeline_command(options: argparse.Namespace, work: Path, source: Clips, target: Clips) -> list[str]:
    size = (*SIZE, f"width={options.width}")
    first, second = options.epochs
    return [
        *(sys.executable, "-m", "trainer", "pipeline", options.recipe),
        *("--dataset", str(target.folder), "--features", str(work / "target" / "features")),
        *("--source", str(source.folder), "--source-features", str(work / "source" / "features")),
        *("--run-dir", str(work / "run"), "--parse", str(work / "parses.npz")),
        *("--seed", "1", "--device", "cpu", "--threads", str(options.threads)),
        *settings("--set-generator", (*size, *GENERATOR_SIZE, f"epochs={first}")),
        *settings("--set", (*size, *PARSER_SIZE, f"epochs={second}")),
    ]


def settings(option: str, said: Sequence[str]) -> list[str]:
    return [part for setting in said for part in (option, setting)]


def stages(messages: Path) -> Iterator[str]:
    """The stages of every run, and which were skipped."""
    for line in messages.read_text(encoding="utf-8").splitlines():
        message = json.loads(line)
        if message["type"] == "stage":
            yield f"{message['name']} {'skipped' if message['skipped'] else 'done'}"


def report(name: str, path: Path, target: Clips, split: str) -> None:
    file, names = read_parses(path), scored_names(target.dataset, split)
    parses = {clip: parse for clip in names if (parse := file.clip(clip)) is not None}
    scores = score_parses(parses, target.dataset, names, rule=file.rule)
    shown = " ".join(f"{scores[metric]:5.1f}" for metric in METRICS)
    print(f"{name:22} {shown}  ({len(parses)} clips; {file.rule})", flush=True)


if __name__ == "__main__":
    main()
