"""What one training is: the settings of every part of it, typed, with the numbers that each may be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from trainer.metrics import METRICS
from trainer.prediction import Combine, Gate, PredictionRule


class ConfigError(ValueError):
    """A recipe or a setting that cannot be used: which key, in which file, and what would do."""


@dataclass(frozen=True)
class Within:
    """Part of a setting's type, `Annotated[float, Within(at_least=0)]`: which finite numbers it may be."""

    at_least: float = -math.inf
    above: float = -math.inf
    at_most: float = math.inf
    below: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.at_least <= value <= self.at_most and self.above < value < self.below

    def __str__(self) -> str:
        bounds = ((entry.name, getattr(self, entry.name)) for entry in fields(self))
        said = [f"{name.replace('_', ' ')} {bound:g}" for name, bound in bounds if math.isfinite(bound)]
        return " and ".join(said) or "finite"


LabelKind: TypeAlias = Literal["video", "dense", "pseudo"]

Weight: TypeAlias = Annotated[float, Within(at_least=0)]
Share: TypeAlias = Annotated[float, Within(at_least=0, at_most=1)]
Probability: TypeAlias = Annotated[float, Within(above=0, below=1)]
Decay: TypeAlias = Annotated[float, Within(at_least=0, below=1)]
Count: TypeAlias = Annotated[int, Within(at_least=1)]
Whole: TypeAlias = Annotated[int, Within(at_least=0)]


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """The feature sets that a parser hears and sees with; a clip's segments are its audio rows.

    `standardise`: every column to mean 0 and deviation 1 over the training clips. `resample`: for rows that are
    not one a second (UnAV's I3D and VGGish); those of a segment are averaged, and the clip's duration says how
    many segments there are. `joint`: none, or an audio set and a visual set in the space of their text
    features (CLAP, CLIP), by which a parser makes pseudo-labels itself; never standardised, and they may be
    among the others too.
    """

    audio: str
    visual: tuple[str, ...]
    joint: tuple[str, ...] = ()
    standardise: bool = False
    resample: bool = False

    @property
    def sets(self) -> tuple[str, ...]:
        """Every set that is read, once: of audio, visual, and then those that are joint alone."""
        return tuple(dict.fromkeys((self.audio, *self.visual, *self.joint)))


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """What the parser is taught by, beside what a person reviewed.

    video    the video-level labels (weak supervision),
    dense    dense audio-visual truth of the training clips (the generators of pseudo-labels),
    pseudo   video-level labels, and pseudo-labels of every segment, which come as a parse file.
    """

    kind: LabelKind = "video"
    soft: bool = True
    """Of pseudo-labels: their probabilities; or 0 and 1 as the rule of their parse file predicts."""
    filtered: bool = True
    """Whether pseudo-labels of a category that the video-level labels lack are 0 (UWAV, EAR)."""
    generator: str = ""
    """What makes pseudo-labels where they are not given (`pipeline`): the recipe of a generator, or "valor":
    VALOR's rule, for which nothing is trained."""
    temperature: Annotated[float, Within(above=0)] = 2.0
    """Of soft pseudo-labels, when a pipeline makes them: sigmoid((z - threshold) / temperature)."""


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    kind: Literal["adam", "adamw"] = "adam"
    lr: Annotated[float, Within(above=0)] = 3e-4
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    weight_decay: Weight = 0.0


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How the learning rate moves, epoch by epoch.

    "step": times `factor` every `every` epochs. "cosine": a linear warm-up, then half a cosine to `lr_min`.
    """

    kind: Literal["constant", "step", "cosine"] = "constant"
    every: Count = 10
    factor: Annotated[float, Within(above=0)] = 0.1
    warm_up: Whole = 0
    lr_min: Weight = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """`clip_norm` 0 leaves gradients as they are. `batch` counts the clips of a step, over all processes."""

    epochs: Count = 40
    batch: Count = 16
    seed: Annotated[int, Within(at_least=0, below=2**63)] = 1
    clip_norm: Weight = 0.0
    bucket: Whole = 0
    """So many batches of clips are sorted by length before they are cut, for less padding; 0 sorts none."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: mixed precision in the steps of a training on CUDA; nothing else changes."""
    select_by: str = "segment/Type@AV"
    """The validation number that chooses the best checkpoint (HAN, VALOR); the first of equals is kept."""
    keep_supervision: Whole = 1
    """Every how many epochs what the parser trained on is kept; 0 keeps the last epoch's alone."""
    divergence: Weight = 10.0
    """An epoch whose mean loss exceeds this many times the first epoch's stops the run; 0 never does."""


