"""EAR's relations of events: what they start from, against loops, and what padding is to them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from trainer.models.erm import (
    CategoryLinear,
    ConcatNodes,
    CrossNodes,
    EventRelations,
    MultiModal,
    QueryNodes,
    Relation,
    UniModal,
    ValidBatchNorm,
)

ALL = torch.ones(6, dtype=torch.bool)


def normal(*shape: int, seed=0) -> torch.Tensor:
    return 2 + 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def norms(width=4) -> tuple[ValidBatchNorm, nn.BatchNorm1d]:
    ours, theirs = ValidBatchNorm(width), nn.BatchNorm1d(width)
    for norm in (ours, theirs):
        torch.manual_seed(1)
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return ours, theirs


def test_where_all_is_valid_normalising_is_that_of_torch_with_its_gradients_and_running_statistics():
    ours, theirs = norms()
    nodes, same = normal(6, 3, 4).requires_grad_(), normal(6, 3, 4).requires_grad_()
    for _ in range(2):
        found, expected = ours(nodes, ALL), theirs(same.flatten(0, 1)).view(6, 3, 4)
        torch.testing.assert_close(found, expected)
    for output in (found, expected):
        (output * normal(6, 3, 4, seed=2)).sum().backward()

    torch.testing.assert_close(nodes.grad, same.grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))
    torch.testing.assert_close(ours.eval()(nodes, ALL), theirs.eval()(same.flatten(0, 1)).view(6, 3, 4))


def test_padded_rows_change_neither_what_is_normalised_nor_what_is_kept():
    whole, padded = norms()[0], norms()[0]
    nodes = normal(6, 3, 4)
    more = torch.cat([nodes, torch.full((2, 3, 4), 1e4)])
    valid = torch.cat([ALL, ~ALL[:2]])

    torch.testing.assert_close(padded(more, valid)[:6], whole(nodes, ALL))
    torch.testing.assert_close(padded.state_dict(), whole.state_dict())


def test_one_node_alone_is_normalised_to_the_bias():
    norm = ValidBatchNorm(4)

    assert torch.equal(norm(normal(1, 1, 4), torch.tensor([True])), torch.zeros(1, 1, 4))
    assert norm.running_var.isfinite().all()


def test_an_adjacency_starts_near_the_identity_and_is_not_symmetric():
    torch.manual_seed(0)

    adjacency = Relation(25, 4, slope=0.1, residual=False).adjacency

    noise = adjacency - torch.eye(25)
    assert 0.009 < noise.abs().max() <= 0.01
    assert abs(noise.mean()) < 1e-3
    assert not torch.equal(adjacency, adjacency.T)


@pytest.mark.parametrize("residual", [False, True])
def test_a_relation_is_its_formula_as_a_loop_over_the_nodes(residual):
    torch.manual_seed(0)
    relation = Relation(3, 4, slope=0.2, residual=residual).eval()
    nodes = normal(6, 3, 4)

    found = relation(nodes, ALL)

    for n in range(6):
        for i in range(3):
            mixed = sum(relation.adjacency[i, j] * relation.convolution(nodes[n, j]) for j in range(3))
            expected = leaky_relu(mixed / math.sqrt(1 + 1e-5), 0.2)  # fresh running statistics: 0 and 1
            torch.testing.assert_close(found[n, i], expected + residual * nodes[n, i])


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        ("alternating", [UniModal, MultiModal, UniModal, MultiModal]),
        ("serial", [UniModal, UniModal, MultiModal, MultiModal]),
        ("uni", [UniModal, UniModal]),
        ("multi", [MultiModal, MultiModal]),
    ],
)
def test_modules_follow_one_another_as_the_kind_says(kind, order):
    torch.manual_seed(0)
    relations = make_relations(kind).eval()
    nodes = normal(2, 2, 3, 5, 4)

    found = relations(nodes, ALL.view(2, 3))

    assert [type(layer) for layer in relations.layers] == order
    audio, visual = (x.flatten(0, 1) for x in nodes.unbind(dim=1))
    for layer in relations.layers:
        if isinstance(layer, UniModal):
            audio, visual = layer.audio(audio, ALL), layer.visual(visual, ALL)
        else:
            both = layer.both(torch.cat([audio, visual], dim=1), ALL)
            audio, visual = both[:, :5], both[:, 5:]
    torch.testing.assert_close(found, torch.stack([audio, visual], dim=1).unflatten(0, (2, 3)).transpose(1, 2))


def make_relations(kind) -> EventRelations:
    return EventRelations(5, 4, kind=kind, layers=2, heads=2, dropout=0.0, slope=0.1, residual=False)


@pytest.mark.parametrize(("kind", "sees"), [("uni", False), ("multi", True), ("attention", True)])
def test_only_relations_of_both_modalities_let_one_hear_of_the_other(kind, sees):
    torch.manual_seed(0)
    relations = make_relations(kind).eval()
    nodes = normal(2, 2, 3, 5, 4)
    changed = nodes.clone()
    changed[:, 1] += normal(2, 3, 5, 4, seed=1)

    found = [relations(x, ALL.view(2, 3))[:, 0] for x in (nodes, changed)]

    assert torch.equal(*found) is not sees


def test_no_segment_hears_of_another_one():
    torch.manual_seed(0)
    for kind in ("alternating", "attention"):
        relations = make_relations(kind).eval()
        nodes = normal(2, 2, 3, 5, 4)
        changed = nodes.clone()
        changed[:, :, 2] += 1

        found = [relations(x, ALL.view(2, 3))[:, :, :2] for x in (nodes, changed)]

        torch.testing.assert_close(*found)


def test_nodes_of_each_branch_come_from_what_it_reads_of_the_other():
    torch.manual_seed(0)
    make, fused = CrossNodes(8, 5, 4, heads=2, dropout=0.0), normal(2, 2, 3, 8)
    absent = torch.zeros(2, 1, 3)

    found = make(fused, absent)

    assert found.shape == (2, 2, 3, 5, 4)
    for axis in range(2):
        own, other = fused[:, axis], fused[:, 1 - axis]
        aggregated = make.norm[axis](own + make.attention[axis](own, other, absent))
        for c in range(5):
            rows = make.expand[axis].weight[4 * c : 4 * c + 4], make.expand[axis].bias[4 * c : 4 * c + 4]
            torch.testing.assert_close(found[:, axis, :, c], aggregated @ rows[0].T + rows[1])


def test_nodes_of_both_branches_side_by_side_are_a_linear_map_of_them():
    torch.manual_seed(0)
    make, fused = ConcatNodes(8, 5, 4), normal(2, 2, 3, 8)

    found = make(fused, torch.zeros(2, 1, 3))

    visual = torch.cat([fused[:, 1], fused[:, 0]], dim=-1)
    torch.testing.assert_close(found[:, 1].flatten(2), make.expand[1](visual))


def test_nodes_of_queries_are_products_of_a_category_and_a_segment():
    torch.manual_seed(0)
    make, fused = QueryNodes(8, 5, 4, heads=2, dropout=0.0), normal(2, 2, 3, 8)

    found = make(fused, torch.zeros(2, 1, 3))

    assert found.shape == (2, 2, 3, 5, 4)
    ratios = [
        found[0, 0, t] / make.of_segment[0](fused[0, 0, t]) for t in range(3)
    ]  # (5, 4), of the category alone
    for one, other in pairwise(ratios):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_a_query_reads_the_segments_that_the_other_branch_has():
    torch.manual_seed(0)
    make, fused = QueryNodes(8, 5, 4, heads=2, dropout=0.0), normal(2, 2, 3, 8)
    absent = torch.tensor([0.0, 0.0, -torch.inf]).expand(2, 1, 3)

    found = make(fused, absent)

    for axis in range(2):
        queries, other = make.queries[axis].expand(2, -1, -1), fused[:, 1 - axis, :2]
        read = queries + make.attention[axis](queries, other, torch.zeros(2, 1, 2))
        category = make.of_category[axis](make.norm[axis](read))
        expected = category[:, None] * make.of_segment[axis](fused[:, axis])[:, :, None]
        torch.testing.assert_close(found[:, axis], expected)


def test_a_category_linear_map_reads_no_other_category():
    torch.manual_seed(0)
    linear, nodes = CategoryLinear(4, 5), normal(2, 2, 3, 5, 4)
    found = linear(nodes)
    nodes[..., 2, :] += 1

    changed = (linear(nodes) != found).any(dim=2).any(dim=1).any(dim=0)

    assert found.shape == (2, 2, 3, 5)
    assert changed.tolist() == [False, False, True, False, False]
