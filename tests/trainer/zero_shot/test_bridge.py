"""From event names to classes: by what encoders know, and honest about what they do not."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.zero_shot.steps import (
    BARK,
    DOG,
    LABRADOR,
    LLP,
    NEWFOUNDLAND,
    PUG,
    SILENCE,
    SPEECH,
    needs_minilm,
    scores,
)
from trainer.encoders.minilm import encode
from trainer.encoders.weights import cache_folder
from trainer.labels import Modality
from trainer.zero_shot.bridge import Bridge, Reach, Rows, bridge_to, plain
from trainer.zero_shot.concepts import Concepts, audioset, coco, imagenet, person

NEVER_SEEN = {
    *("Speech", "Cheering", "Fire_alarm", "Singing", "Baby_laughter", "Helicopter", "Baby_cry_infant_cry"),
    *("Blender", "Clapping"),
}
"""Those of LLP's categories of which ImageNet and COCO have nothing."""

WORDS = ("dog", "pug", "animal", "car", "lamp", "barking")


def letters(texts: Sequence[str]) -> Rows:
    """Texts as directions: an axis a word, and "hound" near "dog"."""
    rows = np.zeros((len(texts), len(WORDS) + 1), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in plain(text).split():
            row[WORDS.index(word) if word in WORDS else -1] += 1
            if word == "hound":
                row[:] = [0.9, *[0] * (len(WORDS) - 1), 0.43589]
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def bridge(*names: str) -> Bridge:
    return bridge_to(names, [audioset(), imagenet(), coco(), person()], encode)


def probable(found: Bridge, modality: Modality, **sets: np.ndarray) -> np.ndarray:
    """Where a category is more likely there than not: (T, C)."""
    return found.logits(modality, {name.replace("_", "-"): rows for name, rows in sets.items()}) > 0


@pytest.fixture(autouse=True)
def _own_cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Without the true encoder nothing is written to the user's cache."""
    if "planted" in request.fixturenames:
        monkeypatch.setenv("AVVP_CACHE", str(tmp_path))


@pytest.fixture
def planted() -> Concepts:
    """Two breeds of dogs, and a lamp, which all are things, and dogs animals."""
    words = (("pug",), ("hound",), ("lamp",), ("dog",), ("animal",))
    classes = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 0]], np.bool_)
    classes = np.concatenate([classes, [[1, 1, 1]]])
    return Concepts("planted", Modality.VISUAL, (*words, ("car animal",)), classes, half=0.3, exclusive=True)


def test_a_kind_is_as_probable_as_all_its_classes_together(planted: Concepts) -> None:
    found = bridge_to(["Dog"], [planted], letters)
    rows = np.array([[0.3, 0.2, 0.5], [0.1, 0.1, 0.8]], np.float32)
    logits = found.logits(Modality.VISUAL, {"planted": rows})[:, 0]
    expected = [np.log(p / (1 - p)) - np.log(0.3 / 0.7) for p in (0.5, 0.2)]
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_what_is_above_the_best_kind_counts_nothing() -> None:
    words = (("dog",), ("hound dog",))  # nearly as like the name
    classes = np.array([[1, 0], [1, 1]], np.bool_)
    things = Concepts("things", Modality.VISUAL, words, classes, half=0.3, exclusive=True)

    def alike(texts: Sequence[str]) -> Rows:
        return np.array([[1, 0] if text == "dog" else [0.999, 0.0447] for text in texts], np.float32)

    found = bridge_to(["dog"], [things], alike)
    assert found.weights[0].ravel().tolist() == [1, 0]


def test_of_sounds_the_surest_class_tells_and_they_do_not_add_up() -> None:
    words, classes = (("dog",), ("dog",)), np.eye(2, dtype=np.bool_)
    sounds = Concepts("sounds", Modality.AUDIO, words, classes, half=0.25)
    found = bridge_to(["dog"], [sounds], letters)
    (logit,) = found.logits(Modality.AUDIO, {"sounds": np.array([[0.2, 0.25]], np.float32)})[0]
    assert logit == pytest.approx(0, abs=1e-5)


def test_hours_are_parsed_to_their_end(planted: Concepts) -> None:
    rows = np.zeros((1000, 3), np.float32)
    rows[-1, 0] = 0.9
    (found,) = np.flatnonzero(
        bridge_to(["pug"], [planted], letters).logits(Modality.VISUAL, {"planted": rows}) > 0
    )
    assert found == 999


