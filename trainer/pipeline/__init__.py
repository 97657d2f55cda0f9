"""The whole way to a parser that pseudo-labels teach, as one job: train a generator, label, train the parser.

run.py has the stages; stage.py knows what of them is done and still holds, and how they tell of themselves.
"""

from __future__ import annotations

from trainer.pipeline.run import Order, Pretraining, run_pipeline

__all__ = ["Order", "Pretraining", "run_pipeline"]
