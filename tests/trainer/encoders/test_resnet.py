"""ResNet-152: the numbers of `transformers`' own, prepared as torchvision prepares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.trainer.encoders.random_networks import random_network, small_file
from trainer.encoders.encoding import EncoderError, Loading
from trainer.encoders.resnet import FEATURES, Bottleneck, ResNet, load, middle_of_picture

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> Loading:
    return Loading(str(small_file(tmp_path_factory.mktemp("weights") / "resnet.pth", ResNet)))


def test_the_state_dict_is_that_of_the_published_file():
    with torch.device("meta"):
        network = ResNet()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}

    assert sum(parameter.numel() for parameter in network.parameters()) == 60_192_808
    assert len(shapes) == 6 * 155 + 2  # 155 convolutions, each with five of BatchNorm; the classifier
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["bn1.running_var"] == (64,)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer2.7.conv2.weight"] == (128, 128, 3, 3)
    assert shapes["layer3.35.bn3.num_batches_tracked"] == ()
    assert shapes["layer4.0.downsample.1.running_mean"] == (2048,)
    assert shapes["fc.weight"] == (1000, 2048)
    assert "layer1.1.downsample.0.weight" not in shapes


def test_rows_are_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        depths=[3, 8, 36, 3], layer_type="bottleneck", downsample_in_bottleneck=False
    )
    with torch.device("meta"):
        theirs = transformers.ResNetModel(config).eval()
    ours = random_network(ResNet)
    state = {_their_name(name): tensor for name, tensor in ours.state_dict().items() if "fc" not in name}
    theirs.load_state_dict(state, assign=True)
    pictures = torch.randn(2, 3, 64, 96)

    with torch.inference_mode():
        expected, found = theirs(pictures).pooler_output.flatten(1), ours(pictures)

    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def _their_name(name: str) -> str:
    layer, _, rest = name.partition(".")
    if not layer.startswith("layer"):
        part = "convolution" if layer == "conv1" else "normalization"
        return f"embedder.embedder.{part}.{rest}"
    block, inner, end = rest.split(".", 2)
    stage = f"encoder.stages.{int(layer[-1]) - 1}.layers.{block}"
    if inner == "downsample":
        number, end = end.split(".")
        return f"{stage}.shortcut.{('convolution', 'normalization')[int(number)]}.{end}"
    part = "convolution" if inner.startswith("conv") else "normalization"
    return f"{stage}.layer.{int(inner[-1]) - 1}.{part}.{end}"


def test_the_stride_is_of_the_middle_convolution():
    block = Bottleneck(256, 128, stride=2)
    assert [block.conv1.stride, block.conv2.stride, block.conv3.stride] == [(1, 1), (2, 2), (1, 1)]


@pytest.mark.parametrize(("height", "width"), [(120, 160), (360, 640), (500, 333), (256, 256), (300, 224)])
def test_a_picture_is_scaled_with_antialiasing_and_its_middle_is_cut_out(height, width):
    picture = np.random.default_rng(4).integers(0, 256, (height, width, 3), np.uint8)
    shorter = min(height, width)
    size = 256 * height // shorter, 256 * width // shorter
    rows, columns = (_weights(*lengths) for lengths in ((height, size[0]), (width, size[1])))
    whole = np.einsum("yi,xj,ijc->yxc", rows, columns, picture.astype(float), optimize=True)
    top, left = round((size[0] - 224) / 2), round((size[1] - 224) / 2)

    made = middle_of_picture(picture)

    assert (made.shape, made.dtype) == ((224, 224, 3), np.uint8)
    # Between the two axes, and at the end, values are rounded to bytes.
    assert np.abs(made - whole[top : top + 224, left : left + 224]).max() < 1.6


def _weights(length: int, made: int) -> np.ndarray:
    """(made, length): a triangle over the source pixels, as wide as two of the made ones (or the source's)."""
    ratio = length / made
    reach = max(ratio, 1)
    centres = (np.arange(made)[:, None] + 0.5) * ratio
    triangle = np.maximum(0, 1 - np.abs(np.arange(length) + 0.5 - centres) / reach)
    return triangle / triangle.sum(axis=1, keepdims=True)


def test_an_encoder_makes_eight_rows_a_second_of_standardised_pictures(loading):
    encoder = load(loading)
    (branch,) = encoder.branches
    random = np.random.default_rng(5)
    pictures = random.integers(0, 256, (branch.batch, 8, 40, 56, 3), np.uint8)

    (rows,) = branch.infer(pictures)

    assert (encoder.name, encoder.precision, encoder.sets) == ("resnet152", "float32", (FEATURES,))
    assert (branch.intake.rate, branch.intake.size) == (8, None)
    assert list(encoder.weights) == ["resnet.pth"]
    assert (rows.shape, rows.dtype) == ((branch.batch, 8, 2048), np.float32)
    network = ResNet().eval()
    network.load_state_dict(torch.load(loading.model, weights_only=True))
    values = ((pictures[0] / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(rows[0], expected, rtol=2e-3, atol=1e-3 * np.abs(expected).max())


def test_no_row_depends_on_its_place(loading):
    (branch,) = load(loading).branches
    pictures = np.random.default_rng(6).integers(0, 256, (branch.batch, 8, 32, 32, 3), np.uint8)
    (first,) = branch.infer(pictures)
    (turned,) = branch.infer(np.ascontiguousarray(pictures[:, ::-1]))
    np.testing.assert_array_equal(turned[:, ::-1], first)


def test_half_precision_is_of_gpus(loading):
    with pytest.raises(EncoderError, match="half precision needs a GPU"):
        load(Loading(loading.model, half=True))
