"""Supervision files: what a parser trained on beside the labels in one epoch, `supervision/epoch-0007.npz`.

One array a kind, its first axis the clips, padded to the longest. Probabilities are whole 255ths in uint8;
masks and pairs are bits, packed clip by clip; thresholds are float32, similarities float16. numpy alone, so
that any program may read them.

Of labels that were migrated (EAR, Eq. 1-2) it is also said from where. `migrated_from` is 0 for nowhere, or 1 +
the row of the most similar segment in the clips of the file laid end to end, each as long as it is;
`migrated_count` is how many segments there were, `migrated_similarity` how similar that one is.

Of pairs of segments (LINK) the first axis is of the heard one, the second of the seen one: how similar the two
are, what that weighs, and the overlap of events that it was to be.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from trainer.parses import NPZ_DAMAGE
from trainer.whole_files import written_whole

SUPERVISION_FOLDER = "supervision"

AXES = {
    "student": "MTC",
    "teacher": "MTC",
    "thresholds": "C",
    "mask": "TC",
    "pairs": "TC",
    "similarity": "T",
    "reference": "MC",
    "reference_targets": "MC",
    "migrated": "MTC",
    "migrated_count": "MTC",
    "migrated_from": "MTC",
    "migrated_similarity": "MTC",
    "pair_similarity": "TS",
    "pair_weight": "TS",
    "overlap": "TS",
    "temporal_attention": "MT",
    "conditions": "MTC",
}
"""What a parser may train on, by name, and the axes of a clip's: M modalities, T segments, C categories.

S are segments too: the seen ones of pairs, of which T are the heard ones.
"""

SEGMENT_AXES = "TS"
"""The axes that are as long as the clip, and padded."""

TYPES: dict[str, type[np.generic]] = {
    "student": np.uint8,
    "teacher": np.uint8,
    "thresholds": np.float32,
    "mask": np.bool_,
    "pairs": np.bool_,
    "similarity": np.float16,
    "reference": np.uint8,
    "reference_targets": np.bool_,
    "migrated": np.uint8,
    "migrated_count": np.uint16,
    "migrated_from": np.int32,
    "migrated_similarity": np.float16,
    "pair_similarity": np.float16,
    "pair_weight": np.float16,
    "overlap": np.float16,
    "temporal_attention": np.float16,
    "conditions": np.bool_,
}
"""How each is kept. uint8 stands for whole 255ths of 1."""

_QUICK = 1
"""The level of compression: most of what can be won, in a fraction of the time."""


class SupervisionError(ValueError):
    """A supervision file that cannot be used, and why."""


@dataclass(frozen=True, eq=False)
class Supervision:
    """What an epoch trained on.

    `names` (N,) are the clips, of which the first `trained` are training clips, with what their own step used,
    and the rest validation clips, with what the parser made of them after the epoch. `lengths` (N,) are their
    segments. `arrays` are as `AXES` and `TYPES` say, each with the clips first; T is the greatest length, and
    what is behind a clip's own segments is 0.
    """

    epoch: int
    categories: tuple[str, ...]
    names: tuple[str, ...]
    lengths: NDArray[np.int64]
    trained: int
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def source(self, row: int) -> tuple[str, int] | None:
        """The clip and the segment that a value of `migrated_from` names; None for 0."""
        if row == 0:
            return None
        ends = self.lengths.cumsum()
        i = int(np.searchsorted(ends, row - 1, side="right"))
        return self.names[i], int(row - 1 - ends[i] + self.lengths[i])

    def clip(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of one clip, cut to its segments, probabilities as float32. KeyError when it is not in."""
        if name not in self.names:
            raise KeyError(name)
        i = self.names.index(name)
        found = {}
        for key, array in self.arrays.items():
            cut = [slice(self.lengths[i] if axis in SEGMENT_AXES else None) for axis in AXES[key]]
            values = array[i][tuple(cut)]
            found[key] = values / np.float32(255) if values.dtype == np.uint8 else values
        return found


def supervision_path(run_dir: Path, epoch: int) -> Path:
    """Where a run keeps the supervision of an epoch."""
    return run_dir / SUPERVISION_FOLDER / f"epoch-{epoch:04}.npz"


def shape_of(key: str, clips: int, segments: int, categories: int) -> tuple[int, ...]:
    """The shape of a kind's array."""
    sizes = {"M": 2, "T": segments, "S": segments, "C": categories}
    return (clips, *(sizes[axis] for axis in AXES[key]))