def test_a_thing_is_found_within_a_name(planted: Concepts) -> None:
    found = bridge_to(["dog barking", "dogs"], [planted], letters)
    assert found.reach[Modality.VISUAL][0].classes[0] == "dog"
    assert found.reach[Modality.VISUAL][0].known
    assert not found.reach[Modality.VISUAL][1].known  # one word: its own text tells


@pytest.mark.parametrize("name", ["!!!", "___", "-", "…"])
def test_a_name_without_a_letter_reaches_nothing(planted: Concepts, name: str) -> None:
    assert bridge_to([name], [planted], letters).reach[Modality.VISUAL] == (Reach(0.0, (), False),)


def test_the_texts_of_classes_are_read_once(planted: Concepts) -> None:
    asked: list[str] = []

    def counted(texts: Sequence[str]) -> Rows:
        asked.extend(texts)
        return letters(texts)

    first = bridge_to(["dog"], [planted], counted)
    count = len(asked)
    second = bridge_to(["dog"], [planted], counted)
    assert len(asked) - count < count
    np.testing.assert_array_equal(first.weights[0], second.weights[0])


def test_the_texts_of_other_classes_are_read_too(planted: Concepts) -> None:
    bridge_to(["car"], [planted], letters)
    first, _, *rest = planted.words
    others = replace(planted, words=(first, ("car",), *rest))
    assert bridge_to(["car"], [others], letters).reach[Modality.VISUAL][0].classes == ("car",)


def test_a_damaged_cache_is_made_anew(planted: Concepts) -> None:
    bridge_to(["dog"], [planted], letters)
    (path,) = cache_folder().glob("class-texts-*.npy")
    path.write_bytes(b"\x93NUMPY damaged")
    assert bridge_to(["dog"], [planted], letters).reach[Modality.VISUAL][0].known
    assert np.load(path).shape[1] == len(WORDS) + 1


def test_the_tables_have_the_classes_of_the_encoders_in_their_order() -> None:
    names = {"yamnet.tflite": 521, "efficientnet_lite3.tflite": 1000}
    for file, width in names.items():
        path = cache_folder() / file
        if not path.is_file():
            pytest.skip(f"{file} is not installed (avvp-trainer encoders install default)")
        with zipfile.ZipFile(path) as archive:
            labels = archive.read(archive.namelist()[0]).decode().splitlines()
        concepts = audioset() if width == 521 else imagenet()
        assert concepts.width == len(labels) == width
        for words, classes in zip(concepts.words, concepts.classes, strict=True):
            if classes.sum() == 1 and concepts is audioset():
                label = labels[int(classes.argmax())]
                assert words[0] == label or (label in words[0] and label in {"Cricket", "Country", "Jungle"})
        if concepts is imagenet():
            assert all(label in concepts.words[i] for i, label in enumerate(labels))


def test_there_are_118_breeds_of_dogs_and_no_silence() -> None:
    kinds = {
        words[0]: classes.sum() for words, classes in zip(imagenet().words, imagenet().classes, strict=True)
    }
    assert kinds["dog"] == 118
    assert all(words != ("Silence",) for words in audioset().words)


@needs_minilm
def test_all_of_llp_can_be_heard_and_16_of_its_25_categories_seen() -> None:
    found = bridge(*LLP)
    assert all(reach.known for reach in found.reach[Modality.AUDIO])
    unseen = {name for name, reach in zip(LLP, found.reach[Modality.VISUAL], strict=True) if not reach.known}
    assert unseen == NEVER_SEEN


@needs_minilm
def test_a_breed_is_a_dog_and_several_breeds_add_up() -> None:
    found = bridge("Dog", "Cat")
    rows = scores(
        1000, {NEWFOUNDLAND: 0.6}, {NEWFOUNDLAND: 0.15, LABRADOR: 0.15, PUG: 0.15}, {NEWFOUNDLAND: 0.1}
    )
    seen = probable(found, Modality.VISUAL, efficientnet_scores=rows)
    assert seen.tolist() == [[True, False], [True, False], [False, False]]


@needs_minilm
def test_a_bark_is_heard_and_silence_is_nothing() -> None:
    found = bridge("dog barking", "Speech", "silence")
    rows = scores(521, {BARK: 0.6, DOG: 0.7}, {SPEECH: 0.8, SILENCE: 0.8}, {SILENCE: 0.8}, {})
    heard = probable(found, Modality.AUDIO, yamnet_scores=rows)
    assert heard.tolist() == [[True, False, False], [False, True, False], *[[False] * 3] * 2]


@needs_minilm
def test_the_surest_of_two_encoders_tells() -> None:
    found = bridge("Dog")
    detected = np.zeros((2, 82), np.float32)
    detected[0, 16] = 0.9
    nothing = scores(1000, {}, {})
    seen = probable(found, Modality.VISUAL, efficientnet_scores=nothing, person=detected)
    assert seen.tolist() == [[True], [False]]


