"""The generators of pseudo-labels: what they say of a clip, and of which vocabulary."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.models.small_generator import AUDIO, SMALL, VISUAL, small_generator, unit
from trainer.batch import Material
from trainer.models.generator import Generator, combined


def test_a_dynamic_logit_is_kappa_times_the_product_of_what_the_blocks_made_of_a_segment_and_a_text(dense):
    model = small_generator()

    output = model(dense)

    for axis, (module, features, texts, kappa) in enumerate(
        [
            (model.audio, dense.audio, model.audio_texts, 3.2912),
            (model.visual, dense.visual[0], model.visual_texts, 4.6052),
        ]
    ):
        attended = module.widen(features)
        for block in module.blocks:
            middle = block.attention_norm(attended + block.attention(attended, attended, dense.absent))
            attended = block.feedforward_norm(middle + block.feedforward(middle))
        expected = kappa * module.narrow(attended) @ texts.T
        torch.testing.assert_close(output.logits[:, axis], expected)
        torch.testing.assert_close(output.embeddings[:, axis], attended)
        torch.testing.assert_close(output.projected[:, axis], module.widen(features))
    torch.testing.assert_close(output.segment, output.logits.sigmoid())


def test_a_category_is_in_a_clip_as_probably_as_in_its_most_probable_segment(dense):
    output = small_generator()(dense)
    for clip, length in enumerate(dense.valid.sum(dim=1)):
        heard, seen = output.segment[clip, :, :length].amax(dim=1)
        assert torch.equal(output.audio_video[clip], heard)
        assert torch.equal(output.visual_video[clip], seen)
        assert torch.equal(output.video[clip], torch.maximum(heard, seen))


def test_the_modalities_share_nothing_and_do_not_see_each_other(dense):
    model = small_generator()
    other = replace(dense, audio=torch.randn(dense.audio.shape))

    before, after = model(dense).segment, model(other).segment

    assert torch.equal(before[:, 1], after[:, 1])
    assert not torch.equal(before[:, 0], after[:, 0])
    assert {id(p) for p in model.audio.parameters()}.isdisjoint(map(id, model.visual.parameters()))


@pytest.mark.parametrize("mode", ["raw", "calibrated"])
def test_static_probabilities_are_those_of_cosines_of_features_and_texts(dense, mode):
    model = small_generator(replace(SMALL, static_mode=mode))

    found = model.static(dense).numpy()

    assert not model.static(dense).requires_grad
    pairs = ((dense.audio, model.audio_texts), (dense.visual[0], model.visual_texts))
    for axis, (features, texts) in enumerate(pairs):
        x, e = features.numpy(), texts.numpy()
        cosine = (x / np.linalg.norm(x, axis=-1, keepdims=True)) @ e.T
        kappa, offset = ((3.2912, 1.76), (4.6052, 15.8))[axis]
        logits = kappa * cosine if mode == "raw" else math.exp(kappa) * cosine - offset
        np.testing.assert_allclose(found[:, axis], torch.tensor(logits).sigmoid(), rtol=1e-4)


def test_static_probabilities_are_the_same_whatever_was_trained(dense):
    model = small_generator()
    before = model.static(dense)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    assert torch.equal(model.static(dense), before)


@pytest.mark.parametrize(("how", "expected"), [("product", 0.1), ("mean", 0.35), ("minimum", 0.2)])
def test_two_probabilities_become_that_of_both(how, expected):
    assert combined(torch.tensor(0.2), torch.tensor(0.5), how).item() == pytest.approx(expected)


def test_what_is_heard_and_seen_is_dynamic_of_one_modality_and_static_of_the_other(dense):
    model = small_generator()
    output, static = model(dense), model.static(dense)

    joint = model.joint(output, dense)

    torch.testing.assert_close(joint[:, 0], output.segment[:, 0] * static[:, 1])
    torch.testing.assert_close(joint[:, 1], output.segment[:, 1] * static[:, 0])
    symmetric = small_generator(replace(SMALL, architecture="symmetric"))
    torch.testing.assert_close(symmetric.joint(output, dense)[:, 0], output.segment.prod(dim=1))


def test_texts_are_saved_with_the_weights():
    model = small_generator()
    again = Generator(SMALL, AUDIO, (VISUAL,), 3)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.audio_texts, model.audio_texts)
    assert torch.equal(again.visual_texts, model.visual_texts)


def test_with_other_texts_it_parses_another_vocabulary_with_the_same_weights(dense):
    model = small_generator()
    ours = model(dense)
    audio, visual = model.audio_texts.clone(), model.visual_texts.clone()
    more = torch.cat([unit(2, AUDIO, seed=8), audio[:1]]), torch.cat([unit(2, VISUAL, seed=9), visual[:1]])

    theirs = model.with_texts(*(torch.cat([texts, texts]) for texts in more))(dense)

    assert theirs.logits.shape == (3, 2, 5, 6)
    torch.testing.assert_close(theirs.logits[..., 2], ours.logits[..., 0])
    torch.testing.assert_close(theirs.logits[..., 5], ours.logits[..., 0])
    assert theirs.video.shape == (3, 6)
    model.with_texts(audio.double(), visual.double())
    audio.zero_()
    assert torch.equal(model(dense).logits, ours.logits)


def test_texts_that_do_not_fit_are_refused():
    model = small_generator()
    with pytest.raises(ValueError, match="2 audio and 3 visual texts"):
        model.with_texts(unit(2, AUDIO), unit(3, VISUAL))
    with pytest.raises(ValueError, match=r"visual texts \(3, 6\) do not fit features of width 4"):
        model.with_texts(unit(3, AUDIO), unit(3, AUDIO))
    with pytest.raises(ValueError, match="needs text features"):
        model.prepare(Material())


def test_what_cannot_be_trained_is_refused(ragged, make_batch):
    with pytest.raises(ValueError, match="one visual feature set"):
        Generator(SMALL, AUDIO, (4, 7), 3)
    with pytest.raises(ValueError, match="one visual feature set, not 2"):
        small_generator()(make_batch(visual=(4, 7)))
    with pytest.raises(ValueError, match="trains on dense truth, and the batch has none"):
        small_generator().step(ragged, 1)
