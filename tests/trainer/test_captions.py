"""Captions of categories: those that come with the program, and files of a person's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from avvp_studio.paths import resource_path
from trainer.annotations import read_categories
from trainer.captions import CaptionError, caption_names, read_captions
from trainer.labels import Modality
from trainer.tables import AnnotationError
from trainer.texts import TEMPLATES, caption

AUDIO = [0, 0, 1, 4, 6, -2, 4, 4, 2, 2, 2, 1, 2, 3, 0, 2, 2, 2, 0, 2, -1, 2, 3, 3, 0]
VISUAL = [20, 15, 18, 14, 15, 18, 18, 15, 15, 15, 15, 18, 15, 15, 15, 15, 15, 15, 15, 16, 14, 15, 15, 15, 18]
"""VALOR's thresholds, in the order of LLP's categories."""

HEADER = "category\taudio\tvisual"
WITH_THRESHOLDS = f"{HEADER}\taudio_threshold\tvisual_threshold"


def write(folder: Path, *lines: str, header: str = HEADER) -> str:
    path = folder / "mine.tsv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return str(path)


def vocabulary(name: str) -> tuple[str, ...]:
    return read_categories(resource_path(f"vocabularies/{name}.txt"))


def test_the_program_comes_with_captions_of_llp_and_unav() -> None:
    assert caption_names() == ["llp", "unav100"]


@pytest.mark.parametrize("name", ["llp", "unav100"])
def test_they_are_of_the_categories_of_the_vocabulary_of_that_name(name: str) -> None:
    assert tuple(read_captions(name).texts) == vocabulary(name)


def test_those_of_llp_have_the_thresholds_of_valor_in_the_real_order_of_the_categories(
    shared_data: Path,
) -> None:
    categories = read_categories(shared_data / "llp" / "llp_classes.txt")
    captions = read_captions("llp")
    assert captions.lacking(categories) == captions.without_threshold(categories) == []
    np.testing.assert_array_equal(captions.threshold_rows(categories), [AUDIO, VISUAL])


def test_those_of_llp_are_in_the_style_of_valor() -> None:
    categories = vocabulary("llp")
    captions = read_captions("llp")
    for category, heard in zip(categories, captions.of(Modality.AUDIO, categories), strict=True):
        said = heard.removeprefix("This is a sound of ")
        assert said.replace(",", "") == category.lower().replace("_", " ")
    for seen in captions.of(Modality.VISUAL, categories):
        assert seen.startswith("A photo of ")
        assert seen.endswith(".")


def test_those_of_unav_are_by_template_and_have_no_thresholds() -> None:
    categories = vocabulary("unav100")
    captions = read_captions("unav100")
    assert captions.without_threshold(categories) == list(categories)
    for modality, template in TEMPLATES.items():
        wanted = tuple(caption(template, category) for category in categories)
        assert captions.of(modality, categories) == wanted


def test_a_file_of_ones_own_may_tell_thresholds_of_some(tmp_path: Path) -> None:
    path = write(
        tmp_path, "Bell\ta bell rings\ta bell\t-1.5\t12", "Dog\ta dog\tthe dog\t\t", header=WITH_THRESHOLDS
    )
    captions = read_captions(path)
    assert captions.name == path
    assert captions.of(Modality.VISUAL, ("Dog", "Bell")) == ("the dog", "a bell")
    assert captions.without_threshold(("Dog", "Bell")) == ["Dog"]
    np.testing.assert_array_equal(captions.threshold_rows(("Bell",)), [[-1.5], [12]])


def test_a_copy_of_the_programs_own_can_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "llp.tsv"
    shutil.copyfile(resource_path("vocabularies/llp.captions.tsv"), path)
    path.write_text(path.read_text().replace("A photo of a dog.\t4\t14", "A photo of dogs.\t4\t13"))
    captions = read_captions(str(path))
    assert captions.of(Modality.VISUAL, ("Dog",)) == ("A photo of dogs.",)
    assert captions.thresholds["Dog"] == (4, 13)


def test_categories_without_captions_are_named() -> None:
    with pytest.raises(CaptionError, match=r"llp: has no captions of 2 of the 3 categories \(Cow; Horse\)"):
        read_captions("llp").of(Modality.AUDIO, ("Dog", "Cow", "Horse"))


def test_what_is_no_file_is_refused_and_what_there_is_is_named() -> None:
    with pytest.raises(CaptionError, match=r"nope: there are no such captions; .*\(llp, unav100\)"):
        read_captions("nope")


@pytest.mark.parametrize(
    ("header", "line", "message"),
    [
        ("name\taudio\tvisual", "Dog\ta\tb", "mine.tsv:1: there is no column 'name'"),
        (f"{HEADER}\taudio_threshold", "Dog\ta\tb\t1", "the header must be category<tab>audio<tab>visual<tab>"),
        (HEADER, "Dog\ta", "mine.tsv:2: 2 columns instead of 3"),
        (HEADER, "Dog\t \tb", "mine.tsv:2: a category and its captions for audio and visual are needed"),
        (HEADER, "Dog\ta\tb\nDog\ta\tb", "mine.tsv:3: 'Dog' is there twice"),
        (WITH_THRESHOLDS, "Dog\ta\tb\t1\t", "'1' and '' are no two numbers"),
        (WITH_THRESHOLDS, "Dog\ta\tb\t1\tnan", "'1' and 'nan' are no two numbers"),
        (WITH_THRESHOLDS, "Dog\ta\tb\tx\t2", "'x' and '2' are no two numbers"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, header: str, line: str, message: str
) -> None:
    with pytest.raises(AnnotationError) as caught:
        read_captions(write(tmp_path, line, header=header))
    assert message in str(caught.value)
