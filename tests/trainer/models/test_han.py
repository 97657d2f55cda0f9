"""HAN: what it is trained with, what a person's corrections do to it, and that it learns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from trainer.batch import Batch
from trainer.models import MODELS
from trainer.models.han import Han, HanConfig, han_loss
from trainer.models.layers import Output
from trainer.models.reviewed import reviewed_loss

SMALL = HanConfig(width=16, heads=2, feedforward=32)
WEAK = [kind for kind, (_, model) in MODELS.items() if model.taught_by == "video"]


def small_han(config=SMALL, *, visual=(4,), categories=3) -> Han:
    torch.manual_seed(0)
    return Han(config, 6, visual, categories)


def an_output(*, audio=0.5, visual=0.5, video=0.5, logits=None) -> Output:
    """One clip, one segment, one category."""
    logits = torch.zeros(1, 2, 1, 1) if logits is None else logits
    one = torch.ones(1, 1)
    return Output(logits, logits.sigmoid(), audio * one, visual * one, video * one, *torch.zeros(2, 1, 2, 1, 4))


def a_clip(label=1.0, reviewed=(-1, -1)) -> Batch:
    return Batch(
        audio=torch.zeros(1, 1, 6),
        visual=(torch.zeros(1, 1, 4),),
        valid=torch.ones(1, 1, dtype=torch.bool),
        labels=torch.tensor([[label]]),
        reviewed=torch.tensor(reviewed, dtype=torch.int8).reshape(1, 2, 1, 1),
        index=torch.arange(1),
    )


def test_the_losses_are_those_computed_by_hand():
    losses = han_loss(an_output(audio=0.8, visual=0.6, video=0.3), a_clip(), HanConfig())

    assert losses["audio_video"].item() == pytest.approx(-math.log(0.8))
    # the smoothed target is 0.95
    assert losses["visual_video"].item() == pytest.approx(-0.95 * math.log(0.6) - 0.05 * math.log(0.4))
    assert losses["video"].item() == pytest.approx(-math.log(0.3))
    assert losses["reviewed"].item() == 0
    assert set(losses) == {"audio_video", "visual_video", "video", "reviewed"}


def test_without_smoothing_the_visual_target_is_the_label():
    losses = han_loss(an_output(visual=0.6), a_clip(label=0.0), HanConfig(visual_smoothing=1.0))

    assert losses["visual_video"].item() == pytest.approx(-math.log(0.4), abs=1e-6)


def test_the_reviewed_loss_is_the_mean_over_the_reviewed_cells_and_weighted():
    logits = torch.tensor([2.0, -1.0]).reshape(1, 2, 1, 1)
    output = an_output(logits=logits)
    present, absent = math.log1p(math.exp(-2.0)), math.log1p(math.exp(-1.0))

    assert reviewed_loss(output, a_clip(reviewed=(1, -1))).item() == pytest.approx(present)
    both = a_clip(reviewed=(1, 0))
    assert reviewed_loss(output, both).item() == pytest.approx((present + absent) / 2)
    weighted = han_loss(output, both, HanConfig(reviewed_weight=3.0, reviewed_balance=1.0))["reviewed"]
    assert weighted.item() == pytest.approx(3 * (present + absent) / 2)


def test_a_cell_reviewed_present_counts_as_many_times_as_the_balance_says():
    output = an_output(logits=torch.tensor([2.0, -1.0]).reshape(1, 2, 1, 1))
    both, present, absent = a_clip(reviewed=(1, 0)), math.log1p(math.exp(-2.0)), math.log1p(math.exp(-1.0))

    found = han_loss(output, both, HanConfig(reviewed_weight=1.0, reviewed_balance=3.0))["reviewed"]

    assert found.item() == pytest.approx((3 * present + absent) / 4)


def test_each_video_loss_has_its_weight():
    output, clip = an_output(audio=0.8, visual=0.6, video=0.3), a_clip()
    plain = han_loss(output, clip, HanConfig())
    weighted = han_loss(
        output, clip, HanConfig(audio_video_weight=2.0, visual_video_weight=3.0, video_weight=5.0)
    )

    for name, weight in (("audio_video", 2), ("visual_video", 3), ("video", 5)):
        torch.testing.assert_close(weighted[name], weight * plain[name])


def test_a_clip_can_be_parsed_partly_without_cross_attention(make_batch):
    batch = make_batch()
    alone, together, mixed = (
        small_han(replace(SMALL, uncrossed_share=share)).eval()(batch) for share in (1.0, 0.0, 0.3)
    )

    for name in ("segment", "audio_video", "visual_video", "video"):
        expected = 0.7 * getattr(together, name) + 0.3 * getattr(alone, name)
        torch.testing.assert_close(getattr(mixed, name), expected)
        assert not torch.equal(getattr(alone, name), getattr(together, name)), name
    torch.testing.assert_close(mixed.logits.sigmoid(), mixed.segment)
    model = small_han(replace(SMALL, uncrossed_share=0.3, dropout=0.0)).train()
    torch.testing.assert_close(model(batch).segment, together.segment)  # training always looks across


def test_reviewed_cells_at_padding_are_not_trained():
    batch = replace(a_clip(reviewed=(1, 1)), valid=torch.zeros(1, 1, dtype=torch.bool))

    assert reviewed_loss(an_output(), batch).item() == 0


def test_reviewed_cells_change_the_targets_of_the_video_losses():
    heard_only = a_clip(label=0.0, reviewed=(1, 0))

    assert heard_only.video_targets.tolist() == [[1.0]]
    assert heard_only.modality_targets.tolist() == [[[1.0], [0.0]]]
    losses = han_loss(an_output(audio=0.8, visual=0.6, video=0.3), heard_only, HanConfig())
    assert losses["audio_video"].item() == pytest.approx(-math.log(0.8))
    assert losses["visual_video"].item() == pytest.approx(-0.05 * math.log(0.6) - 0.95 * math.log(0.4))
    assert losses["video"].item() == pytest.approx(-math.log(0.3))


def test_what_is_not_known_of_a_clip_pushes_nothing_until_a_person_says_it():
    batch = replace(a_clip(label=-1.0), audio=torch.randn(1, 1, 6), visual=(torch.randn(1, 1, 4),))
    model = small_han(categories=1)

    assert all(loss.item() == 0 for loss in model.step(batch, 1).losses.values())
    heard = model.step(replace(batch, reviewed=a_clip(reviewed=(1, -1)).reviewed), 1).losses
    unheard = model.step(replace(batch, reviewed=a_clip(reviewed=(0, -1)).reviewed), 1).losses
    assert heard["video"] > 0
    assert unheard["audio_video"] > 0
    assert unheard["visual_video"] == unheard["video"] == 0


def test_the_embeddings_are_those_before_the_dropout_of_the_classifier(make_batch):
    model = small_han(replace(SMALL, dropout=0.0, visual_dropout=0.9)).train()

    torch.testing.assert_close(model(make_batch()).embeddings, model.eval()(make_batch()).embeddings)


def test_a_batch_gives_probabilities_of_segments_modalities_and_videos(make_batch):
    output = small_han(visual=(4, 7))(make_batch(visual=(4, 7), rows_per_segment=8))

    assert output.segment.shape == output.logits.shape == (3, 2, 5, 3)
    assert output.video.shape == output.audio_video.shape == output.visual_video.shape == (3, 3)
    assert output.embeddings.shape == (3, 2, 5, 16)


@pytest.mark.parametrize("update", ["parallel", "sequential", "original"])
@pytest.mark.parametrize("grad", [True, False], ids=["training path", "inference path"])
def test_padding_does_not_change_what_is_said_of_a_clip(make_batch, update, grad):
    model = small_han(replace(SMALL, layers=2, han_update=update)).eval()
    batch = make_batch(rows_per_segment=2)
    junk = torch.full((3, 8, 6), 5.0)
    padded = Batch(
        audio=torch.cat([batch.audio, junk[:, :4]], dim=1),
        visual=(torch.cat([batch.visual[0], junk[:, :, :4]], dim=1),),
        valid=torch.cat([batch.valid, torch.zeros(3, 4, dtype=torch.bool)], dim=1),
        labels=batch.labels,
        reviewed=torch.cat([batch.reviewed, torch.full((3, 2, 4, 3), -1, dtype=torch.int8)], dim=2),
        index=batch.index,
    )

    with torch.set_grad_enabled(grad):
        whole, found = model(batch), model(padded)

    torch.testing.assert_close(found.segment[:, :, :5], whole.segment)
    torch.testing.assert_close(found.embeddings[:, :, :5], whole.embeddings)
    for name in ("audio_video", "visual_video", "video"):
        torch.testing.assert_close(getattr(found, name), getattr(whole, name))
    with_padding, without = model.step(padded, 1).losses, model.step(batch, 1).losses
    torch.testing.assert_close(with_padding, without)


def test_every_weight_learns(make_batch):
    model = small_han(visual=(4, 7))

    sum(model.step(make_batch(visual=(4, 7)), 1).losses.values()).backward()

    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # A bias common to all that a softmax compares changes nothing.
        assert parameter.grad.abs().sum() > 0 or "attention.bias" in name, name


def train(model, batch, steps=60, lr=3e-3) -> None:
    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=lr)
    model.train()
    for step in range(steps):
        optimiser.zero_grad()
        sum(model.step(batch, epoch=1 + step).losses.values()).backward()
        optimiser.step()
        model.after_step()
    model.eval()


def with_review(batch: Batch, index, state: int) -> Batch:
    reviewed = batch.reviewed.clone()
    reviewed[index] = state
    return replace(batch, reviewed=reviewed)


@pytest.mark.parametrize("kind", WEAK)
@pytest.mark.parametrize("state", [0, 1], ids=["absent", "present"])
def test_training_moves_a_reviewed_cell_towards_what_the_person_said(make_batch, kind, state):
    config, model_type = MODELS[kind]
    batch = make_batch()
    batch = replace(batch, labels=torch.full_like(batch.labels, 1 - state))  # the weak labels say the opposite
    cell = (0, 1, 2, 1)  # clip, modality, segment, category
    found = []
    for reviewed in (batch, with_review(batch, cell, state)):
        torch.manual_seed(0)
        model = model_type(config(width=16, feedforward=32, dropout=0.0, visual_dropout=0.0), 6, (4,), 3)
        train(model, reviewed, steps=25)
        found.append(model(batch).segment[cell].item())

    unreviewed, trained = found
    assert trained > unreviewed + 0.05 if state else trained < unreviewed - 0.05


def generated(clips=24, segments=6, categories=3) -> Batch:
    """Clips where an event is a direction in feature space, in some segments; heard and seen apart."""
    random = torch.Generator().manual_seed(4)
    states = (torch.rand(clips, 2, segments, categories, generator=random) < 0.25).float()
    noise = 0.1 * torch.randn(clips, 2, segments, 6, generator=random)
    features = noise + 2 * states @ torch.eye(categories, 6)
    return Batch(
        audio=features[:, 0],
        visual=(features[:, 1, :, :4].contiguous(),),
        valid=torch.ones(clips, segments, dtype=torch.bool),
        labels=states.amax(dim=(1, 2)),
        reviewed=torch.full((clips, 2, segments, categories), -1, dtype=torch.int8),
        index=torch.arange(clips),
    )


@pytest.mark.parametrize("kind", WEAK)
def test_a_small_model_learns_generated_clips_by_heart(kind):
    config, model_type = MODELS[kind]
    torch.manual_seed(0)
    model = model_type(config(width=32, feedforward=64, dropout=0.0, visual_dropout=0.0), 6, (4,), 3)
    batch = generated()

    train(model, batch, steps=150)

    assert torch.equal((model(batch).video >= 0.5).float(), batch.labels)


def test_reviewed_cells_teach_where_which_video_level_labels_do_not_say():
    batch = generated()
    truth = torch.stack((batch.audio[:, :, :3] > 1, batch.visual[0][:, :, :3] > 1), dim=1)
    agreement = []
    for seen in (batch, replace(batch, reviewed=truth.to(torch.int8))):
        model = small_han(replace(SMALL, width=32, dropout=0.0))
        train(model, seen, steps=150)
        agreement.append(((model(batch).segment >= 0.5) == truth).float().mean().item())

    unreviewed, reviewed = agreement
    assert unreviewed < 0.9
    assert reviewed > 0.99


def test_a_share_of_parsing_above_all_of_it_is_refused():
    with pytest.raises(ValueError, match=r"uncrossed_share must be in \[0, 1\], not 1.5"):
        HanConfig(uncrossed_share=1.5)
