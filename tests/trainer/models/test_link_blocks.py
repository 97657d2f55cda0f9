"""The blocks of LINK, against their equations written as loops."""

from __future__ import annotations

import pytest
import torch

from tests.trainer.models.small_link import small_link
from trainer.config import ConfigError
from trainer.models.link_blocks import CrossModalInteraction, SemanticModulation, TemporalSpatialAttention

VALID = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]


@pytest.fixture
def features():
    return torch.randn(3, 2, 5, 8, generator=torch.Generator().manual_seed(3))


def attention(segments=5, **settings) -> TemporalSpatialAttention:
    torch.manual_seed(1)
    return TemporalSpatialAttention(segments, **settings)


def temporal_by_hand(block, f, length) -> torch.Tensor:
    """W (T,) of one clip (T, D): the MLP reads the mean and the maximum of every segment, zeros beyond."""
    first, _, second = block.temporal
    total = torch.zeros(block.segments)
    for pool in (torch.mean, torch.amax):
        pooled = torch.zeros(block.segments)
        for t in range(length):
            pooled[t] = pool(f[t], dim=0)
        hidden = (first.weight @ pooled + first.bias).clamp(min=0)
        total += second.weight @ hidden + second.bias
    return 1 / (1 + torch.exp(-total))


def spatial_by_hand(block, g, length) -> torch.Tensor:
    """S (D,) of one clip (T, D)."""
    rows = torch.stack([g[:length].mean(dim=0), g[:length].max(dim=0).values])
    width, kernel = g.shape[1], block.spatial.kernel_size[0]
    made = torch.zeros(width)
    for d in range(width):
        for k in range(kernel):
            column = d + k - kernel // 2
            if 0 <= column < width:
                made[d] += block.spatial.weight[0, :, k] @ rows[:, column]
    return torch.sigmoid(made + block.spatial.bias[0])


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(
    ("temporal", "spatial"), [(True, True), (True, False), (False, True)], ids=["both", "temporal", "spatial"]
)
def test_attention_gates_segments_and_then_columns(features, temporal, spatial, residual):
    block = attention(6, temporal=temporal, spatial=spatial, residual=residual)

    found, weights = block(features, VALID)

    for clip, axis in ((clip, axis) for clip in range(3) for axis in range(2)):
        f, length = features[clip, axis], int(VALID[clip].sum())
        g = f
        if temporal:
            w = temporal_by_hand(block, f, length)[:5]
            torch.testing.assert_close(weights[clip, axis][:length], w[:length])
            g = w[:, None] * f
        if spatial:
            g = spatial_by_hand(block, g, length) * g
        expected = g + f if residual else g
        torch.testing.assert_close(found[clip, axis][:length], expected[:length])
    assert (weights is None) is (not temporal)


def test_the_mlp_inside_is_half_as_wide_and_the_convolution_reads_seven_columns():
    block = attention(10)

    assert block.temporal[0].weight.shape == (5, 10)
    assert block.temporal[2].weight.shape == (10, 5)
    assert block.spatial.weight.shape == (1, 2, 7)
    assert attention(1).temporal[0].weight.shape == (1, 1)


def test_clips_longer_than_there_are_weights_for_are_refused_and_told_what_takes_them(features):
    with pytest.raises(
        ConfigError, match=r'4 segments, and these clips have 5.*model.tsa = "spatial" or "none"'
    ):
        attention(4)(features, VALID)
    attention(4, temporal=False)(features, VALID)


@pytest.mark.parametrize("scaled", [False, True])
def test_each_modality_reads_the_segments_of_the_other_and_counts_itself_twice(features, scaled):
    block = CrossModalInteraction(scaled=scaled)
    with torch.no_grad():
        for i, name in enumerate(("alpha1", "alpha2", "beta1", "beta2")):
            getattr(block, name).fill_(0.5 + i)
    absent = torch.zeros(3, 1, 5).masked_fill(~VALID[:, None], -torch.inf)

    found = block(features, absent)

    # audio is scaled by alpha2 and beta2, visual by alpha1 and beta1
    for axis, alpha, beta in ((0, 1.5, 3.5), (1, 0.5, 2.5)):
        for clip in range(3):
            own, other, length = features[clip, axis], features[clip, 1 - axis], int(VALID[clip].sum())
            for i in range(length):
                scores = torch.stack([own[i] @ other[j] for j in range(length)])
                shares = torch.softmax(scores / 8**0.5 if scaled else scores, dim=0)
                read = sum(shares[j] * beta * other[j] for j in range(length))
                torch.testing.assert_close(found[clip, axis, i], 2 * own[i] + alpha * read)


def test_mixed_precision_rounds_no_product_of_segments():
    """They have no scale: one of 1025 would be rounded to 1024, and no segment read more than another."""
    features = torch.ones(1, 2, 2, 256, dtype=torch.bfloat16)
    features[:, 1] = 4
    features[0, 1, 1, 0] = 5

    with torch.autocast("cpu", torch.bfloat16):
        found = CrossModalInteraction()(features, torch.zeros(1, 1, 2))

    share = torch.sigmoid(torch.tensor(1.0)).item()
    assert found[0, 0, 0, 0].item() == pytest.approx(2 + 4 + share, abs=0.03)


def test_the_scalars_start_where_they_are_told_to():
    block = CrossModalInteraction(alpha=0.25, beta=0.5)

    assert block.scalars() == {"alpha1": 0.25, "alpha2": 0.25, "beta1": 0.5, "beta2": 0.5}
    assert all(parameter.ndim == 0 for parameter in block.parameters())


def modulation() -> SemanticModulation:
    torch.manual_seed(2)
    block = SemanticModulation(7, 8)
    for side in (block.gain, block.shift):
        torch.nn.init.normal_(side.last.weight)
        torch.nn.init.normal_(side.last.bias)
    return block


def by_two_layers(side, text) -> torch.Tensor:
    hidden = side.first(text)
    return side.last(torch.where(hidden > 0, hidden, 0.01 * hidden))


def test_segments_are_modulated_by_the_mean_text_of_their_categories():
    block, random = modulation(), torch.Generator().manual_seed(4)
    f, texts = torch.randn(2, 4, 8, generator=random), torch.randn(3, 7, generator=random)
    conditions = torch.rand(2, 4, 3, generator=random) < 0.5
    conditions[0, 0] = False

    found = block(f, conditions, texts)

    for clip in range(2):
        for t in range(4):
            active = [texts[c] for c in range(3) if conditions[clip, t, c]]
            mean = sum(active) / len(active) if active else torch.zeros(7)
            gain, shift = by_two_layers(block.gain, mean), by_two_layers(block.shift, mean)
            expected = f[clip, t] * gain + shift + f[clip, t]
            torch.testing.assert_close(found[clip, t], expected, rtol=1e-4, atol=1e-5)


def test_modulation_starts_as_the_identity_and_its_last_layers_learn_at_once():
    torch.manual_seed(0)
    block = SemanticModulation(7, 8)
    f = torch.randn(2, 4, 8)

    found = block(f, torch.ones(2, 4, 3, dtype=torch.bool), torch.randn(3, 7))
    found.square().sum().backward()

    assert torch.equal(found, f)
    for side in (block.gain, block.shift):
        assert side.first.weight.shape == (14, 7)
        assert side.last.weight.grad.abs().sum() > 0


def test_the_parser_has_every_block_that_its_settings_ask_for():
    model = small_link()
    assert None not in (model.tsa, model.cmim)
    assert len(model.plsim.sides) == 2
    bare = small_link(tsa="none", cmim=False, plsim=False)
    assert [bare.tsa, bare.cmim, bare.plsim] == [None] * 3
