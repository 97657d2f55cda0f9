"""Text features of categories: what is written is read by name, in any order, and what is odd is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.feature_files import sets_in
from trainer.labels import Modality
from trainer.texts import (
    TEMPLATES,
    TextError,
    TextFeatures,
    caption,
    read_text_file,
    read_texts,
    texts_path,
    write_texts,
)

NAMES = ("Dog", "Frying_(food)", "Bébé")


def made(
    categories: tuple[str, ...] = NAMES, *, seed: int = 0, width: int = 4, encoder: str = "e"
) -> TextFeatures:
    features = np.random.default_rng(seed).normal(size=(len(categories), width)).astype(np.float32)
    captions = tuple(caption(TEMPLATES[Modality.VISUAL], category) for category in categories)
    return TextFeatures(categories, captions, features, {"encoder": encoder, "template": "A photo of {}"})


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_captions_are_in_lower_case_and_without_underscores() -> None:
    assert caption(TEMPLATES[Modality.AUDIO], "Frying_(food)") == "This is the sound of frying (food)"
    assert caption(TEMPLATES[Modality.VISUAL], "Baby_cry_infant_cry") == "A photo of baby cry infant cry"
    for template in ("A photo", "{} and {}"):
        with pytest.raises(TextError, match="is no template"):
            caption(template, "Dog")


def test_texts_are_read_by_name_in_any_order_and_have_length_1(tmp_path: Path) -> None:
    path = write_texts(tmp_path, "clip", made())
    assert path == tmp_path / "texts" / "clip.npz" == texts_path(tmp_path, "clip")
    found = read_texts(tmp_path, "clip", ("Bébé", "Dog"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, unit(made().features)[[2, 0]], atol=1e-7)
    kept = read_text_file(path)
    assert (kept.categories, kept.captions[1]) == (NAMES, "A photo of frying (food)")
    assert kept.meta == {"encoder": "e", "template": "A photo of {}"}
    np.testing.assert_array_equal(kept.features, made().features)


def test_other_categories_stay_and_those_that_are_made_again_are_replaced(tmp_path: Path) -> None:
    write_texts(tmp_path, "clip", made())
    again = made(("Car", "Dog"), seed=1)
    write_texts(tmp_path, "clip", again)
    kept = read_text_file(texts_path(tmp_path, "clip"))
    assert kept.categories == ("Frying_(food)", "Bébé", "Car", "Dog")
    np.testing.assert_array_equal(kept.features, np.vstack([made().features[1:], again.features]))


@pytest.mark.parametrize("change", [{"encoder": "other"}, {"width": 5}])
def test_two_encoders_do_not_mix_in_a_file(tmp_path: Path, change: dict) -> None:
    write_texts(tmp_path, "clip", made())
    with pytest.raises(TextError, match=r"clip\.npz: .* of Frying_\(food\); Bébé are of another encoder"):
        write_texts(tmp_path, "clip", made(("Dog",), **change))
    write_texts(tmp_path, "clip", made(**change))  # nothing of the old stays
    assert read_text_file(texts_path(tmp_path, "clip")).meta["encoder"] == change.get("encoder", "e")


def test_categories_without_text_features_are_named_and_how_to_make_them_is_said(tmp_path: Path) -> None:
    write_texts(tmp_path, "clip", made())
    with pytest.raises(TextError, match=r"of 2 of the 3 categories \(Car; Cat\).*avvp-trainer texts"):
        read_texts(tmp_path, "clip", ("Car", "Dog", "Cat"))
    with pytest.raises(
        TextError, match=r"clap512\.npz: there are no text features of the 3 categories.*texts --from"
    ):
        read_texts(tmp_path, "clap512", NAMES)


@pytest.mark.parametrize(("set_name", "place"), [("clip", "feats_CLIP"), ("clap512", "feats_CLAP")])
def test_the_published_rows_serve_where_there_is_one_for_each_category(
    tmp_path: Path, set_name: str, place: str
) -> None:
    path = tmp_path / place / "event_feats" / "all_event_feats.npy"
    path.parent.mkdir(parents=True)
    np.save(path, made().features)
    np.testing.assert_allclose(read_texts(tmp_path, set_name, NAMES), unit(made().features), atol=1e-7)
    with pytest.raises(
        TextError, match=r"all_event_feats\.npy: it is \(3, 4\), and the dataset has 2 categories"
    ):
        read_texts(tmp_path, set_name, NAMES[:2])
    path.write_bytes(b"hello")
    with pytest.raises(TextError, match=r"all_event_feats\.npy: not an array"):
        read_texts(tmp_path, set_name, NAMES)


def test_our_own_file_comes_before_the_published_rows(tmp_path: Path) -> None:
    path = tmp_path / "feats_CLIP" / "event_feats" / "all_event_feats.npy"
    path.parent.mkdir(parents=True)
    np.save(path, made(seed=5).features)
    write_texts(tmp_path, "clip", made())
    np.testing.assert_allclose(read_texts(tmp_path, "clip", NAMES), unit(made().features), atol=1e-7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.zeros((3, 4), np.float32)}, "not finite, or all zeros .Dog; "),
        ({"features": np.full((3, 4), np.nan, np.float32)}, "not finite, or all zeros"),
        ({"features": np.ones((2, 4), np.float32)}, "do not fit together"),
        ({"features": np.ones(3, np.float32)}, "do not fit together"),
        ({"captions": ("one",)}, "3 categories, 1 captions"),
        ({"categories": ("Dog", "Dog", "Cat")}, "names a category twice"),
    ],
)
def test_what_is_no_text_features_is_not_written(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(TextError, match=message):
        write_texts(tmp_path, "clip", replace(made(), **change))
    assert not texts_path(tmp_path, "clip").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = write_texts(tmp_path, "clip", made())
    path.write_bytes(content)
    with pytest.raises(TextError, match=r"clip\.npz: not text features, or damaged"):
        read_texts(tmp_path, "clip", NAMES)


def test_pickled_texts_are_not_loaded(tmp_path: Path) -> None:
    path = write_texts(tmp_path, "clip", made())
    np.savez(path, categories=np.array([{"a": 1}], dtype=object), captions=["a"], features=[[1.0]], meta="{}")
    with pytest.raises(TextError, match="not text features, or damaged"):
        read_text_file(path)


def test_the_folder_of_texts_is_no_feature_set(tmp_path: Path) -> None:
    write_texts(tmp_path, "clip", made())
    (tmp_path / "signal-audio").mkdir()
    assert sets_in(tmp_path) == ["signal-audio"]
