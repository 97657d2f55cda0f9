"""CoLeaF: its two branches, what they teach each other, and what a person's word does to that."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from trainer.models.coleaf import (
    Coleaf,
    ColeafConfig,
    Reference,
    UnimodalReference,
    contrast_loss,
    cooccurrence_loss,
    make_targets,
)
from trainer.models.layers import Output

SMALL = ColeafConfig(width=16, heads=2, feedforward=32, dropout=0.0, visual_dropout=0.0, reference_dropout=0.0)
PAPER = replace(
    SMALL,
    reference_cost="cross-entropy",
    reference_warmup_epochs=0,
    reference_video_weights=(1.0, 1.0),
    late_token_weights=(1.0, 1.0),
    reference_self_weight=1.0,
    contrast_weights=(1.0, 1.0),
    contrast_smoothing=0.0,
    cooccurrence_targets="all",
)
"""The losses as the paper prints them."""
LATE = 9
"""An epoch after every warm-up."""
OF_REFERENCE = ("reference_video", "reference_tokens", "reference_self")
OF_ANCHOR = ("audio_video", "visual_video", "video", "reviewed", "contrast", "cooccurrence")


def small_coleaf(config=SMALL) -> Coleaf:
    torch.manual_seed(0)
    return Coleaf(config, 6, (4,), 3)


def sure_of_everything(model: Coleaf) -> Coleaf:
    """The model with a reference branch that finds every category, so that the anchor has much to learn."""
    for branch, bias in ((model.reference.audio, 3.0), (model.reference.visual, -3.0)):
        nn.init.constant_(branch.classifier.bias, bias)
    return model


def trained_by(model: Coleaf, losses) -> set[str]:
    """The branches that have a gradient of the losses."""
    model.zero_grad()
    sum(losses).backward(retain_graph=True)
    return {
        name.split(".")[0]
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }


def an_output(embeddings, audio=((0.5,),), visual=((0.5,),)) -> Output:
    """`embeddings` (B, 2, T, D), and the (B, C) probabilities of the modalities."""
    embeddings = torch.as_tensor(embeddings, dtype=torch.float32)
    audio, visual = torch.tensor(audio), torch.tensor(visual)
    logits = torch.zeros(*embeddings.shape[:3], audio.shape[1])
    return Output(logits, logits.sigmoid(), audio, visual, audio, embeddings, embeddings)


def a_reference(embeddings, video=(((0.5,), (0.5,)),)) -> Reference:
    video = torch.tensor(video)
    return Reference(torch.as_tensor(embeddings, dtype=torch.float32), video, video)


# --- the branches ---


def test_a_reference_modality_is_a_self_attention_layer_over_tokens_and_segments(ragged):
    """Its shortcut for what all clips share changes nothing: torch's own layer is the same."""
    torch.manual_seed(3)
    branch = UnimodalReference(SMALL, 3).eval()
    for values in (branch.tokens, branch.self_attention.in_proj_bias):
        nn.init.normal_(values)
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True).eval()
    for theirs, ours in (
        (layer.self_attn, branch.self_attention),
        (layer.linear1, branch.feedforward[0]),
        (layer.linear2, branch.feedforward[3]),
        (layer.norm1, branch.attention_norm),
        (layer.norm2, branch.feedforward_norm),
    ):
        theirs.load_state_dict(ours.state_dict())
    features, valid = torch.randn(3, 5, 16), ragged.valid

    segments, video, tokens = branch(features, ragged.absent)

    joined = torch.cat([branch.tokens.expand(3, -1, -1), features], dim=1)
    padding = torch.cat([torch.zeros(3, 3, dtype=torch.bool), ~valid], dim=1)
    expected = layer(joined, src_key_padding_mask=padding)
    torch.testing.assert_close(segments[valid], expected[:, 3:][valid])
    torch.testing.assert_close(tokens, expected[:, :3].mean(dim=-1).sigmoid())
    only = expected[2, 3]  # of the clip of one segment
    torch.testing.assert_close(video[2], branch.classifier(only).sigmoid())


