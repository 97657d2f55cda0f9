"""The commands of the trainer: a file each, with its arguments beside what it does.

Torch is imported only by those that compute with it, and only once they do.
"""

from __future__ import annotations

from trainer.commands import (
    encoders,
    evaluate,
    extract,
    parse,
    pipeline,
    pseudo_label,
    recipes,
    texts,
    train,
    zero_shot,
)

COMMANDS = (recipes, train, parse, evaluate, encoders, extract, zero_shot, texts, pseudo_label, pipeline)
"""As they are listed; each adds its own arguments by `add_to`."""
