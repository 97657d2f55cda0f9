"""EAR's parser: its fusion, the shapes of all its variants, its padding, and that it learns and resumes."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_soft import VARIANTS, small_ear, small_uwav, taught, total
from trainer.batch import Batch, Material
from trainer.models.ear import DrivenFusion, EarConfig
from trainer.models.layers import HanStack
from trainer.supervision import event_dependencies


def clips_of(segments: int, categories: int) -> Batch:
    torch.manual_seed(1)
    return Batch(
        audio=torch.randn(2, segments, 6),
        visual=(torch.randn(2, segments, 4),),
        valid=torch.ones(2, segments, dtype=torch.bool),
        labels=torch.ones(2, categories),
        reviewed=torch.full((2, 2, segments, categories), -1, dtype=torch.int8),
        index=torch.arange(2),
    )


@pytest.mark.parametrize("segments", [1, 7])
@pytest.mark.parametrize("categories", [1, 4])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_parses_clips_of_any_length_into_any_number_of_categories(variant, segments, categories):
    model = small_ear(categories=categories, **VARIANTS[variant])
    batch = taught(clips_of(segments, categories))

    output = model(batch)

    assert output.segment.shape == output.logits.shape == (2, 2, segments, categories)
    assert output.video.shape == output.audio_video.shape == output.visual_video.shape == (2, categories)
    assert output.embeddings.shape == output.projected.shape == (2, 2, segments, 16)
    assert total(model.step(batch, 1).losses).isfinite()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_weight_of_every_variant_learns(make_batch, variant):
    model = small_ear(visual=(4, 7), **VARIANTS[variant])

    total(model.step(taught(make_batch(visual=(4, 7))), 1).losses).backward()

    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0 or "attention.bias" in name, name


@pytest.mark.parametrize("variant", VARIANTS)
def test_mixed_precision_changes_the_losses_little_and_leaves_them_float32(make_batch, variant):
    batch, model = taught(make_batch()), small_ear(mix_alpha=0.0, **VARIANTS[variant])
    whole = model.step(batch, 1).losses

    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.step(batch, 1).losses
        drawn = small_ear(**VARIANTS[variant]).step(batch, 1).losses

    torch.testing.assert_close(mixed, whole, rtol=0.05, atol=0.02)
    assert all(loss.dtype == torch.float32 for loss in drawn.values())


@pytest.mark.parametrize("mode", [True, False], ids=["training", "parsing"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_changes_nothing(ragged, padded, variant, mode):
    model = small_ear(mix_alpha=0.0, **VARIANTS[variant]).train(mode)
    other = copy.deepcopy(model)
    batch, more = taught(ragged), padded(ragged)
    more = replace(more, pseudo_labels=torch.cat([batch.pseudo_labels, torch.ones(3, 2, 3, 3)], dim=2))

    whole, found = model.step(batch, 1).losses, other.step(more, 1).losses

    torch.testing.assert_close(found, whole)
    torch.testing.assert_close(other.state_dict(), model.state_dict())
    inside = ragged.valid[:, None, :, None].expand(-1, 2, -1, 3)
    said, of_more = model.eval()(batch), other.eval()(more)
    torch.testing.assert_close(of_more.segment[:, :, :5][inside], said.segment[inside])
    torch.testing.assert_close(of_more.video, said.video)


def test_what_stands_at_padding_moves_no_weight_under_mixup_either(ragged):
    batch = taught(ragged)
    inside = batch.valid[..., None]
    junk = replace(
        batch, audio=torch.where(inside, batch.audio, 9), visual=(torch.where(inside, batch.visual[0], 9),)
    )
    found = []
    for clips in (batch, junk):
        model = small_ear()
        torch.manual_seed(2)
        total(model.step(clips, 1).losses).backward()
        found.append([parameter.grad for parameter in model.parameters()])

    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("static", [True, False], ids=["amdf", "msa-mca"])
def test_attended_segments_of_a_modality_query_the_other_as_it_was_or_as_it_became(static):
    torch.manual_seed(0)
    fusion = DrivenFusion(8, heads=2, feedforward=16, layers=2, dropout=0.0, static=static)
    projected, absent = torch.randn(2, 2, 4, 8), torch.zeros(2, 1, 4)

    found = fusion(projected, absent)

    dynamic = []
    for blocks, features in zip(fusion.temporal, projected.unbind(dim=1), strict=True):
        for block in blocks:
            features = block(features, features, absent)
        dynamic.append(features)
    read = projected.unbind(dim=1) if static else dynamic
    for axis in range(2):
        unit, own, other = fusion.fusion[axis], dynamic[axis], read[1 - axis]
        middle = unit.attention_norm(own + unit.attention(own, other, absent))
        torch.testing.assert_close(found[:, axis], unit.feedforward_norm(middle + unit.feedforward(middle)))


def test_the_fusion_of_han_is_that_of_uwav():
    ours, theirs = small_ear(fusion="han", temporal_layers=2).fusion, small_uwav().attention

    assert isinstance(ours, HanStack)
    assert ours.update == theirs.update == "sequential"
    assert ours.state_dict().keys() == theirs.state_dict().keys()


def test_without_erm_one_linear_classifier_reads_the_fused_segments(make_batch):
    model, batch = small_ear(erm="none").eval(), make_batch()

    output = model(batch)

    torch.testing.assert_close(output.logits, model.pooling.classifier(output.embeddings))
    assert model.dependencies() is None


def test_a_category_is_classified_by_its_own_nodes_with_weights_that_the_modalities_share(make_batch):
    model, batch = small_ear().eval(), make_batch()

    output, nodes = model.read(batch)

    assert nodes.shape == (3, 2, 5, 3, 8)
    classifier = model.pooling.classifier
    for c in range(3):
        expected = nodes[:, :, :, c] @ classifier.weight[c] + classifier.bias[c]
        torch.testing.assert_close(output.logits[..., c], expected)


def test_a_resumed_training_goes_on_with_the_same_numbers(ragged):
    batch = taught(ragged)
    model = small_ear()
    model.prepare(Material(label_rates=torch.full((2, 3), 0.25)))
    again = small_ear()
    model.step(batch, 1)
    again.load_state_dict(model.state_dict())
    found = []
    for copied in (model, again):
        torch.manual_seed(6)
        found.append((copied.step(batch, 2).losses, copied.eval()(batch).segment))

    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


def test_the_running_statistics_are_saved_with_the_weights(ragged):
    model = small_ear()
    before = copy.deepcopy(model.state_dict())

    model.step(taught(ragged), 1)

    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert len(moved) == 3 * 3 * 2  # a mean and a variance of three relations a layer
    assert all("running" in name for name in moved)


def test_a_run_says_which_events_go_together():
    model = small_ear()
    layers = model.relations.layers
    uni, multi = layers[::2], layers[1::2]

    found = model.dependencies()

    stacks = (
        torch.stack([layer.audio.adjacency for layer in uni]),
        torch.stack([layer.visual.adjacency for layer in uni]),
        torch.stack([layer.both.adjacency for layer in multi]),
    )
    expected = dict(zip(("audio", "visual", "audio_visual"), event_dependencies(*stacks), strict=True))
    torch.testing.assert_close(found, {name: value.detach() for name, value in expected.items()})
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "audio": (3, 3),
        "visual": (3, 3),
        "audio_visual": (6, 6),
    }
    assert not any(value.requires_grad for value in found.values())


def test_of_relations_that_a_variant_lacks_there_is_no_map():
    uni, multi = (small_ear(erm=kind).dependencies() for kind in ("uni", "multi"))

    assert list(multi) == ["audio_visual"]
    assert not uni["audio_visual"][:3, 3:].any()
    assert torch.equal(uni["audio_visual"][:3, :3], uni["audio"])
    assert small_ear(erm="attention").dependencies() is None


def test_it_learns_the_pseudo_labels_of_a_few_clips_by_heart(make_batch):
    batch = taught(make_batch())
    batch = replace(batch, pseudo_labels=batch.pseudo_labels.round(), labels=torch.ones(3, 3))
    model = small_ear()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(70):
        optimiser.zero_grad()
        total(model.step(batch, 1).losses).backward()
        optimiser.step()

    right = (model.eval()(batch).segment > 0.5) == batch.pseudo_labels.bool()
    assert right.float().mean() > 0.95


def test_node_attention_cannot_share_a_width_out_among_its_heads():
    with pytest.raises(ValueError, match=r"event_width \(6\) must be a multiple of erm_heads \(4\)"):
        EarConfig(erm="attention", event_width=6)
