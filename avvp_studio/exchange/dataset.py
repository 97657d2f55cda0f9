"""The dataset folder: what the trainer reads, and what holds every label exactly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainer.annotations import Dataset, read_dataset, write_dataset


def write(folder: Path, dataset: Dataset) -> None:
    """Write a dataset folder. Raises AnnotationError for a dataset that could not be read again."""
    write_dataset(folder, dataset)


def read(folder: Path, categories: Sequence[str] | None = None) -> Dataset:
    """Read a dataset folder. Raises AnnotationError."""
    return read_dataset(folder, categories)
