"""EAR's multi-event relationship modelling (arXiv 2605.08723, Eq. 13-15): which events go with which.

Every category is a node of every segment and modality, and a learned adjacency says which nodes a node reads.
The published text has lost its equations. What it states: aggregation across modalities, decoded into event
features; 1x1 convolution, learnable adjacency, BatchNorm and LeakyReLU; uni-modal and multi-modal modules in
turn, three times. The nodes' shape is inferred from the maps that the paper draws, C x C and 2C x 2C, and from
its probabilities of segments.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from trainer import supervision as rules
from trainer.models.layers import Attention, TransformerBlock

ErmKind = Literal["alternating", "serial", "uni", "multi", "attention", "none"]
ErmInput = Literal["cross", "concat", "query"]

_ADJACENCY_NOISE = 0.01
_EPSILON = 1e-5
_MOMENTUM = 0.1


class ValidBatchNorm(nn.Module):
    """BatchNorm over rows and nodes of (N, C, D), of which only the valid rows count; as torch's otherwise.

    The batches of several processes count as one.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, nodes: Tensor, valid: Tensor) -> Tensor:
        """`nodes` (N, C, D), `valid` (N,) -> (N, C, D)."""
        with torch.autocast(nodes.device.type, enabled=False):  # else sums would be rounded too
            nodes = nodes.float()
            if self.training:
                centred, variance = self._centred(nodes, valid.to(nodes.dtype))
            else:
                centred, variance = nodes - self.running_mean, self.running_var
            return torch.addcmul(self.bias, centred, self.weight * (variance + _EPSILON).rsqrt())

    def _centred(self, nodes: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The nodes less their mean, and their variance (D,), both of this batch; the running ones follow."""
        count = _over_processes(rows.sum() * nodes.shape[1])
        mean = _column_sums(nodes, rows) / count
        centred = nodes - mean
        variance = _column_sums(centred.square(), rows) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, _MOMENTUM)
            self.running_var.lerp_(variance * count / (count - 1).clamp(min=1), _MOMENTUM)
        return centred, variance


def _column_sums(nodes: Tensor, rows: Tensor) -> Tensor:
    """The sum of the nodes (N, C, D) of all processes, each row weighted by one of (N,) -> (D,)."""
    return _over_processes((rows @ nodes.flatten(1)).view(nodes.shape[1:]).sum(dim=0))


def _over_processes(values: Tensor) -> Tensor:
    """The sum of the processes' values."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        total: Tensor = _SumOverProcesses.apply(values)  # type: ignore[no-untyped-call]
        return total
    return values


class _SumOverProcesses(torch.autograd.Function):
    """A sum through which the gradients of all processes go back to each."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total


class Relation(nn.Module):
    """G(X; A) = LeakyReLU(BN(A Conv1x1(X))): the convolution mixes a node's numbers, A (C, C) the nodes.

    A is free, not symmetric, and starts near the identity (neither is stated). The convolution has no bias:
    BatchNorm has one. `residual` adds X, which the paper does not list.
    """

    def __init__(self, nodes: int, width: int, *, slope: float, residual: bool) -> None:
        super().__init__()
        self.slope, self.residual = slope, residual
        self.convolution = nn.Linear(width, width, bias=False)
        noise = torch.empty(nodes, nodes).uniform_(-_ADJACENCY_NOISE, _ADJACENCY_NOISE)
        self.adjacency = nn.Parameter(torch.eye(nodes) + noise)
        self.norm = ValidBatchNorm(width)

    def forward(self, nodes: Tensor, valid: Tensor) -> Tensor:
        """`nodes` (N, C, E), `valid` (N,) -> (N, C, E)."""
        adjacency = self.adjacency.expand(len(nodes), -1, -1)  # no copy, and faster than a broadcast product
        related = torch.bmm(adjacency, self.convolution(nodes))
        related = leaky_relu(self.norm(related, valid), self.slope)
        return nodes + related if self.residual else related


class UniModal(nn.Module):
    """A relation of what is heard, and one of what is seen."""

    def __init__(self, categories: int, width: int, *, slope: float, residual: bool) -> None:
        super().__init__()
        self.audio = Relation(categories, width, slope=slope, residual=residual)
        self.visual = Relation(categories, width, slope=slope, residual=residual)

    def forward(self, audio: Tensor, visual: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        return self.audio(audio, valid), self.visual(visual, valid)


class MultiModal(nn.Module):
    """A relation of what is heard and seen together, of 2C nodes."""

    def __init__(self, categories: int, width: int, *, slope: float, residual: bool) -> None:
        super().__init__()
        self.both = Relation(2 * categories, width, slope=slope, residual=residual)

    def forward(self, audio: Tensor, visual: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.both(torch.cat([audio, visual], dim=1), valid).chunk(2, dim=1)
        return first, second


class NodeAttention(nn.Module):
    """In place of relations: self-attention of the 2C nodes of each segment."""

    def __init__(self, width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.block = TransformerBlock(width, heads=heads, feedforward=4 * width, dropout=dropout)

    def forward(self, audio: Tensor, visual: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        nodes = torch.cat([audio, visual], dim=1)
        first, second = self.block(nodes, nodes, nodes.new_zeros(len(nodes), 1, nodes.shape[1])).chunk(2, dim=1)
        return first, second


class EventRelations(nn.Module):
    """Eq. 15: layers of relations among the nodes.

    alternating  uni-modal, then multi-modal, in every layer,
    serial       all uni-modal ones, then all multi-modal ones (Table IX: A/V-AV),
    uni, multi   only those (w/o AV, w/o A/V),
    attention    self-attention instead, a block a layer.
    """

    def __init__(
        self,
        categories: int,
        width: int,
        *,
        kind: ErmKind,
        layers: int,
        heads: int,
        dropout: float,
        slope: float,
        residual: bool,
    ) -> None:
        super().__init__()
        self.categories = categories
        order = {
            "alternating": ("uni", "multi") * layers,
            "serial": ("uni",) * layers + ("multi",) * layers,
            "uni": ("uni",) * layers,
            "multi": ("multi",) * layers,
            "attention": ("attention",) * layers,
        }[kind]
        self.layers = nn.ModuleList(
            NodeAttention(width, heads=heads, dropout=dropout)
            if name == "attention"
            else (UniModal if name == "uni" else MultiModal)(categories, width, slope=slope, residual=residual)
            for name in order
        )

    def forward(self, nodes: Tensor, valid: Tensor) -> Tensor:
        """`nodes` (B, 2, T, C, E), `valid` (B, T) -> (B, 2, T, C, E)."""
        shape = nodes[:, 0].shape
        audio, visual = (x.flatten(0, 1) for x in nodes.unbind(dim=1))  # (B * T, C, E)
        for layer in self.layers:
            audio, visual = layer(audio, visual, valid.flatten())
        return torch.stack([audio.reshape(shape), visual.reshape(shape)], dim=1)

    @torch.no_grad()
    def dependencies(self) -> dict[str, Tensor] | None:
        """The maps of `event_dependencies` by name; None where no adjacency is learned.

        Without uni-modal relations there is only the map of both modalities; without multi-modal ones that has
        no blocks across.
        """
        uni = [layer for layer in self.layers if isinstance(layer, UniModal)]
        multi = [layer for layer in self.layers if isinstance(layer, MultiModal)]
        if not uni and not multi:
            return None
        categories = self.categories
        audio, visual, joint = (
            torch.stack([relation.adjacency for relation in relations])
            if relations
            else torch.zeros(1, size, size)
            for relations, size in (
                ([layer.audio for layer in uni], categories),
                ([layer.visual for layer in uni], categories),
                ([layer.both for layer in multi], 2 * categories),
            )
        )
        found = rules.event_dependencies(*(x.detach().cpu() for x in (audio, visual, joint)))
        maps = dict(zip(("audio", "visual", "audio_visual"), found, strict=True))
        return maps if uni else {"audio_visual": maps["audio_visual"]}


class CrossNodes(nn.Module):
    """Eq. 13-14: H = LN(F + MHA(F, F', F')), F' the other branch; then a linear map of H to C nodes of width E.

    Inferred: the paper speaks of cross-modal aggregation that reduces the gap between the branches.
    """

    def __init__(self, width: int, categories: int, event_width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.categories = categories
        self.attention = nn.ModuleList(Attention(width, heads, dropout) for _ in range(2))
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.expand = nn.ModuleList(nn.Linear(width, categories * event_width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, fused: Tensor, absent: Tensor) -> Tensor:
        """`fused` (B, 2, T, D), `absent` (B, 1, T) -> (B, 2, T, C, E)."""
        branches = fused.unbind(dim=1)
        nodes = []
        for axis, (own, other) in enumerate(zip(branches, branches[::-1], strict=True)):
            attended = self.dropout(self.attention[axis](own, other, absent))
            nodes.append(self.expand[axis](self.norm[axis](own + attended)))
        stacked = torch.stack(nodes, dim=1)
        return stacked.reshape(*stacked.shape[:-1], self.categories, -1)


class ConcatNodes(nn.Module):
    """The nodes of each modality as a linear map of both branches, side by side."""

    def __init__(self, width: int, categories: int, event_width: int) -> None:
        super().__init__()
        self.categories = categories
        self.expand = nn.ModuleList(nn.Linear(2 * width, categories * event_width) for _ in range(2))

    def forward(self, fused: Tensor, absent: Tensor) -> Tensor:
        """As `CrossNodes`; no segment reads of another one, so that none needs to be left out."""
        own, other = fused.unbind(dim=1)
        nodes = [
            expand(torch.cat(pair, dim=-1))
            for expand, pair in zip(self.expand, ((own, other), (other, own)), strict=True)
        ]
        stacked = torch.stack(nodes, dim=1)
        return stacked.reshape(*stacked.shape[:-1], self.categories, -1)


class QueryNodes(nn.Module):
    """A learned query of each category attends over the other branch's segments; times a segment it is a node.

    Both are brought to width E before the product, or there would be T * C vectors of width D.
    """

    def __init__(self, width: int, categories: int, event_width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(2, categories, width))
        self.attention = nn.ModuleList(Attention(width, heads, dropout) for _ in range(2))
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.of_category = nn.ModuleList(nn.Linear(width, event_width) for _ in range(2))
        self.of_segment = nn.ModuleList(nn.Linear(width, event_width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, fused: Tensor, absent: Tensor) -> Tensor:
        """As `CrossNodes`."""
        branches = fused.unbind(dim=1)
        nodes = []
        for axis, (own, other) in enumerate(zip(branches, branches[::-1], strict=True)):
            queries = self.queries[axis].expand(len(own), -1, -1)  # (B, C, D)
            attended = self.dropout(self.attention[axis](queries, other, absent))
            category = self.of_category[axis](self.norm[axis](queries + attended))  # (B, C, E)
            nodes.append(category[:, None] * self.of_segment[axis](own)[:, :, None])
        return torch.stack(nodes, dim=1)


class CategoryLinear(nn.Module):
    """A linear map of its own for each category: nodes (..., C, E) -> (..., C)."""

    def __init__(self, width: int, categories: int) -> None:
        super().__init__()
        bound = width**-0.5  # as nn.Linear's
        self.weight = nn.Parameter(torch.empty(categories, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(categories).uniform_(-bound, bound))

    def forward(self, nodes: Tensor) -> Tensor:
        return torch.einsum("...ce,ce->...c", nodes, self.weight) + self.bias
