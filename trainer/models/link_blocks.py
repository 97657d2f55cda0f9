"""The blocks of LINK (arXiv 2412.20872): temporal-spatial attention, cross-modal interaction, and the semantic
interaction of segments with their pseudo-labels (TSA, CMIM and PLSIM; Eq. 1-6 and 13-17).

Each block serves both modalities. What is inferred and not stated is said at its place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear, pad

from trainer import supervision as rules
from trainer.batch import Material
from trainer.config import ConfigError


class TemporalSpatialAttention(nn.Module):
    """TSA: what of a clip counts, first by segment and then by column, as CBAM has it of images.

    Eq. 1:  W = sigmoid(MLP(avg_d f) + MLP(max_d f))    (T,), over the columns of a segment
    Eq. 2:  S = sigmoid(conv([avg_t g; max_t g]))       (D,), over the segments
    Eq. 3:  g = W f,  f^ = S g                          and + f with `residual`, which the paper does not list

    As printed Eq. 2 has no convolution, and no shape that Eq. 3 could use; CBAM, the paper's model, has one
    from two rows to one. MLP and convolution have no superscript: one of each serves both modalities.

    The MLP has a weight for every place in time, so there are `segments` of them. A shorter clip is one whose
    last segments are missing: the MLP reads zeros there.
    """

    def __init__(
        self,
        segments: int,
        *,
        temporal: bool = True,
        spatial: bool = True,
        reduction: int = 2,
        kernel: int = 7,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.segments, self.residual = segments, residual
        hidden = max(1, segments // reduction)
        self.temporal = (
            nn.Sequential(nn.Linear(segments, hidden), nn.ReLU(), nn.Linear(hidden, segments))
            if temporal
            else None
        )
        self.spatial = nn.Conv1d(2, 1, kernel, padding=kernel // 2) if spatial else None

    def forward(self, features: Tensor, valid: Tensor) -> tuple[Tensor, Tensor | None]:
        """`features` (B, 2, T, D), `valid` (B, T) -> (B, 2, T, D), and W (B, 2, T) if there is any.

        Raises ConfigError where there are more segments than weights.
        """
        inside, attended, weights = valid[:, None, :, None], features, None
        if self.temporal is not None:
            weights = self._of_segments(features, inside)
            attended = attended * weights[..., None]
        if self.spatial is not None:
            attended = attended * self._of_columns(attended, inside)
        return attended + features if self.residual else attended, weights

    def _of_segments(self, features: Tensor, inside: Tensor) -> Tensor:
        assert self.temporal is not None
        segments = features.shape[2]
        if segments > self.segments:
            raise ConfigError(
                f"LINK's temporal attention has weights for {self.segments} segments, and these clips have "
                f'{segments}: for clips of other lengths set model.tsa = "spatial" or "none" '
                f"(or model.segments = {segments}, if that is the longest clip)"
            )
        pooled = torch.stack([features.mean(dim=-1), features.amax(dim=-1)]) * inside[..., 0]  # (2, B, 2, T)
        weights: Tensor = self.temporal(pad(pooled, (0, self.segments - segments))).sum(dim=0).sigmoid()
        return weights[..., :segments]

    def _of_columns(self, features: Tensor, inside: Tensor) -> Tensor:
        """S (B, 2, 1, D)."""
        assert self.spatial is not None
        mean = (features * inside).sum(dim=2) / inside.sum(dim=2)
        greatest = features.masked_fill(~inside, -torch.inf).amax(dim=2)
        pooled = torch.stack([mean, greatest], dim=2).flatten(0, 1)  # (2B, 2, D)
        weights: Tensor = self.spatial(pooled).sigmoid()
        return weights.view(-1, 2, *weights.shape[1:])


class CrossModalInteraction(nn.Module):
    """CMIM: each modality reads the other's segments, by as much as four learnt scalars say.

    Eq. 4-5:  f^c = f^ + alpha softmax(f^ f'^T) (beta f')       f' is the other modality
    Eq. 6:    f^out = f^ + f^c                                  so twice f^, and what it reads

    alpha_2 and beta_2 are those of audio, alpha_1 and beta_1 of visual. The products are as printed, without a
    scale (STG-CMA, where they are from, has none); `scaled` divides them by the root of D. Only the products of
    alpha and beta can be told apart from outside. Where they start is not stated: from alpha = beta = 0 nothing
    would ever move; from alpha = 0, as in STG-CMA, beta waits for it.
    """

    def __init__(self, *, alpha: float = 1.0, beta: float = 1.0, scaled: bool = False) -> None:
        super().__init__()
        self.scaled = scaled
        self.alpha1, self.alpha2 = (nn.Parameter(torch.tensor(float(alpha))) for _ in range(2))
        self.beta1, self.beta2 = (nn.Parameter(torch.tensor(float(beta))) for _ in range(2))

    def forward(self, features: Tensor, absent: Tensor) -> Tensor:
        """`features` (B, 2, T, D), `absent` (B, 1, T) as in `Batch` -> (B, 2, T, D)."""
        alpha, beta = (
            torch.stack(scalars).view(2, 1, 1)
            for scalars in ((self.alpha2, self.alpha1), (self.beta2, self.beta1))
        )
        others = features.flip(1)
        with torch.autocast(features.device.type, enabled=False):  # which would round products without a scale
            scores = features.float() @ others.float().mT  # (B, 2, T, T)
        if self.scaled:
            scores = scores * features.shape[-1] ** -0.5
        weights = (scores + absent[:, None]).softmax(dim=-1)
        return 2 * features + alpha * (weights.to(others.dtype) @ (beta * others))

    def scalars(self) -> dict[str, float]:
        names = ("alpha1", "alpha2", "beta1", "beta2")
        return {name: getattr(self, name).item() for name in names}


class SemanticMap(nn.Module):
    """Delta of Eq. 14-15: from the mean text of a segment's categories to the model's width, by two layers.

    Their shape is Text-IF's. The last one starts at zero, so that what it modulates starts as it is (neither
    is stated by LINK).
    """

    def __init__(self, text_width: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(text_width, 2 * text_width)
        self.last = nn.Linear(2 * text_width, width)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, shares: Tensor, texts: Tensor) -> Tensor:
        """`shares` (B, T, C) of the texts (C, E) in each segment -> (B, T, D).

        The first layer reads the texts, not their means: that is the same, and there are fewer of them.
        """
        hidden = shares @ linear(texts, self.first.weight) + self.first.bias
        mapped: Tensor = self.last(leaky_relu(hidden))
        return mapped


class SemanticModulation(nn.Module):
    """PLSIM of one modality: F = f gain + shift + f, both from the texts of the segment's pseudo-labels.

    Eq. 13: the mean of their text features, zeros where there are none (what is done with several is not
    stated); Eq. 14-15: gain and shift; Eq. 16-17: F.
    """

    def __init__(self, text_width: int, width: int) -> None:
        super().__init__()
        self.gain = SemanticMap(text_width, width)
        self.shift = SemanticMap(text_width, width)

    def forward(self, features: Tensor, conditions: Tensor, texts: Tensor) -> Tensor:
        """`features` (B, T, D), `conditions` (B, T, C) bool, `texts` (C, E) -> (B, T, D)."""
        shares = conditions / conditions.sum(dim=-1, keepdim=True).clamp(min=1)
        modulated: Tensor = features * self.gain(shares, texts) + self.shift(shares, texts) + features
        return modulated


class SemanticInteraction(nn.Module):
    """PLSIM: each modality is modulated by the texts of VALOR's labels, which are made of the video alone.

    What those are made by is saved with the weights.
    """

    audio_texts: Tensor
    """(C, Da) and (C, Dv): the text features of the categories, rows of length 1."""
    visual_texts: Tensor
    thresholds: Tensor
    """(2, C) float64, as the labels that teach were made: theta of VALOR's labels."""
    scales: Tensor
    """(2,) float64: of VALOR's logits."""

    def __init__(self, text_widths: tuple[int, int], width: int, categories: int) -> None:
        super().__init__()
        self.register_buffer("audio_texts", torch.zeros(categories, text_widths[0]))
        self.register_buffer("visual_texts", torch.zeros(categories, text_widths[1]))
        self.register_buffer("thresholds", torch.zeros(2, categories, dtype=torch.float64))
        self.register_buffer("scales", torch.ones(2, dtype=torch.float64))
        self.sides = nn.ModuleList(SemanticModulation(text_width, width) for text_width in text_widths)

    @property
    def texts(self) -> tuple[Tensor, Tensor]:
        return self.audio_texts, self.visual_texts

    def prepare(self, material: Material) -> None:
        """Take what VALOR's labels are made by. Raises ConfigError where it is not told."""
        if material.texts is None or material.thresholds is None or material.scales is None:
            raise ConfigError(
                "LINK's PLSIM makes VALOR's labels itself, by their thresholds and text features: teach it by "
                "the labels of `avvp-trainer pseudo-label valor`, which tell both, or set model.plsim = false"
            )
        self.audio_texts.copy_(material.texts[0])
        self.visual_texts.copy_(material.texts[1])
        self.thresholds.copy_(material.thresholds)
        self.scales.copy_(torch.tensor(material.scales, dtype=torch.float64))

    @torch.no_grad()
    def labels(self, joint: tuple[Tensor, Tensor], valid: Tensor) -> Tensor:
        """The labels (B, 2, T, C) bool of features in the space of texts, (B, T, Da) and (B, T, Dv).

        They are those of `pseudo-label valor --unfiltered`, to the bit: logits are made in float64, which no
        autocast rounds, and kept as float32. A searched threshold lies between two of them.
        """
        cosines = [
            rules.text_logits(features.double(), texts.double(), scale=1.0)
            for features, texts in zip(joint, self.texts, strict=True)
        ]
        logits = (self.scales[:, None, None] * torch.stack(cosines, dim=1)).float()  # (B, 2, T, C)
        return (logits > self.thresholds[:, None]) & valid[:, None, :, None]

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor:
        """`features` (B, 2, T, D), `conditions` (B, 2, T, C) bool -> (B, 2, T, D)."""
        read = zip(self.sides, features.unbind(dim=1), conditions.unbind(dim=1), self.texts, strict=True)
        return torch.stack([modulation(*side) for modulation, *side in read], dim=1)
