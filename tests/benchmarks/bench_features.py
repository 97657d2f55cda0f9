"""What packing spares: `python tests/benchmarks/bench_features.py`.

Clips with LLP's three classic sets: loaded file by file as the published loaders do in every epoch, packed on
first use, and mapped at a later start; each in a process of its own, whose peak memory is told. Then a later
start with as many clips as LLP has.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trainer.features import FeatureStore

SETS = {"vggish": (10, 128), "res152": (80, 2048), "r2plus1d_18": (10, 512)}
SLIM = {name: (rows, 2) for name, (rows, _) in SETS.items()}
CLIPS, LLP_CLIPS = 500, 11849


def make(folder: Path, clips: int, sets: dict[str, tuple[int, int]]) -> None:
    rng = np.random.default_rng(0)
    for features, shape in sets.items():
        (folder / features).mkdir(parents=True)
        values = rng.random(shape, np.float32)
        for i in range(clips):
            np.save(folder / features / f"{i:011}.npy", values)


def names(folder: Path) -> list[str]:
    return [f"{path.stem}_0_10" for path in (folder / "vggish").iterdir()]


def load_files(folder: Path) -> None:
    for name in names(folder):
        for features in SETS:
            np.load(folder / features / f"{name[:11]}.npy")


def read_store(folder: Path) -> None:
    FeatureStore(folder, audio="vggish", visual=["res152", "r2plus1d_18"]).read(names(folder))


STAGES = {"files": load_files, "store": read_store, "nothing": names}


def run(stage: str, folder: Path) -> tuple[float, float]:
    """Seconds and peak MB of one stage in a new process."""
    command = [sys.executable, __file__, stage, str(folder)]
    seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(peak)


def child(stage: str, folder: Path) -> None:
    start = time.perf_counter()
    STAGES[stage](folder)
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "features")
        make(folder, CLIPS, SETS)
        _, bare = run("nothing", folder)
        files, files_peak = run("files", folder)
        first, first_peak = run("store", folder)
        later, later_peak = run("store", folder)
        size = sum(path.stat().st_size for path in (folder / "packs").iterdir()) / 2**20
    print(f"{CLIPS} clips, 3 sets; a process that does nothing peaks at {bare:.0f} MB")
    print(f"np.load of every file, nothing kept   {files:7.3f} s  peak {files_peak:4.0f} MB")
    print(
        f"first use: checked and packed         {first:7.3f} s  peak {first_peak:4.0f} MB, pack {size:.0f} MB"
    )
    print(f"later start: compared and mapped      {later:7.3f} s  peak {later_peak:4.0f} MB")
    print(f"times one np.load pass: first use {first / files:.2f}, later start {later / files:.3f}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "features")
        make(folder, LLP_CLIPS, SLIM)
        run("store", folder)
        later, _ = run("store", folder)
    print(f"later start with {LLP_CLIPS} clips x 3 sets {later:7.3f} s")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