def test_the_reference_branch_never_looks_across_modalities(make_batch):
    reference = small_coleaf().eval().reference
    batch = make_batch()

    whole, deaf = reference(batch), reference(replace(batch, audio=torch.randn(3, 5, 6)))

    for found, expected in ((deaf.video, whole.video), (deaf.embeddings, whole.embeddings)):
        assert torch.equal(found[:, 1], expected[:, 1])
        assert not torch.equal(found[:, 0], expected[:, 0])


def test_only_the_anchor_parses(make_batch):
    model = small_coleaf().eval()
    before = model(make_batch()).segment

    for parameter in model.reference.parameters():
        nn.init.zeros_(parameter)

    assert torch.equal(model(make_batch()).segment, before)


@pytest.mark.parametrize("config", [SMALL, PAPER], ids=["code", "paper"])
def test_each_branch_learns_from_its_own_losses_alone(make_batch, config):
    model = sure_of_everything(small_coleaf(config))

    losses = model.step(make_batch(), LATE).losses

    assert set(losses) == {*OF_REFERENCE, *OF_ANCHOR}
    assert losses["contrast"] > 0
    assert losses["cooccurrence"] > 0
    assert trained_by(model, [losses[name] for name in OF_REFERENCE]) == {"reference"}
    assert trained_by(model, [losses[name] for name in OF_ANCHOR]) == {"anchor"}


def test_both_branches_together_learn_as_each_with_an_optimiser_of_its_own(make_batch):
    batch = make_batch()
    weights = []
    for optimisers in (1, 2):
        model = sure_of_everything(small_coleaf())
        parts = [model.parameters()] if optimisers == 1 else [m.parameters() for m in model.children()]
        adams = [torch.optim.Adam(part, lr=1e-2) for part in parts]
        for epoch in (1, 2, 3, 4, 5):
            model.zero_grad()
            sum(model.step(batch, epoch).losses.values()).backward()
            for adam in adams:
                adam.step()
        weights.append(model.state_dict())

    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


# --- the schedule ---


def test_the_losses_begin_and_weigh_as_the_published_code_has_it(make_batch):
    model = sure_of_everything(small_coleaf())
    by_epoch = {epoch: model.step(make_batch(), epoch).losses for epoch in (1, 2, 3, 4)}

    assert by_epoch[1]["contrast"] == by_epoch[1]["cooccurrence"] == 0
    assert by_epoch[2]["contrast"] > 0
    assert by_epoch[2]["cooccurrence"] > 0
    assert by_epoch[3]["reference_self"] == 0
    assert by_epoch[4]["reference_self"] > 0
    torch.testing.assert_close(by_epoch[4]["reference_video"], 0.5 * by_epoch[3]["reference_video"])
    assert by_epoch[4]["reference_tokens"] < 0.002 * by_epoch[3]["reference_tokens"]
    assert len({tuple(losses) for losses in by_epoch.values()}) == 1


# --- the losses, by hand ---


@pytest.mark.parametrize("cost", ["asymmetric", "cross-entropy"])
def test_the_reference_branch_is_trained_by_the_cost_that_is_asked_for(make_batch, cost):
    config = replace(PAPER, reference_cost=cost)
    model, batch = small_coleaf(config), make_batch()
    video = model.reference(batch).video.detach()

    found = model.step(batch, 1).losses["reference_video"]

    expected = 0.0
    for clip in range(3):
        for modality in range(2):
            for category in range(3):
                p, y = video[clip, modality, category].item(), batch.labels[clip, category].item()
                if cost == "cross-entropy":
                    expected -= math.log(p) if y else math.log(1 - p)
                else:
                    shifted = max(p - 0.05, 0)
                    expected -= (1 - p) * math.log(p) if y else shifted * math.log(1 - shifted)
    assert found.item() == pytest.approx(expected / 9)


