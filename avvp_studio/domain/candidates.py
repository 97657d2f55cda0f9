"""Which categories are worth a look in a clip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from avvp_studio.domain.project import Clip
from avvp_studio.domain.tracks import Track
from trainer.labels import Event


def candidates(
    categories: Sequence[str], clip: Clip, events: Iterable[Event], tracks: Iterable[Track]
) -> tuple[str, ...]:
    """The video-level labels, then what else is labelled, then what else a track predicts.

    Each group is in the order of `categories`, which are also the columns of the tracks.
    """
    is_predicted = np.zeros(len(categories), dtype=bool)
    for track in tracks:
        is_predicted |= track.predicted.any(axis=(0, 1))
    groups = (
        clip.video_labels,
        {event.category for event in events},
        {name for name, is_in in zip(categories, is_predicted, strict=True) if is_in},
    )
    return tuple(dict.fromkeys(name for group in groups for name in categories if name in group))
