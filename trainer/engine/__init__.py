"""Training a parser: what is read first, the steps of an epoch, and what is kept of it."""

from trainer.engine.loss_log import TrainingError
from trainer.engine.run import TrainingResult, train

__all__ = ["TrainingError", "TrainingResult", "train"]