def test_an_absence_that_is_as_good_as_found_costs_nothing(make_batch):
    model = small_coleaf()
    for branch in (model.reference.audio, model.reference.visual):
        nn.init.zeros_(branch.classifier.weight)
        nn.init.constant_(branch.classifier.bias, math.log(0.04 / 0.96))

    losses = model.step(replace(make_batch(), labels=torch.zeros(3, 3)), 1).losses

    assert losses["reference_video"] == 0


def test_the_contrast_prefers_the_own_segment_to_all():
    # Cosines of audio: t=0: 1, 0; t=1: 0, 1; of visual: both rows 0.6, 0.8.
    anchor = [[[[2, 0], [0, 3]], [[1, 0], [1, 0]]]]
    own = [[[[1, 0], [0, 1]], [[0.6, 0.8], [0.8, 0.6]]]]
    weights, whole = torch.tensor([[0.5, 1.0]]), torch.ones(1, 2, dtype=torch.bool)
    config = replace(PAPER, contrast_temperature=0.5, contrast_weights=(1.0, 2.0))

    found = contrast_loss(an_output(anchor), a_reference(own), weights, whole, config)

    def softmax(one: float, other: float) -> float:
        return math.exp(one / 0.5) / (math.exp(one / 0.5) + math.exp(other / 0.5))

    audio = -math.log(softmax(1, 0))
    visual = -(math.log(softmax(0.6, 0.8)) + math.log(softmax(0.8, 0.6))) / 2
    assert found.item() == pytest.approx(0.5 * audio + 2 * visual)
    smooth = contrast_loss(
        an_output(anchor), a_reference(own), weights, whole, replace(config, contrast_smoothing=0.1)
    )
    audio = -math.log(0.9 * softmax(1, 0) + 0.1 * softmax(0, 1))
    p = softmax(0.6, 0.8)
    visual = -(math.log(0.9 * p + 0.1 * (1 - p)) + math.log(0.9 * (1 - p) + 0.1 * p)) / 2
    assert smooth.item() == pytest.approx(0.5 * audio + 2 * visual)


def test_the_contrast_of_a_clip_of_one_segment_is_nothing_even_smoothed():
    one = torch.ones(1, 2, 1, 4, requires_grad=True)
    output = replace(an_output([[[[1.0, 0]], [[1.0, 0]]]]), embeddings=one)

    found = contrast_loss(
        output, a_reference(torch.ones(1, 2, 1, 4)), torch.ones(1, 2), torch.ones(1, 1, dtype=torch.bool), SMALL
    )
    found.backward()

    assert found.item() == pytest.approx(0, abs=1e-6)
    assert one.grad is not None
    assert torch.isfinite(one.grad).all()


def test_the_cooccurrence_loss_compares_products_of_probabilities():
    output = an_output(torch.zeros(1, 2, 1, 2), audio=((0.5, 1.0),), visual=((0.5, 0.0),))
    together = torch.tensor([[[0.5, 0.0], [1.0, 0.0]]])

    # Audio: products 0.25, 0.5, 0.5, 1 against 0.25, 0, 0, 0; visual: 0.25, 0, 0, 0 against 1, 0, 0, 0.
    assert cooccurrence_loss(output, together).item() == pytest.approx(0.5**2 + 0.5**2 + 1 + 0.75**2)
    assert cooccurrence_loss(output, torch.stack([output.audio_video, output.visual_video], 1)).item() == 0


def test_padding_changes_no_loss_and_no_gradient(ragged, padded):
    for config in (SMALL, PAPER):
        model = sure_of_everything(small_coleaf(config)).eval()
        found, expected = (model.step(batch, LATE).losses for batch in (padded(ragged), ragged))
        torch.testing.assert_close(found, expected)
        learnt = [weight for weight in model.parameters() if weight.requires_grad]
        gradients = [
            torch.autograd.grad(sum(losses.values()), learnt, allow_unused=True) for losses in (found, expected)
        ]
        torch.testing.assert_close(*gradients)