def test_a_set_that_knows_less_of_a_category_than_another_tells_nothing_of_it() -> None:
    one = np.ones((1, 1), np.bool_)
    sure = Concepts("sure", Modality.VISUAL, (("dog",),), one, half=0.3)
    vague = Concepts("vague", Modality.VISUAL, (("car dog",),), one, half=0.3)  # known, if it were alone
    assert bridge_to(["dog"], [vague], letters).weights[0] == 1
    assert bridge_to(["dog"], [sure, vague], letters).weights[1] == 0


@needs_minilm
def test_even_what_the_encoder_makes_of_no_letters_reaches_nothing() -> None:
    assert {*bridge("!!!").reach.values()} == {(Reach(0.0, (), False),)}


@needs_minilm
def test_how_sure_a_person_is_counts_and_not_how_many_there_are() -> None:
    found = bridge("people")
    detected = np.zeros((2, 82), np.float32)
    detected[0, 0] = 0.9
    detected[1, 80:] = 1
    assert probable(found, Modality.VISUAL, person=detected).tolist() == [[True], [False]]


@needs_minilm
def test_people_are_seen_but_not_that_they_clap() -> None:
    reach = bridge("people clapping", "a crowd of people", "Speech").reach[Modality.VISUAL]
    assert [one.known for one in reach] == [False, True, False]


@needs_minilm
@pytest.mark.parametrize("name", ["Собака", "狗", "perro ladrando", "a" * 5000, "asdf qwer"])
def test_a_name_that_is_not_understood_is_told_to_reach_nothing(name: str) -> None:
    found = bridge(name)
    assert [reach[0].known for reach in found.reach.values()] == [False, False]


@needs_minilm
@pytest.mark.parametrize(
    "name",
    [
        *("raining", "thunder", "snow", "window", "traffic"),  # barrels, snakes and signs begin so
        *("snoring", "chien", "skidding", "juggling"),  # spelt like a snorkel, a chime, skis and a jug
        *("wind noise", "football match", "jet engine"),  # words that mostly say something else
        *("boxing", "beat boxing", "fight", "striking bowling"),  # a dog, a drink and a dish
    ],
)
def test_a_thing_is_not_reached_by_a_false_friend(name: str) -> None:
    assert not bridge(name).reach[Modality.VISUAL][0].known


@needs_minilm
@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("drum solo", "drum"),
        ("skiing", "ski"),
        ("golf ball", "golf ball"),
        ("playing tennis", "tennis ball"),
        ("cellphone", "cellular telephone"),
        ("driving buses", "bus"),
        ("alarm clock ringing", "clock"),
        ("tiger", "tiger"),
    ],
)
def test_a_thing_is_reached_by_its_name_and_what_is_done_with_it(name: str, seen: str) -> None:
    (reach,) = bridge(name).reach[Modality.VISUAL]
    assert reach.known
    assert reach.classes[0] == seen


@needs_minilm
@pytest.mark.parametrize("name", ["soccer", "bat", "hamster", "snow", "window", "jungle gym", "happiness"])
def test_a_sound_is_not_reached_by_what_is_only_a_little_like_it(name: str) -> None:
    assert not bridge(name).reach[Modality.AUDIO][0].known


@needs_minilm
@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("people running", "Run"),
        ("woman laughing", "Laughter"),
        ("man talking", "Conversation"),
        ("man", ""),
        ("cricket chirping", "Cricket, insect"),
        ("country music", "Country music"),
    ],
)
def test_who_makes_a_sound_changes_nothing_of_it(name: str, heard: str) -> None:
    (reach,) = bridge(name).reach[Modality.AUDIO]
    assert (reach.classes[0] if reach.known else "") == heard


@needs_minilm
def test_what_a_category_reaches_does_not_depend_on_the_others() -> None:
    together, turned = bridge(*LLP), bridge(*reversed(LLP))
    for name in ("Chicken_rooster", "Frying_(food)", "Dog"):
        alone, place = bridge(name), LLP.index(name)
        for modality in Modality:
            assert together.reach[modality][place] == alone.reach[modality][0]
            assert turned.reach[modality][-1 - place] == alone.reach[modality][0]
        for many, other, one in zip(together.weights, turned.weights, alone.weights, strict=True):
            np.testing.assert_allclose(many[:, [place]], one, atol=1e-5)
            np.testing.assert_allclose(other[:, [-1 - place]], one, atol=1e-5)
