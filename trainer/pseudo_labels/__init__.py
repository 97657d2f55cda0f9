"""Pseudo-labels of a target dataset: by a generator, by VALOR's rule, or out of published folders.

generator.py and valor.py make logits of what target.py reads; labels.py makes labels of those by the thresholds
of thresholds.py.
"""

from __future__ import annotations

from trainer.pseudo_labels.labels import Making, labels_of_folder, labels_to_folder
from trainer.pseudo_labels.thresholds import (
    PseudoLabelError,
    Thresholds,
    given_thresholds,
    known_thresholds,
    published_thresholds,
    searched_thresholds,
    thresholds_of,
)

__all__ = [
    "Making",
    "PseudoLabelError",
    "Thresholds",
    "given_thresholds",
    "known_thresholds",
    "labels_of_folder",
    "labels_to_folder",
    "published_thresholds",
    "searched_thresholds",
    "thresholds_of",
]
