"""Small parsers of every kind of labels, which remember what they were given to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from trainer.batch import Batch, Material
from trainer.config import Count, LabelKind
from trainer.models.layers import Output, Parser, Step, binary_cross_entropy


@dataclass(frozen=True, kw_only=True)
class WatcherConfig:
    width: Count = 1


class Watcher(Parser):
    """A linear classifier of segments; the last of a class that was made is its `latest`."""

    latest: ClassVar[Watcher]

    def __init__(
        self, config: WatcherConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        self.heard = nn.Linear(audio_width, categories)
        self.seen = nn.Linear(visual_widths[0], categories)
        self.trained: list[Batch] = []
        self.validated: list[Batch] = []
        self.material = Material()
        Watcher.latest = self

    def prepare(self, material: Material) -> None:
        self.material = material

    def forward(self, batch: Batch) -> Output:
        logits = torch.stack([self.heard(batch.audio), self.seen(batch.visual[0])], dim=1)
        segment = logits.sigmoid()
        inside = batch.valid[:, None, :, None]
        modality = segment.masked_fill(~inside, 0).amax(dim=2)
        audio, visual = modality.unbind(dim=1)
        return Output(logits, segment, audio, visual, modality.amax(dim=1), segment, segment)

    def step(self, batch: Batch, epoch: int) -> Step:
        self.trained.append(batch)
        video = self(batch).video[:, None]
        labels = batch.video_targets[:, None]
        (loss,) = binary_cross_entropy(video, labels, labels >= 0)
        return Step({"video": loss}, self.supervision_of(batch))

    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        self.validated.append(batch)
        return self.supervision_of(batch)

    def supervision_of(self, batch: Batch) -> dict[str, Tensor]:
        return {}


class DenseWatcher(Watcher):
    """Says that every label of a segment came from the last segment of the next clip of the batch."""

    taught_by: ClassVar[LabelKind] = "dense"
    reads_texts: ClassVar[bool] = True

    def supervision_of(self, batch: Batch) -> dict[str, Tensor]:
        assert batch.truth is not None
        clips, segments = batch.valid.shape
        place = torch.arange(clips) * segments + batch.valid.sum(dim=1) - 1
        cells = (batch.truth == 1)[:, None].expand(-1, 2, -1, -1)
        source = place.roll(-1)[:, None, None, None].expand(cells.shape)
        return {
            "migrated": cells.float() * 0.5,
            "migrated_count": cells * 70_000,
            "migrated_from": torch.where(cells, source, -1),
            "migrated_similarity": cells.float() * 0.75,
        }

    def dependencies(self) -> dict[str, Tensor]:
        return {"audio": self.heard.weight[:, :3], "audio_visual": torch.full((6, 6), 0.5)}


class PseudoWatcher(Watcher):
    taught_by: ClassVar[LabelKind] = "pseudo"


class JointWatcher(PseudoWatcher):
    """Hears and sees what is like the texts too, by as much as a learnt `gain` says, and tells of pairs."""

    reads_joint: ClassVar[bool] = True
    texts: Tensor
    thresholds: Tensor
    scales: Tensor

    def __init__(
        self,
        config: WatcherConfig,
        audio_width: int,
        visual_widths: Sequence[int],
        categories: int,
        joint_widths: Sequence[int] = (),
    ) -> None:
        super().__init__(config, audio_width, visual_widths, categories)
        self.gain = nn.Parameter(torch.tensor(0.5))
        self.register_buffer("texts", torch.zeros(categories, sum(joint_widths)))
        self.register_buffer("thresholds", torch.zeros(2, categories))
        self.register_buffer("scales", torch.zeros(2))

    def prepare(self, material: Material) -> None:
        super().prepare(material)
        if material.texts is not None and material.thresholds is not None and material.scales is not None:
            self.texts.copy_(torch.cat(material.texts, dim=1))
            self.thresholds.copy_(material.thresholds)
            self.scales.copy_(torch.tensor(material.scales))

    def cosines(self, batch: Batch) -> Tensor:
        assert batch.joint is not None
        widths = [features.shape[-1] for features in batch.joint]
        texts = self.texts.split(widths, dim=1)
        return torch.stack([rows @ text.mT for rows, text in zip(batch.joint, texts, strict=True)], dim=1)

    def forward(self, batch: Batch) -> Output:
        found = super().forward(batch)
        segment = (found.logits + self.gain * self.cosines(batch)).sigmoid()
        audio, visual = segment.masked_fill(~batch.valid[:, None, :, None], 0).amax(dim=2).unbind(dim=1)
        return Output(found.logits, segment, audio, visual, torch.maximum(audio, visual), segment, segment)

    def supervision_of(self, batch: Batch) -> dict[str, Tensor]:
        cosines = self.cosines(batch).detach()
        similarity = cosines[:, 0] @ cosines[:, 1].mT  # (B, T, T)
        made = {
            "pair_similarity": similarity.where(batch.valid[:, None, :], torch.nan),  # padding may be anything
            "pair_weight": similarity.abs() * self.gain.detach(),
            "temporal_attention": cosines.amax(dim=-1),
            "conditions": self.scales[:, None, None] * cosines > self.thresholds[:, None],
        }
        if batch.pseudo_labels is not None:
            heard, seen = (batch.pseudo_labels > 0.5).float().unbind(dim=1)
            made["overlap"] = heard @ seen.mT
        return made

    def scalars(self) -> dict[str, float]:
        return {"gain": float(self.gain.detach())}

    def undecayed(self) -> Sequence[nn.Parameter]:
        return (self.gain,)


WATCHERS = {
    "watcher": Watcher,
    "dense-watcher": DenseWatcher,
    "pseudo-watcher": PseudoWatcher,
    "joint-watcher": JointWatcher,
}
