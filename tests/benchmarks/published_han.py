"""The published way of training and scoring HAN, re-created from its description to be measured against.

Nothing of it is copied: `Tian et al., ECCV 2020` as notes describe it. What costs time is kept as published:
three files loaded for every clip in every epoch, a DataLoader, all 80 ResNet rows projected before they are
averaged, plain Adam, and an evaluation that goes clip by clip, category by category, event by event.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from trainer.annotations import Dataset, feature_key
from trainer.labels import state_grid

WIDTH, BATCH, RATE = 512, 16, 3e-4
SETS = ("vggish", "res152", "r2plus1d_18")
Item = dict[str, Tensor]


class Clips(TorchDataset[Item]):
    """A split, read from its files one clip at a time."""

    def __init__(self, dataset: Dataset, split: str, features: Path) -> None:
        self.names = list(dataset.splits[split])
        self._labels, self._categories, self._features = dataset.splits[split], dataset.categories, features

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Item:
        name = self.names[i]
        item = {
            each: torch.from_numpy(np.load(self._features / each / f"{feature_key(name)}.npy")) for each in SETS
        }
        label = [float(category in self._labels[name]) for category in self._categories]
        return item | {"label": torch.tensor(label)}


class PublishedHan(nn.Module):
    """One layer of hybrid attention and attentive pooling."""

    def __init__(self, categories: int) -> None:
        super().__init__()
        self.audio, self.pictures, self.motion = (nn.Linear(n, WIDTH) for n in (128, 2048, 512))
        self.join = nn.Linear(2 * WIDTH, WIDTH)
        self.own = nn.MultiheadAttention(WIDTH, 1, dropout=0.1)
        self.cross = nn.MultiheadAttention(WIDTH, 1, dropout=0.1)
        self.inner, self.outer = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.dropout = nn.Dropout(0.1)
        self.cells, self.time, self.modality = (nn.Linear(WIDTH, categories) for _ in range(3))

    def forward(self, item: Item) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Probabilities of the clip (B, C), heard (B, C), seen (B, C), and of segments (B, T, 2, C)."""
        audio = self.audio(item["vggish"])  # (B, T, D)
        pictures = self.pictures(item["res152"]).permute(0, 2, 1).unsqueeze(-2)  # (B, D, 1, 8T)
        pictures = functional.avg_pool2d(pictures, (1, 8)).squeeze(-2).permute(0, 2, 1)
        visual = self.join(torch.cat([pictures, self.motion(item["r2plus1d_18"])], dim=-1))
        heard, seen = self._attend(audio, visual), self._attend(visual, audio)
        x = torch.stack([heard, seen], dim=2)  # (B, T, 2, D)
        cells = torch.sigmoid(self.cells(x))
        over_time, over_modalities = self.time(x).softmax(dim=1), self.modality(x).softmax(dim=2)
        video = (over_time * over_modalities * cells).sum(dim=2).sum(dim=1)
        each = (over_time * cells).sum(dim=1)  # (B, 2, C)
        return video, each[:, 0], each[:, 1], cells

    def _attend(self, own: Tensor, other: Tensor) -> Tensor:
        own, other = own.permute(1, 0, 2), other.permute(1, 0, 2)  # (T, B, D)
        crossed, attended = self.cross(own, other, other)[0], self.own(own, own, own)[0]
        own = self.norms[0](own + self.dropout(crossed) + self.dropout(attended))
        fed = self.dropout(self.outer(self.dropout(functional.relu(self.inner(own)))))
        return self.norms[1](own + fed).permute(1, 0, 2)


def loss_of(model: PublishedHan, item: Item) -> Tensor:
    video, heard, seen, _ = model(item)
    label = item["label"]
    pairs = ((heard, label), (seen, 0.9 * label + 0.05), (video, label))
    return torch.stack([nn.BCELoss()(p.clamp(1e-7, 1 - 1e-7), target) for p, target in pairs]).sum()


def train_epoch(model: PublishedHan, optimiser: torch.optim.Optimizer, clips: Clips, workers: int) -> None:
    loader = DataLoader(clips, batch_size=BATCH, shuffle=True, num_workers=workers, pin_memory=False)
    model.train()
    for item in loader:
        optimiser.zero_grad()
        loss = loss_of(model, item)
        loss.backward()
        optimiser.step()
        loss.item()


def adam(model: PublishedHan) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=RATE, foreach=False, fused=False)


@torch.no_grad()
def predictions(model: PublishedHan, clips: Clips) -> list[NDArray[np.float64]]:
    """(2, C, T) of each clip, one clip at a time: 0 or 1."""
    model.eval()
    found = []
    for item in DataLoader(clips, batch_size=1, shuffle=False, num_workers=0):
        video, _, _, cells = model(item)
        active = (cells[0] >= 0.5) & (video[0] >= 0.5)  # (T, 2, C)
        found.append(active.permute(1, 2, 0).double().numpy())
    return found


def scores(found: list[NDArray[np.float64]], dataset: Dataset, clips: Clips) -> dict[str, float]:
    """The ten numbers in per cent, by going through clips, categories, segments and events."""
    rows: list[list[float]] = []
    for name, predicted in zip(clips.names, found, strict=True):
        events, segments = dataset.truth.get(name, ()), predicted.shape[2]
        truth = state_grid(events, dataset.categories, segments, complete=True).transpose(0, 2, 1) * 1.0
        pairs = [*zip(predicted, truth, strict=True), (predicted[0] * predicted[1], truth[0] * truth[1])]
        row: list[float] = []
        for count in (segment_counts, event_counts):
            audio, visual, both = (
                np.array([count(p, t) for p, t in zip(*pair, strict=True)]) for pair in pairs
            )
            three = [f_score(counts) for counts in (audio, visual, both)]
            row += [*three, sum(three) / 3, f_score(audio + visual)]
        rows.append(row)
    kinds = ("A", "V", "AV", "Type@AV", "Event@AV")
    names = [f"{level}/{kind}" for level in ("segment", "event") for kind in kinds]
    return dict(zip(names, (100 * np.mean(rows, axis=0)).tolist(), strict=True))


def segment_counts(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float, float]:
    """True positives, false negatives, false positives of one category."""
    hits = np.sum(predicted * truth)
    return hits, np.sum(truth * (1 - predicted)), np.sum(predicted * (1 - truth))


def event_counts(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[int, int, int]:
    ours, theirs = events_of(predicted), events_of(truth)
    hits = sum(any(overlap(a, b) >= 0.5 for b in theirs) for a in ours)
    missed = sum(not any(overlap(a, b) >= 0.5 for a in ours) for b in theirs)
    return hits, missed, len(ours) - hits


def events_of(row: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Maximal runs of ones, found by going along the segments."""
    found, onset = [], -1
    for t, value in enumerate(row):
        if value == 1 and onset < 0:
            onset = t
        if value != 1 and onset >= 0:
            found.append((onset, t))
            onset = -1
    return [*found, (onset, len(row))] if onset >= 0 else found


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    common = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return common / (a[1] - a[0] + b[1] - b[0] - common)


def f_score(counts: NDArray[np.float64]) -> float:
    """The mean over the categories that occur, of (C, 3) counts."""
    values = [2 * tp / (2 * tp + fn + fp) for tp, fn, fp in counts if tp + fn + fp > 0]
    return float(np.mean(values)) if values else 1.0
