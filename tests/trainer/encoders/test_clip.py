"""CLIP's pictures: prepared as published, and as its own processor does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from tests.trainer.encoders.tiny import CLIP_SETTINGS, SIDE, branch_of, clip_folder, picture
from trainer.encoders import clip, clip_crop
from trainer.encoders.encoding import EncoderError, Loading, PictureIntake
from trainer.encoders.hub import open_checkpoint

MEAN, DEVIATION = (np.array(CLIP_SETTINGS[name])[:, None, None] for name in ("image_mean", "image_std"))

REFERENCE = {
    (
        20,
        31,
    ): "7ca975826a8d8389867c847b669e8d7b71747b93707082879484638d7d86738f698a7f7c839d7096776c707c779058b5757b"
    "6c768eab408e78727b994cad8b5b958681836e8f9c7b70818696a4767b95897973797978788c8c818d64815d95717e72a74da0858393"
    "6a86b8796f6c807153c8d7976f81967ed4da71778b84698a7f6f65599260598a5d6e617585607075616b66817c9aa7837d94476b5669"
    "6d9aa49a8779639661996bb17c7f886e6ca06c847666685669787576657a885d737e",
    (
        31,
        20,
    ): "9b6d7a73699c8372856b8a9b66798677877d64727c847a8b7377847a6c7382987c817176786f739d6c8d806b7aa383497e86"
    "8c909362b58481667c56b1746b699a9c927d75737d6682a090788f6d8c6a7082826bb06c5e909b7a5473d2ab7d8380738dddca876c85"
    "7fa9c9ba5f8d84937158b065707c5a7f9d5887908485858675626a6f5b87708889777da75a5d5562788a949d9f827884677c55a2856b"
    "7f74929e717c6b6b815492808087736c9a4292648e6c81856d5ea455559faa615692",
}
"""What transformers 5.23 (CLIPImageProcessor, by torchvision 0.28) makes of `picture`: shorter side 9, 8 x 8
of the middle, as levels (3, 8, 8)."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return clip_folder(tmp_path / "model")


def levels(prepared: NDArray[np.generic]) -> NDArray[np.float64]:
    """Colours in [0, 255] again."""
    return (np.asarray(prepared, np.float64) * DEVIATION + MEAN) * 255


def bilinear(image: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """The two nearest pixels of each direction, whatever lies between those of the result."""
    for axis, length in enumerate(image.shape[:2]):
        place = np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, length - 1)
        first = np.minimum(place.astype(int), length - 2)
        share = np.expand_dims(place - first, [*range(axis), *range(axis + 1, 3)])
        image = np.take(image, first, axis) * (1 - share) + np.take(image, first + 1, axis) * share
    return image.transpose(2, 0, 1)


@pytest.mark.parametrize("shape", [(90, 160), (160, 90), (16, 16), (9, 40)])
def test_a_whole_picture_is_scaled_as_for_the_published_features(folder: Path, shape: tuple[int, int]) -> None:
    image = picture(*shape)
    prepared = branch_of(clip.load(Loading(str(folder)))).prepare(image)
    assert (prepared.shape, prepared.dtype) == ((3, SIDE, SIDE), np.float32)
    np.testing.assert_allclose(levels(prepared), bilinear(image, SIDE), atol=1e-3)


@pytest.mark.parametrize("shape", REFERENCE)
def test_the_middle_of_a_picture_is_what_the_library_makes_of_it(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    folder = clip_folder(tmp_path / "model", size=9, crop_size=8)  # as older settings say it
    checkpoint = open_checkpoint(clip.part_of("clip-crop"), str(folder))
    prepare, _ = clip_crop.middle_of_picture(checkpoint, 8)
    expected = np.frombuffer(bytes.fromhex(REFERENCE[shape]), np.uint8).reshape(3, 8, 8)
    # Processors round their own way, by one level at most.
    np.testing.assert_allclose(levels(prepare(picture(*shape))), expected, atol=1.01)


@pytest.mark.parametrize("shape", [(90, 160), (161, 90), (16, 16), (16, 500), (7, 12)])
def test_the_middle_of_a_picture_is_within_two_levels_of_pillows(folder: Path, shape: tuple[int, int]) -> None:
    pytest.importorskip(
        "PIL", reason="needs Pillow, by which transformers prepares pictures without torchvision"
    )
    processor = transformers.CLIPImageProcessorPil.from_pretrained(folder)
    theirs = processor(picture(*shape), return_tensors="np")["pixel_values"][0]
    ours = branch_of(clip_crop.load(Loading(str(folder)))).prepare(picture(*shape))
    np.testing.assert_allclose(levels(ours), levels(theirs), atol=2.01)


def test_what_is_beside_the_middle_is_seen_by_the_whole_picture_alone(folder: Path) -> None:
    image = picture(40, 160)
    changed = image.copy()
    changed[:, :50] = 0
    for module, is_seen in ((clip, True), (clip_crop, False)):
        branch = branch_of(module.load(Loading(str(folder))))
        rows = [branch.infer(branch.prepare(given)[None, None])[0] for given in (image, changed)]
        assert (not np.array_equal(*rows)) is is_seen


def test_rows_are_the_models_own_embeddings_of_length_1(folder: Path) -> None:
    encoder = clip.load(Loading(str(folder)))
    (features,), branch = encoder.sets, branch_of(encoder)
    assert (features.name, features.width, features.rate, branch.intake) == ("clip", 6, 1, PictureIntake(1))
    assert features.preprocessing["picture"] == f"{SIDE} x {SIDE}, the whole"
    assert (encoder.precision, [*encoder.weights]) == ("float32", ["model.safetensors"])
    prepared = branch.prepare(picture(30, 50))
    (rows,) = branch.infer(prepared[None, None])
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        theirs = model(
            input_ids=torch.tensor([[0, 19]]), pixel_values=torch.from_numpy(prepared)[None]
        ).image_embeds
    assert rows.shape == (1, 1, 6)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows[0], theirs.numpy(), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows), 1, atol=1e-6)


def test_a_row_does_not_depend_on_what_came_before_it(folder: Path) -> None:
    branch = branch_of(clip.load(Loading(str(folder))))
    assert branch.batch == 1  # so no row has neighbours
    first, second = (branch.prepare(picture(30 + i, 50))[None, None] for i in range(2))
    alone = branch.infer(first)[0]
    branch.infer(second)
    np.testing.assert_array_equal(branch.infer(first)[0], alone)


@pytest.mark.parametrize(
    "settings",
    [
        {"do_center_crop": False},
        {"crop_size": {"height": 8, "width": 8}},
        {"size": {"height": 16, "width": 16}},
        {"size": {"shortest_edge": 8}},
        {"resample": 1},
    ],
)
def test_a_processor_that_prepares_in_other_ways_is_not_imitated(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    folder = clip_folder(tmp_path / "model", **settings)
    with pytest.raises(EncoderError, match=r"does not cut 16 x 16 .* take the encoder clip, which"):
        clip_crop.load(Loading(str(folder)))
    clip.load(Loading(str(folder)))


def test_a_processor_without_colours_is_refused(tmp_path: Path) -> None:
    folder = clip_folder(tmp_path / "model", image_mean=[0.5])
    with pytest.raises(EncoderError, match="no image_mean and image_std of three colours"):
        clip.load(Loading(str(folder)))
