"""The blocks that parsers are built from."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from trainer.models.layers import (
    Attention,
    HanLayer,
    HanStack,
    MmilPooling,
    Projection,
    binary_cross_entropy,
    positions,
    rows_to_segments,
)


def stack(update, layers=2) -> HanStack:
    torch.manual_seed(0)
    return HanStack(8, heads=2, feedforward=16, layers=layers, dropout=0.1, update=update).eval()


@pytest.fixture
def pair():
    """Projected audio and visual features (B, 2, T, D) of two clips of four segments."""
    torch.manual_seed(1)
    return torch.randn(2, 2, 4, 8)


WHOLE = torch.zeros(2, 1, 4)
"""Nothing is absent of two clips of four segments."""


def absent(*lengths: int, segments: int) -> torch.Tensor:
    """What is added to what a softmax over segments reads, in clips of these lengths."""
    valid = torch.arange(segments) < torch.tensor(lengths)[:, None]
    return torch.zeros(len(lengths), 1, segments).masked_fill(~valid[:, None], -torch.inf)


@pytest.mark.parametrize("heads", [1, 2])
def test_attention_is_that_of_torch_from_the_first_weights_on(heads):
    made = []
    for kind in (Attention, partial(nn.MultiheadAttention, batch_first=True)):
        torch.manual_seed(3)
        made.append(kind(8, heads, dropout=0.0))
    ours, theirs = made
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))
    for bias in (ours.in_proj_bias, ours.out_proj.bias):
        nn.init.normal_(bias)
    theirs.load_state_dict(ours.state_dict())
    features = torch.randn(2, 4, 8)
    missing = absent(4, 2, segments=4)

    found = ours.mix(*ours.project(features).chunk(3, dim=-1), missing)

    expected, _ = theirs(features, features, features, key_padding_mask=missing[:, 0] < 0)
    torch.testing.assert_close(found, expected)


def test_attention_leaves_out_some_of_what_it_attends_to_in_training_alone():
    attention, features = Attention(8, 2, dropout=0.5), torch.randn(2, 4, 8)
    query, key, value = attention.project(features).chunk(3, dim=-1)

    once, again = (attention.mix(query, key, value, WHOLE) for _ in range(2))

    assert not torch.equal(once, again)
    attention.eval()
    assert torch.equal(*(attention.mix(query, key, value, WHOLE) for _ in range(2)))


def test_eight_rows_a_segment_become_their_mean():
    features = torch.arange(2 * 80 * 3, dtype=torch.float32).reshape(2, 80, 3)

    segments = rows_to_segments(features, 10)

    assert segments.shape == (2, 10, 3)
    assert torch.equal(segments[1, 4], features[1, 32:40].mean(dim=0))


def test_rows_that_do_not_divide_into_segments_are_refused():
    with pytest.raises(ValueError, match="81 feature rows do not divide into 10 segments"):
        rows_to_segments(torch.zeros(1, 81, 3), 10)


def test_visual_sets_of_different_width_are_joined_into_one(make_batch):
    projection = Projection(6, (4, 7), 8)

    projected = projection(make_batch(visual=(4, 7), rows_per_segment=8))

    assert projected.shape == (3, 2, 5, 8)


def test_averaging_before_the_projection_equals_averaging_after_it(make_batch):
    projection = Projection(6, (4,), 8)
    batch = make_batch(rows_per_segment=8)

    visual = projection(batch)[:, 1]

    after = projection.visual[0](batch.visual[0]).reshape(3, 5, 8, 8).mean(dim=2)
    torch.testing.assert_close(visual, after)


def test_a_missing_visual_set_is_refused(make_batch):
    with pytest.raises(ValueError, match="reads 2 visual feature sets, not 1"):
        Projection(6, (4, 7), 8)(make_batch())
    with pytest.raises(ValueError, match="at least one visual"):
        Projection(6, (), 8)


def test_a_layer_treats_both_modalities_alike(pair):
    """One set of weights: exchanging the modalities exchanges the outputs."""
    layers = stack("parallel")

    torch.testing.assert_close(layers(pair, WHOLE), layers(pair.flip(1), WHOLE).flip(1))


def test_each_update_reads_what_it_says(pair):
    audio, visual = pair.unbind(dim=1)
    for update in ("parallel", "sequential", "original"):
        layers = stack(update)
        first, last = layers.layers
        match update:
            case "parallel":
                a, v = first(audio, visual, WHOLE), first(visual, audio, WHOLE)
                expected = last(a, v, WHOLE), last(v, a, WHOLE)
            case "sequential":
                a = first(audio, visual, WHOLE)
                v = first(visual, a, WHOLE)
                a = last(a, v, WHOLE)
                expected = a, last(v, a, WHOLE)
            case "original":
                expected = last(audio, visual, WHOLE), last(visual, audio, WHOLE)
        torch.testing.assert_close(layers(pair, WHOLE), torch.stack(expected, dim=1))


@pytest.mark.parametrize("update", ["parallel", "sequential", "original"])
def test_without_cross_attention_no_modality_sees_the_other(pair, update):
    layers = stack(update)
    other = pair.clone()
    other[:, 1] = torch.randn(2, 4, 8)

    whole, found = (layers(features, WHOLE, crossed=False) for features in (pair, other))

    torch.testing.assert_close(found[:, 0], whole[:, 0])
    assert not torch.equal(found[:, 1], whole[:, 1])
    assert not torch.equal(whole, layers(pair, WHOLE))


def test_a_layer_is_the_sum_of_both_attentions_and_a_feed_forward_block(pair):
    torch.manual_seed(2)
    layer = HanLayer(8, heads=1, feedforward=16, dropout=0.1).eval()
    own, other = pair.unbind(dim=1)

    def attend(module, q, kv):
        w, b = module.in_proj_weight, module.in_proj_bias
        query, key, value = (x @ w[i : i + 8].T + b[i : i + 8] for i, x in ((0, q), (8, kv), (16, kv)))
        return module.out_proj((query @ key.mT / math.sqrt(8)).softmax(dim=-1) @ value)

    attended = attend(layer.cross_attention, own, other) + attend(layer.self_attention, own, own)
    middle = layer.attention_norm(own + attended)
    expected = layer.feedforward_norm(middle + layer.feedforward(middle))

    torch.testing.assert_close(layer(own, other, WHOLE), expected)


@pytest.mark.parametrize("update", ["parallel", "sequential"])
def test_padding_leaves_attention_as_it_was(pair, update):
    layers = stack(update)
    junk = torch.full((2, 2, 3, 8), 7.0)

    padded = layers(torch.cat([pair, junk], dim=2), absent(4, 4, segments=7))

    torch.testing.assert_close(padded[:, :, :4], layers(pair, WHOLE))


def test_positions_are_told_apart_only_where_that_is_asked_for(make_batch):
    """The same features in every segment become different ones by where they stand."""
    batch = make_batch()
    still = replace(batch, audio=batch.audio[:, :1].expand(-1, 5, -1))
    for positional in (False, True):
        projection = Projection(6, (4,), 8, positional_encoding=positional)
        audio = projection(still)[:, 0]
        assert torch.equal(audio[:, 0], audio[:, 3]) is not positional


def test_a_position_is_sines_and_cosines_of_ever_longer_waves():
    found = positions(torch.zeros(2, 3, 4))

    expected = [[math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)] for t in range(3)]
    torch.testing.assert_close(found, torch.tensor(expected))


def pooling(normalise=False) -> MmilPooling:
    """One category; the embedding (3 numbers) holds the logits of classifier, time and modality attention."""
    pool = MmilPooling(3, 1, normalise=normalise)
    for i, linear in enumerate((pool.classifier, pool.time_attention, pool.modality_attention)):
        torch.nn.init.zeros_(linear.bias)
        with torch.no_grad():
            linear.weight.copy_(torch.eye(3)[i : i + 1])
    return pool


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def test_pooling_weighs_segments_and_modalities_as_computed_by_hand():
    # Attention over time: audio (3/4, 1/4), visual (1/2, 1/2). Over modalities: t=0 (2/3, 1/3), t=1 (1/2, 1/2).
    audio = [[logit(0.8), math.log(3), math.log(2)], [logit(0.2), 0, 0]]
    visual = [[logit(0.4), 0, 0], [logit(0.6), 0, 0]]

    output = pooling()(torch.tensor([[audio, visual]]), torch.zeros(1, 1, 2))

    assert output.segment.shape == (1, 2, 2, 1)
    assert output.audio_video.item() == pytest.approx(0.75 * 0.8 + 0.25 * 0.2)
    assert output.visual_video.item() == pytest.approx(0.5 * 0.4 + 0.5 * 0.6)
    weights = [0.75 * 2 / 3, 0.25 / 2, 0.5 / 3, 0.5 / 2]
    video = sum(w * p for w, p in zip(weights, [0.8, 0.2, 0.4, 0.6], strict=True))
    assert output.video.item() == pytest.approx(video)
    again = pooling(normalise=True)(output.embeddings, torch.zeros(1, 1, 2))
    assert again.video.item() == pytest.approx(video / sum(weights))


def test_a_video_probability_above_one_is_clamped():
    """Audio puts all its weight on t=0, visual on t=1, and each is the modality that counts there."""
    sure, far = 10.0, 30.0
    audio = [[sure, far, far], [sure, 0, -far]]
    visual = [[sure, 0, -far], [sure, far, far]]

    output = pooling()(torch.tensor([[audio, visual]]), torch.zeros(1, 1, 2))

    assert 0.999999 < output.video.item() < 1


def test_padded_segments_have_no_weight_in_the_pool():
    segments = torch.randn(1, 2, 4, 3)
    padded = torch.cat([segments, torch.full((1, 2, 2, 3), 9.0)], dim=2)

    whole = pooling()(segments, torch.zeros(1, 1, 4))
    found = pooling()(padded, absent(4, segments=6))

    for name in ("audio_video", "visual_video", "video"):
        torch.testing.assert_close(getattr(found, name), getattr(whole, name))


def test_cross_entropy_is_a_mean_over_what_is_known_of_each():
    p = torch.tensor([[[0.8, 0.6], [0.3, 0.9]], [[0.7, 0.5], [0.5, 0.5]]], requires_grad=True)
    targets = torch.tensor([[[1.0, -1.0], [0.0, 0.25]], [[0.05, -1.0], [-1.0, -1.0]]])

    found = binary_cross_entropy(p, targets, targets != -1)
    found.sum().backward()

    first = -math.log(0.8) - 0.05 * math.log(0.7) - 0.95 * math.log(0.3)
    second = -math.log(0.7) - 0.25 * math.log(0.9) - 0.75 * math.log(0.1)
    torch.testing.assert_close(found.detach(), torch.tensor([first / 2, second / 2]))
    assert p.grad is not None
    assert torch.equal(p.grad != 0, targets != -1)


def test_cross_entropy_is_nothing_where_nothing_is_known_and_survives_certainty():
    certain = torch.tensor([[[0.0, 1.0], [0.0, 1.0], [0.5, 0.5]]])
    targets = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [-1.0, -1.0]]])

    right, wrong, unknown = binary_cross_entropy(certain, targets, targets != -1)

    assert right.item() == pytest.approx(0, abs=1e-6)
    assert wrong.item() == pytest.approx(-math.log(1e-7), rel=0.01)
    assert unknown.item() == 0