def write_supervision(path: Path, supervision: Supervision) -> None:
    """Write a supervision file whole, then rename it into place."""
    arrays: dict[str, NDArray[Any]] = {
        "epoch": np.array(supervision.epoch),
        "categories": np.array(supervision.categories, np.str_),
        "names": np.array(supervision.names, np.str_),
        "lengths": supervision.lengths,
        "trained": np.array(supervision.trained),
    }
    for key, array in supervision.arrays.items():
        is_packed = array.dtype == np.bool_
        arrays[key] = _packed(array) if is_packed else array
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not numpy's own savez_compressed, which cannot be told to be quick.
    with (
        written_whole(path) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=_QUICK) as archive,
    ):
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, np.asarray(array), allow_pickle=False)


def _packed(array: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.packbits(array.reshape(len(array), prod(array.shape[1:])), axis=1)


def read_supervision(path: Path) -> Supervision:
    """Read a supervision file. Raises SupervisionError when it is missing, damaged, or not of one piece."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            kept = {key: arrays[key] for key in arrays.files}
        supervision = Supervision(
            epoch=int(kept.pop("epoch")),
            categories=tuple(map(str, kept.pop("categories"))),
            names=tuple(map(str, kept.pop("names"))),
            lengths=kept.pop("lengths").astype(np.int64),
            trained=int(kept.pop("trained")),
        )
        _check_clips(supervision)
        return replace(supervision, arrays=_unpacked(supervision, kept))
    except FileNotFoundError:
        raise SupervisionError(f"{path}: there is no such supervision file") from None
    except NPZ_DAMAGE as error:
        reason = error if zipfile.is_zipfile(path) else "it is no .npz archive"
        raise SupervisionError(
            f"{path}: not a supervision file, or damaged ({reason}); train again to make it anew"
        ) from error


def _check_clips(supervision: Supervision) -> None:
    clips, lengths = len(supervision.names), supervision.lengths
    if lengths.shape != (clips,) or not 0 <= supervision.trained <= clips or (lengths < 1).any():
        raise ValueError("its clips and their lengths do not fit together")


def _unpacked(supervision: Supervision, kept: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays of the kinds that are known here, bits unpacked. ValueError where one has another shape."""
    clips, segments = len(supervision.names), int(supervision.lengths.max(initial=1))
    found = {}
    for key in (name for name in AXES if name in kept):
        array, shape = kept[key], shape_of(key, clips, segments, len(supervision.categories))
        is_packed = TYPES[key] is np.bool_
        stored = (clips, -(-prod(shape[1:]) // 8)) if is_packed else shape
        if array.shape != stored or array.dtype != (np.uint8 if is_packed else TYPES[key]):
            raise ValueError(f"{key} is {array.dtype} {array.shape}")
        if is_packed:
            bits = np.unpackbits(array, axis=1, count=prod(shape[1:]))
            array = bits.reshape(shape).astype(np.bool_)
        found[key] = array
    return found


def supervision_scores(
    arrays: Mapping[str, NDArray[Any]], truth: NDArray[np.bool_], *, audio_visual_only: bool = False
) -> dict[str, float]:
    """How well mask and pairs of `Supervision.arrays` meet dense `truth` (N, 2, T, C), False at padding.

    The mask is held against what is heard or seen, the pairs against what is heard and seen at once: precision
    and recall in %, left out where nothing is marked or nothing is true, and `cells` marked. Where the truth is
    audio-visual only, the pairs alone are. What was migrated to cells that were no labels, as they are not both
    heard and seen, is held against what is true of the modality there.
    """
    both: NDArray[np.bool_] = np.all(truth, axis=1)
    told = {"pairs": both} if audio_visual_only else {"mask": np.any(truth, axis=1), "pairs": both}
    scores: dict[str, float] = {}
    for key, true in told.items():
        if key in arrays:
            scores |= _scores(key, arrays[key], true)
    if "migrated" in arrays and not audio_visual_only:
        for m, modality in enumerate(("audio", "visual")):
            new = (arrays["migrated"][:, m] > 0) & ~both
            scores |= _scores(f"migrated_{modality}", new, truth[:, m] & ~both)
    return scores


def _scores(key: str, marked: NDArray[Any], true: NDArray[Any]) -> dict[str, float]:
    hits, cells, there = int((marked & true).sum()), int(marked.sum()), int(true.sum())
    scores = {f"{key}/cells": float(cells)}
    if cells:
        scores[f"{key}/precision"] = 100 * hits / cells
    if there:
        scores[f"{key}/recall"] = 100 * hits / there
    return scores