# --- the targets, and a person's word ---


def test_the_anchor_tells_the_reference_branch_in_which_modality_a_label_is(make_batch):
    batch = replace(make_batch(), labels=torch.tensor([[1.0, 1, 0]]).expand(3, 3))
    output = an_output(torch.zeros(3, 2, 5, 2), audio=((0.5, 0.4, 0.9),) * 3, visual=((0.55, 0.6, 0.9),) * 3)
    reference = a_reference(torch.zeros(3, 2, 5, 2), video=(((0.9, 0.6, 0.9), (0.5, 0.4, 0.9)),) * 3)

    targets = make_targets(output, reference, batch, SMALL)

    assert targets.found[0].tolist() == [[True, False, False], [False, True, False]]
    # Heard: 0, 1 and 2; seen: 0 and 2. A third of what is heard is only heard.
    torch.testing.assert_close(targets.weights[0], torch.tensor([1 / 3, 0]))
    # Audio: only of category 0 is the reference branch sure; visual: of 0.4 too. Category 2 has no label.
    torch.testing.assert_close(targets.together[0], torch.tensor([[0.9, 0.4, 0.9], [0.55, 0.4, 0.9]]))


def test_no_target_contradicts_a_person(make_batch):
    reviewed = torch.full((1, 2, 2, 3), -1, dtype=torch.int8)
    reviewed[0, 0, :, 0] = 0  # not heard
    reviewed[0, 1, 0, 1] = 1  # seen
    batch = make_batch(segments=2)
    batch = replace(
        batch,
        valid=batch.valid[:1],
        labels=torch.tensor([[1.0, 0, 1]]),
        reviewed=reviewed,
        index=batch.index[:1],
    )
    sure = ((0.9, 0.1, 0.9),)
    output = an_output(torch.zeros(1, 2, 2, 2), audio=sure, visual=sure)
    reference = a_reference(torch.zeros(1, 2, 2, 2), video=((sure[0], sure[0]),))

    targets = make_targets(output, reference, batch, SMALL)

    assert targets.found[0].tolist() == [[False, False, True], [True, True, True]]
    # Heard: only 2; seen: all three.
    torch.testing.assert_close(targets.weights[0], torch.tensor([0, 2 / 3]))
    torch.testing.assert_close(targets.together[0], torch.tensor([[0, 0.1, 0.9], [0.9, 1, 0.9]]))


def test_what_nobody_knows_of_a_clip_teaches_the_reference_branch_nothing(make_batch):
    batch = replace(make_batch(), labels=torch.full((3, 3), -1.0))
    model = small_coleaf()

    assert all(model.step(batch, LATE).losses[name] == 0 for name in OF_REFERENCE)
    heard = batch.reviewed.clone()
    heard[0, 0, 2, 1] = 1
    taught = model.step(replace(batch, reviewed=heard), LATE).losses
    assert all(taught[name] > 0 for name in OF_REFERENCE)


def test_the_supervision_can_be_looked_at_and_leaves_the_model_training(make_batch):
    model = small_coleaf().train()

    looked, step = model.supervision(make_batch()), model.step(make_batch(), 1).supervision

    assert model.anchor.training
    assert set(looked) == set(step) == {"student", "reference", "reference_targets"}
    assert looked["reference_targets"].dtype == torch.bool
    for name, value in looked.items():
        assert not step[name].requires_grad
        torch.testing.assert_close(step[name], value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference_cost": "focal"}, 'asymmetric, cross-entropy, not "focal"'),
        ({"cooccurrence_targets": "some"}, 'confident, all, not "some"'),
        ({"token_weights": (1.0,)}, r"token_weights is two numbers, not \[1.0\]"),
        ({"contrast_temperature": 0.0}, "more than 0, not 0.0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ColeafConfig(**settings)
