"""The supervision of an epoch: gathered on the device while it trains, and written in the background."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainer.batch import Batch
from trainer.dataset import ClipTensors
from trainer.group import Group
from trainer.models.layers import Parser
from trainer.supervision_files import AXES, SEGMENT_AXES, TYPES, Supervision, shape_of, write_supervision

_TORCH_TYPES = {
    np.uint8: torch.uint8,
    np.uint16: torch.int16,  # torch can do little with its own uint16
    np.int32: torch.int32,
    np.bool_: torch.bool,
    np.float16: torch.float16,
    np.float32: torch.float32,
}

_SENT_AS = {torch.bool: torch.uint8, torch.int16: torch.int32}
"""What processes cannot add up, and what they add up instead."""

_PLACES = "migrated_from"
"""The kind that names segments: in a step by their place in the batch, in a file by their row in its clips."""


class SupervisionLog:
    """What was trained on in each of some clips, on their device, as a file keeps it; 0 where nothing was."""

    def __init__(self, clips: ClipTensors) -> None:
        self.clips = clips
        self.arrays: dict[str, Tensor] = {}

    def add(self, batch: Batch, supervision: Mapping[str, Tensor]) -> None:
        """The supervision (B, ...) of some of the clips, by the names of `AXES`.

        Of `migrated_from` the values are the places b * T + t of segments in this batch, or -1 for none.
        """
        for key, values in supervision.items():
            kept = self._array(key)
            if key == _PLACES:
                values = self._rows(batch, values)
            elif TYPES[key] is np.uint8:
                values = (values.float() * 255).round()
            elif TYPES[key] is np.uint16:
                values = values.clamp(max=torch.iinfo(torch.int16).max)
            clips, segments = batch.valid.shape
            for axis, name in enumerate(AXES[key], start=1):
                if name in SEGMENT_AXES:
                    kept = kept.narrow(axis, 0, segments)
                    shape = (segments if other == name else 1 for other in AXES[key])
                    values = values.masked_fill(~batch.valid.view(clips, *shape), 0)
            kept[batch.index] = values.detach().to(kept.dtype)

    def _rows(self, batch: Batch, places: Tensor) -> Tensor:
        """Places in a batch -> 1 + the rows in all clips laid end to end, and 0 for -1."""
        segments = batch.valid.shape[1]
        known = places >= 0
        places = places.clamp(min=0)
        return (self._starts[batch.index][places // segments] + places % segments + 1) * known

    @cached_property
    def _starts(self) -> Tensor:
        """(N,) int32: the rows of the clips before each."""
        lengths = self.clips.lengths
        return (lengths.cumsum(0) - lengths).to(self.clips.device, torch.int32)

    def _array(self, key: str) -> Tensor:
        if key not in self.arrays:
            clips, kind = self.clips, _TORCH_TYPES[TYPES[key]]
            shape = shape_of(key, len(clips), clips.longest, clips.labels.shape[1])
            self.arrays[key] = torch.zeros(shape, dtype=kind, device=clips.device)
        return self.arrays[key]

    def combine(self, group: Group) -> None:
        """Join what every process added: of each clip one did, and 0 is what the others have."""
        if group.is_alone:
            return
        for key, array in self.arrays.items():
            sent = array.to(_SENT_AS.get(array.dtype, array.dtype))
            self.arrays[key] = group.total(sent).to(array.dtype)

    def restore(self, arrays: Mapping[str, Tensor], group: Group) -> None:
        """Go on from what was combined: the first process has it, the others what is theirs from now on."""
        for key, array in arrays.items():
            self._array(key).copy_(array if group.is_first else torch.zeros_like(array))


@torch.no_grad()
def supervision_of(parser: Parser, clips: ClipTensors) -> SupervisionLog:
    """What the parser as it stands would train on in clips that it does not train on."""
    log = SupervisionLog(clips)
    for batch in clips.batches():
        made = parser.supervision(batch)
        if not made:
            break
        log.add(batch, made)
    return log


def joined_supervision(
    epoch: int, categories: tuple[str, ...], *logs: SupervisionLog, trained: int
) -> Supervision:
    """The content of a file: the clips of each log, padded to one length, of which so many were `trained` on.

    It has the kinds that the first log has.
    """
    clips, segments = sum(len(log.clips) for log in logs), max(log.clips.longest for log in logs)
    arrays = {
        key: np.zeros(shape_of(key, clips, segments, len(categories)), TYPES[key]) for key in logs[0].arrays
    }
    first = rows = 0
    for log in logs:
        for key in arrays.keys() & log.arrays.keys():
            found = log.arrays[key].cpu().numpy()
            kept = arrays[key][(slice(first, first + len(found)), *map(slice, found.shape[1:]))]
            kept[:] = found
            if key == _PLACES:
                kept[kept > 0] += rows
        first += len(log.clips)
        rows += int(log.clips.lengths.sum())
    return Supervision(
        epoch=epoch,
        categories=categories,
        names=tuple(name for log in logs for name in log.clips.names),
        lengths=np.concatenate([log.clips.lengths.numpy() for log in logs]),
        trained=trained,
        arrays=arrays,
    )


class SupervisionWriter:
    """Writes one file at a time while the next epoch trains; what goes wrong is raised at the next call."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="supervision")
        self._writing: Future[None] | None = None

    def write(self, path: Path, supervision: Supervision) -> None:
        self.wait()
        self._writing = self._thread.submit(write_supervision, path, supervision)

    def wait(self) -> None:
        """Until what was written last is on the disk."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()
