"""Pseudo-labels of a target dataset: by a generator (generator.py), or out of published folders."""

from __future__ import annotations

from trainer.pseudo_labels.labels import (
    Making,
    PseudoLabelError,
    Thresholds,
    known_thresholds,
    labels_of_folder,
    labels_to_folder,
    searched_thresholds,
    thresholds_of,
)

__all__ = [
    "Making",
    "PseudoLabelError",
    "Thresholds",
    "known_thresholds",
    "labels_of_folder",
    "labels_to_folder",
    "searched_thresholds",
    "thresholds_of",
]
