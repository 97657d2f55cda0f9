"""Make the sample clips as a job: `python -m avvp_studio.sample --out FOLDER --run-dir FOLDER`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from avvp_studio.sample.make import make_clips
from trainer.protocol import Failed, Finished, Progress, Reporter, Started, Stopped


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m avvp_studio.sample", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder for media and annotations")
    parser.add_argument("--run-dir", type=Path, help="write messages.jsonl here, and look for a stop here")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args(argv)
    reporter = Reporter(arguments.run_dir)
    reporter.send(Started(kind="render", pid=os.getpid()))
    began = time.monotonic()

    def report(done: int, total: int) -> None:
        eta = (time.monotonic() - began) / done * (total - done) if done else None
        reporter.send(Progress(stage="render", done=done, total=total, eta_s=eta))

    try:
        make_clips(
            arguments.out,
            seed=arguments.seed,
            count=arguments.count,
            progress=report,
            should_stop=lambda: reporter.is_stop_requested,
        )
    except OSError as error:
        reason = error.strerror or error
        reporter.send(Failed(error=f"{arguments.out}: the sample clips could not be written: {reason}"))
        print(f"{arguments.out}: {error}", file=sys.stderr)
        return 2
    if reporter.is_stop_requested:
        reporter.send(Stopped())
        return 3
    reporter.send(Finished(outputs={"dataset": str(arguments.out)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