@dataclass(frozen=True, kw_only=True)
class PredictionConfig:
    """When a segment counts as predicted (trainer.parses, PredictionRule).

    `segment_thresholds`, `video_thresholds`: of audio and of visual; where they are not given, `threshold`.
    """

    threshold: Probability = 0.5
    gate: Gate = "joint"
    segment_thresholds: tuple[Probability, ...] = ()
    video_thresholds: tuple[Probability, ...] = ()
    strict: bool = False
    combine: Combine = "each"

    def __post_init__(self) -> None:
        for key in ("segment_thresholds", "video_thresholds"):
            values = getattr(self, key)
            _require(len(values) in (0, 2), f"prediction.{key}", list(values), "is one of audio, one of visual")

    def rule(self) -> PredictionRule:
        audio, visual = self.segment_thresholds or (self.threshold, self.threshold)
        audio_video, visual_video = self.video_thresholds or (self.threshold, self.threshold)
        videos = (audio_video, visual_video)
        return PredictionRule(self.gate, (audio, visual), videos, self.strict, self.combine)


@dataclass(frozen=True, kw_only=True)
class Config:
    """One training, complete: written to the run folder, carried by every checkpoint."""

    recipe: str
    summary: str = ""
    published: tuple[float, ...] = ()
    """The paper's ten numbers, in the order of trainer.metrics; nan where it prints none."""
    source: str = ""
    """Where they stand: paper, table and row."""
    parser: str
    features: FeatureConfig
    labels: LabelConfig = field(default_factory=LabelConfig)
    model: Any
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    prediction: PredictionConfig = field(default_factory=PredictionConfig)

    def __post_init__(self) -> None:
        count = len(self.published)
        _require(count in (0, len(METRICS)), "published", count, f"is {len(METRICS)} numbers, or none")
        # One nan only, or a config would not be equal to itself once written and read.
        numbers = tuple(math.nan if math.isnan(number) else number for number in self.published)
        object.__setattr__(self, "published", numbers)
        _require(bool(self.features.visual), "features.visual", self.features.visual, "names at least one set")
        sets = (self.features.audio, *self.features.visual)
        _require(all(sets), "features", sets, "says the name of each set")
        _require(len({*sets}) == len(sets), "features", sets, "names each set once")
        joint = self.features.joint
        is_pair = not joint or (len({*joint}) == len(joint) == 2 and all(joint))
        _require(is_pair, "features.joint", list(joint), "is an audio set and a visual set, or none")
        divergence, schedule = self.training.divergence, self.schedule
        is_limit = divergence == 0 or divergence >= 1
        _require(is_limit, "training.divergence", divergence, "is at least 1, or 0 for no limit")
        is_below = schedule.lr_min <= self.optimiser.lr
        _require(is_below, "schedule.lr_min", schedule.lr_min, f"is at most optimiser.lr ({self.optimiser.lr})")
        select_by, metrics = self.training.select_by, ", ".join(METRICS)
        _require(select_by in METRICS, "training.select_by", select_by, f"is one of {metrics}")


def require_choices(settings: object) -> None:
    """Raise ValueError where a setting is none of the values that its Literal type lists.

    A recipe's settings were checked when it was read; this is for those that a program makes.
    """
    for name, hint in get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        if get_origin(hint) is Literal and value not in get_args(hint):
            raise ValueError(f'{name} is one of {", ".join(get_args(hint))}, not "{value}"')


def require_multiple(width: int, heads: int, name: str = "width", divisor: str = "heads") -> None:
    """Raise ValueError where attention cannot share a width out among its heads."""
    if width % heads:
        raise ValueError(f"{name} ({width}) must be a multiple of {divisor} ({heads})")


def _require(is_so: bool, key: str, value: Any, text: str) -> None:
    if not is_so:
        raise ConfigError(f"{key} = {value!r}: it {text}")
