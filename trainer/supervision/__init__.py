"""The supervision that parsers invent and people correct: one rule for training and for the inspectors.

Every function takes numpy arrays or torch tensors and returns the same kind. Shapes end in the letters
T segments, C categories, D width; the axis written 2 is the modality (0 audio, 1 visual); `...` is any number
of leading axes, the same in all arguments, such as the clips of a batch or none at all.
`valid` (..., T) bool says which segments the clip has; None means all of them.
`labels` (..., C) are video-level states: -1 unknown, 0 absent, 1 present.
`reviewed` (..., 2, T, C) int8 holds the states of what a person checked: -1 unseen, 0 absent, 1 present.
"""

from trainer.supervision.cells import Array
from trainer.supervision.coleaf import cooccurrence_targets, event_weights, reference_targets
from trainer.supervision.corrections import (
    correct_mask,
    correct_modality_labels,
    correct_pairs,
    correct_presence,
    correct_pseudo_labels,
    correct_truth,
    correct_video_labels,
)
from trainer.supervision.dependencies import event_dependencies, symmetrised
from trainer.supervision.interaction import (
    OverlapVariant,
    event_overlap,
    pair_similarity,
    pair_weights,
)
from trainer.supervision.masks import adaptive_mask, agreement_pairs, cosine_similarity, fuse, topk_mask
from trainer.supervision.migration import Migration, MigrationScope, migrate_labels, migration_sources
from trainer.supervision.pseudo import (
    ReweightingScale,
    class_thresholds,
    hard_pseudo_labels,
    label_rates,
    reweighting,
    soft_pseudo_labels,
    text_logits,
)

__all__ = [
    "Array",
    "Migration",
    "MigrationScope",
    "OverlapVariant",
    "ReweightingScale",
    "adaptive_mask",
    "agreement_pairs",
    "class_thresholds",
    "cooccurrence_targets",
    "correct_mask",
    "correct_modality_labels",
    "correct_pairs",
    "correct_presence",
    "correct_pseudo_labels",
    "correct_truth",
    "correct_video_labels",
    "cosine_similarity",
    "event_dependencies",
    "event_overlap",
    "event_weights",
    "fuse",
    "hard_pseudo_labels",
    "label_rates",
    "migrate_labels",
    "migration_sources",
    "pair_similarity",
    "pair_weights",
    "reference_targets",
    "reweighting",
    "soft_pseudo_labels",
    "symmetrised",
    "text_logits",
    "topk_mask",
]
