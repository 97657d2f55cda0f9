"""The default features (YAMNet, EfficientNet) against the built-in signal features and both together, on the
sample project: clips are made, encoded and trained on, and val chooses the checkpoint that test scores.

    python tests/benchmarks/bench_default_features.py                    some ten minutes
    python tests/benchmarks/bench_default_features.py [--only PATTERN] [--seeds N] [--samples N] [--folder DIR]

The weights must be there (`python -m trainer encoders install default`). Seeds are of the training; --samples
says how many samples of 60 clips, the studio's own first. What stands behind ± is half of a 95 % interval by
Student's t over all trainings. Drawn pictures and made sounds are no films: what is better here need not be
better there.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from avvp_studio.sample.make import MEDIA_FOLDER, make_clips
from tests.benchmarks.trials import run_trial, shown
from trainer.__main__ import main as trainer
from trainer.annotations import Dataset, read_dataset
from trainer.checkpoint import model_config_types
from trainer.device import prepare_torch
from trainer.labels import Modality
from trainer.own_sets import look_through, register
from trainer.recipe_files import load_recipe

FIRST_SAMPLE = 7
"""The seed of the studio's own sample."""
JOINED = "signal-and-yamnet"
"""The columns of two audio sets side by side: recipes read only one."""

_BOTH = ('features.visual=["efficientnet", "signal-visual"]',)
_PERSON = ('features.visual=["efficientnet", "person"]',)
TRIALS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ecma/signal": ("ecma/signal", ()),
    "ecma/default": ("ecma/default", ()),
    "ecma/default, person": ("ecma/default", _PERSON),
    "ecma/default, signal sound too": ("ecma/default", (f"features.audio={JOINED}",)),
    "ecma/default, signal looks too": ("ecma/default", _BOTH),
    "ecma, all of both": ("ecma/default", (f"features.audio={JOINED}", *_BOTH)),
    "han/signal": ("han/signal", ()),
    "han/default": ("han/default", ()),
    "coleaf/signal": ("coleaf/signal", ()),
    "coleaf/default": ("coleaf/default", ()),
}
SHOWN = ("segment/A", "segment/V", "segment/Type@AV", "event/Type@AV")


def sample(folder: Path, seed: int) -> tuple[Dataset, Path]:
    """The clips of a seed and their features; what is there is kept."""
    make_clips(folder, seed=seed)
    features = folder / "features"
    encoders = ["--encoder", "default", "--encoder", "signal"]
    if trainer(["extract", *encoders, "--media", str(folder / MEDIA_FOLDER), "--out", str(features)]):
        sys.exit("the features could not be made")
    joined = look_through(features, ("signal-audio/*.npy", "yamnet/*.npy"))
    register(features, JOINED, Modality.AUDIO, joined, 1)
    return read_dataset(folder), features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="*", help='which rows, for example "han/*"')
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where clips and features are kept for the next time")
    options = parser.parse_args()
    prepare_torch()
    with tempfile.TemporaryDirectory() as temporary:
        root = options.folder or Path(temporary)
        made = [sample(root / str(seed), seed) for seed in range(FIRST_SAMPLE, FIRST_SAMPLE + options.samples)]
        print(f"\n{'':32} " + " ".join(f"{name:>15}" for name in SHOWN))
        for row, (recipe, settings) in TRIALS.items():
            if not fnmatch.fnmatch(row, options.only):
                continue
            found = [
                run_trial(load_recipe(recipe, [f"seed={seed}", *settings], models=model_config_types()), *world)
                for world in made
                for seed in range(1, options.seeds + 1)
            ]
            scores = (shown([trial.scores[name] for trial in found]) for name in SHOWN)
            print(f"{row:32} " + " ".join(f"{text:>15}" for text in scores), flush=True)


if __name__ == "__main__":
    main()
