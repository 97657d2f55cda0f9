"""R(2+1)D-18: the numbers of convolutions that are computed in space, picture by picture, and then in time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv1d, conv2d, relu

from tests.trainer.encoders.random_networks import random_network, small_file
from trainer.encoders.encoding import Loading
from trainer.encoders.r2plus1d import FEATURES, R2Plus1D, channels_between, load, whole_picture


def test_the_state_dict_is_that_of_the_published_file():
    with torch.device("meta"):
        network = R2Plus1D()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}

    assert sum(parameter.numel() for parameter in network.parameters()) == 31_505_325
    assert shapes["stem.0.weight"] == (45, 3, 1, 7, 7)
    assert shapes["stem.4.running_mean"] == (64,)
    assert shapes["layer1.0.conv1.0.0.weight"] == (144, 64, 1, 3, 3)
    assert shapes["layer1.0.conv1.0.3.weight"] == (64, 144, 3, 1, 1)
    assert shapes["layer2.0.conv1.0.0.weight"] == (230, 64, 1, 3, 3)
    assert shapes["layer2.0.conv2.0.0.weight"] == (230, 128, 1, 3, 3)
    assert shapes["layer2.0.downsample.1.running_var"] == (128,)
    assert shapes["layer4.1.conv2.1.num_batches_tracked"] == ()
    assert shapes["fc.weight"] == (400, 512)
    assert "layer1.0.downsample.0.weight" not in shapes


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 64), (64, 128), (128, 256), (512, 512)])
def test_the_channels_between_are_the_most_for_which_no_weight_is_added(inputs, outputs):
    def weights(between: int) -> int:
        return between * (9 * inputs + 3 * outputs)

    between = channels_between(inputs, outputs)
    assert weights(between) <= 27 * inputs * outputs < weights(between + 1)


def test_rows_are_those_of_pictures_convolved_one_by_one_and_then_in_time():
    network = random_network(R2Plus1D)
    clips = torch.randn(2, 3, 8, 24, 32)

    with torch.inference_mode():
        found = network(clips)
        expected = reference(dict(network.state_dict()), clips)

    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def reference(state: dict[str, Tensor], clips: Tensor) -> Tensor:
    """Maps are (N, T, C, H, W) here."""
    maps = clips.transpose(1, 2)
    maps = relu(normal(state, "stem.1", in_space(state["stem.0.weight"], maps, 2)))
    maps = relu(normal(state, "stem.4", in_time(state["stem.3.weight"], maps, 1)))
    for layer in range(1, 5):
        for block in range(2):
            name, stride = f"layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
            inner = relu(normal(state, f"{name}.conv1.1", factored(state, f"{name}.conv1.0", maps, stride)))
            inner = normal(state, f"{name}.conv2.1", factored(state, f"{name}.conv2.0", inner, 1))
            if stride == 2:
                aside = maps[:, ::2, :, ::2, ::2]
                weight = state[f"{name}.downsample.0.weight"].flatten(1)
                maps = normal(state, f"{name}.downsample.1", torch.einsum("oi,ntihw->ntohw", weight, aside))
            maps = relu(inner + maps)
    return maps.mean((1, 3, 4))


def factored(state: dict[str, Tensor], name: str, maps: Tensor, stride: int) -> Tensor:
    maps = relu(normal(state, f"{name}.1", in_space(state[f"{name}.0.weight"], maps, stride)))
    return in_time(state[f"{name}.3.weight"], maps, stride)


def in_space(weight: Tensor, maps: Tensor, stride: int) -> Tensor:
    kernel = weight[:, :, 0]
    made = conv2d(maps.flatten(0, 1), kernel, stride=stride, padding=kernel.shape[-1] // 2)
    return made.unflatten(0, maps.shape[:2])


def in_time(weight: Tensor, maps: Tensor, stride: int) -> Tensor:
    count, _, _, height, width = maps.shape
    lines = maps.permute(0, 3, 4, 2, 1).flatten(0, 2)
    made = conv1d(lines, weight[..., 0, 0], stride=stride, padding=1)
    return made.unflatten(0, (count, height, width)).permute(0, 4, 3, 1, 2)


def normal(state: dict[str, Tensor], name: str, maps: Tensor) -> Tensor:
    mean, var, weight, bias = (
        state[f"{name}.{of}"] for of in ("running_mean", "running_var", "weight", "bias")
    )
    return batch_norm(maps.transpose(1, 2), mean, var, weight, bias).transpose(1, 2)


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> Loading:
    return Loading(str(small_file(tmp_path_factory.mktemp("weights") / "r2plus1d.pth", R2Plus1D)))


def test_an_encoder_makes_one_row_of_the_eight_pictures_of_a_second(loading):
    encoder = load(loading)
    (branch,) = encoder.branches
    pictures = np.random.default_rng(5).integers(0, 256, (branch.batch, 8, 48, 64, 3), np.uint8)

    (rows,) = branch.infer(pictures)

    assert (encoder.name, encoder.precision, encoder.sets) == ("r2plus1d", "float32", (FEATURES,))
    assert branch.intake.rate == 8
    assert (rows.shape, rows.dtype) == ((branch.batch, 1, 512), np.float32)
    mean, deviation = [0.43216, 0.394666, 0.37645], [0.22803, 0.22145, 0.216989]
    values = ((pictures / 255 - mean) / deviation).transpose(0, 4, 1, 2, 3).astype(np.float32)
    network = R2Plus1D().eval()
    network.load_state_dict(torch.load(loading.model, weights_only=True))
    with torch.inference_mode():
        expected = network(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(rows[:, 0], expected, rtol=2e-3, atol=1e-3 * np.abs(expected).max())
    (again,) = branch.infer(pictures)
    np.testing.assert_array_equal(again, rows)


def test_the_order_of_pictures_counts(loading):
    (branch,) = load(loading).branches
    pictures = np.random.default_rng(7).integers(0, 256, (branch.batch, 8, 32, 32, 3), np.uint8)
    (there,), (back,) = branch.infer(pictures), branch.infer(np.ascontiguousarray(pictures[:, ::-1]))
    assert not np.allclose(there, back, rtol=1e-3)


def test_the_whole_picture_becomes_a_square():
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:, :80] = 200
    made = whole_picture(picture)
    assert made.shape == (112, 112, 3)
    assert (made[:, :54] == 200).all()
    assert (made[:, 58:] == 0).all()
