"""`avvp-trainer texts`: rows of a file, and what is said where no encoder can be had."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.commands.steps import Run, is_one_line
from tests.trainer.conftest import CATEGORIES, World
from trainer.texts import read_text_file, read_texts, texts_path


@pytest.fixture
def rows(world: World) -> Path:
    np.save(world.root / "rows.npy", np.random.default_rng(1).normal(size=(len(CATEGORIES), 6)))
    return world.root / "rows.npy"


def from_file(world: World, path: Path, *more: object) -> list[object]:
    return ["texts", "--from", path, "--dataset", world.folder, "--out", world.features, *more]


def test_rows_of_a_file_are_those_of_the_categories_in_their_order(world: World, run: Run, rows: Path) -> None:
    code, out, err = run(*from_file(world, rows, "--set", "clip", "--template", "A photo of {}"))
    assert (code, err) == (0, "")
    assert "text features of 3 categories, 6 columns, such as 'A photo of dog'" in out
    values = np.load(rows)
    np.testing.assert_allclose(
        read_texts(world.features, "clip", CATEGORIES),
        values / np.linalg.norm(values, axis=1, keepdims=True),
        atol=1e-6,
    )
    file = read_text_file(texts_path(world.features, "clip"))
    assert file.captions == ("A photo of dog", "A photo of bell", "A photo of car")
    assert file.meta == {"encoder": "file rows.npy", "template": "A photo of {}"}


def test_a_vocabulary_needs_no_dataset(world: World, run: Run) -> None:
    (world.root / "mine.txt").write_text("kettle\ngate\n")
    np.save(world.root / "two.npy", np.eye(2, 6))
    given = ["--from", world.root / "two.npy", "--categories", world.root / "mine.txt", "--set", "clip"]
    assert run("texts", *given, "--out", world.features)[0] == 0
    np.testing.assert_array_equal(read_texts(world.features, "clip", ["gate"]), np.eye(2, 6)[1:])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "--from needs --set"),
        (["--set", "clip", "--model", "m"], "leave out --model"),
        (["--set", "clip", "--template", "A photo"], "is no template"),
        (["--set", ""], "'' names no feature set"),
        (["--set", "../clip"], "'../clip' names no feature set"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    world: World, run: Run, rows: Path, more: list[object], message: str
) -> None:
    code, _, err = run(*from_file(world, rows, *more))
    assert (code, is_one_line(err), message in err) == (2, True, True), err


def captions_file(folder: Path) -> Path:
    lines = ("category\taudio\tvisual", *(f"{name}\theard {name}\tseen {name}" for name in CATEGORIES))
    path = folder / "mine.tsv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(("name", "said"), [("clip", "seen"), ("clap512", "heard")])
def test_rows_of_a_file_may_be_of_captions_that_a_table_holds(
    world: World, run: Run, rows: Path, name: str, said: str
) -> None:
    captions = captions_file(world.root)
    assert run(*from_file(world, rows, "--set", name, "--captions", captions))[0] == 0
    file = read_text_file(texts_path(world.features, name))
    assert file.captions == tuple(f"{said} {category}" for category in CATEGORIES)
    assert file.meta == {"encoder": "file rows.npy", "template": "", "captions": str(captions)}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "clip", "--captions", "llp"], "llp: has no captions of 1 of the 3 categories (Bell)"),
        (["--set", "clip", "--captions", "nope"], "nope: there are no such captions"),
        (["--set", "other", "--captions", "llp"], "nothing says which of them --set other is"),
        (["--set", "clip", "--captions", "llp", "--template", "{}"], "not allowed with"),
    ],
)
def test_captions_that_do_not_fit_are_refused(
    world: World, run: Run, rows: Path, more: list[object], message: str
) -> None:
    code, _, err = run(*from_file(world, rows, *more))
    assert (code, is_one_line(err), message in err) == (2, True, True), err


def test_an_encoder_reads_the_captions_of_its_modality(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, ...]] = []

    def encoded(encoder: str, model: str, captions: tuple[str, ...], *, download: bool) -> np.ndarray:
        read.append(captions)
        return np.eye(len(captions), 4, dtype=np.float32)

    monkeypatch.setattr("trainer.encoders.texts.encode_texts", encoded)
    where = ["--model", "m", "--dataset", world.folder, "--out", world.features]
    captions = captions_file(world.root)
    for encoder in ("clip", "clap"):
        assert run("texts", "--encoder", encoder, *where, "--captions", captions)[0] == 0
    assert [said[0] for said in read] == ["seen Dog", "heard Dog"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 6)), "one row for each of the 3 categories"),
        (np.zeros((3, 6)), "not finite, or all zeros"),
        (np.full((3, 6), 1e300), "rows.npy: the text features of 3 categories are not finite"),
        (np.ones((3, 6), np.complex64), "no array of plain numbers"),
        (np.array([{}]), "no array of numbers"),
    ],
)
def test_rows_that_are_none_are_refused(world: World, run: Run, values: np.ndarray, message: str) -> None:
    np.save(world.root / "rows.npy", values, allow_pickle=True)
    code, _, err = run(*from_file(world, world.root / "rows.npy", "--set", "clip"))
    assert (code, is_one_line(err), message in err) == (2, True, True), err


def test_texts_that_are_replaced_are_told(world: World, run: Run, rows: Path) -> None:
    for told in (False, True):
        code, out, _ = run(*from_file(world, rows, "--set", "clip"))
        assert (code, "those of 3 categories were there, and are replaced" in out) == (0, told)


def test_an_encoder_asks_nothing_of_the_network_unless_told_to(world: World, run: Run) -> None:
    where = ["--dataset", world.folder, "--out", world.features]
    code, _, err = run("texts", "--encoder", "clip", "--model", "openai/clip-vit-large-patch14", *where)
    assert (code, is_one_line(err)) == (2, True)
    assert "no such folder" in err
    assert "--download" in err
    code, _, err = run("texts", "--encoder", "clip", *where)
    assert (code, "needs --model" in err) == (2, True)


def test_without_transformers_it_is_said_what_to_install(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _tiny_encoder(world.root / "model", "clap")
    monkeypatch.setitem(sys.modules, "transformers", None)
    where = ["--dataset", world.folder, "--out", world.features]
    code, _, err = run("texts", "--encoder", "clap", "--model", folder, *where)
    assert (code, is_one_line(err)) == (2, True)
    assert "pip install 'avvp-studio[clip]'" in err
    assert "--from FILE.npy" in err


@pytest.mark.parametrize(("encoder", "features"), [("clip", "clip"), ("clap", "clap512")])
def test_an_encoder_in_a_local_folder_makes_texts(world: World, run: Run, encoder: str, features: str) -> None:
    folder = _tiny_encoder(world.root / "model", encoder)
    where = ["--dataset", world.folder, "--out", world.features]
    code, _, err = run("texts", "--encoder", encoder, "--model", folder, *where)
    assert code == 0, err
    assert read_texts(world.features, features, CATEGORIES).shape == (3, 8)
    file = read_text_file(texts_path(world.features, features))
    assert file.meta["encoder"] == f"{encoder} model"


@pytest.mark.parametrize(("encoder", "features"), [("clip", "clip"), ("clap", "clap512")])
def test_a_caption_longer_than_the_model_reads_is_cut(
    world: World, run: Run, encoder: str, features: str
) -> None:
    folder = _tiny_encoder(world.root / "model", encoder)
    (world.root / "long.txt").write_text("dog" * 1000 + "\ncat\n")
    where = ["--categories", world.root / "long.txt", "--out", world.features]
    code, _, err = run("texts", "--encoder", encoder, "--model", folder, *where)
    assert code == 0, err
    (world.root / "short.txt").write_text("cat\n")
    where[1] = world.root / "short.txt"
    long = read_texts(world.features, features, ["cat"])
    assert run("texts", "--encoder", encoder, "--model", folder, *where)[0] == 0
    np.testing.assert_allclose(read_texts(world.features, features, ["cat"]), long, atol=1e-5)


def test_a_model_without_a_tokenizer_makes_no_texts(world: World, run: Run) -> None:
    folder = _tiny_encoder(world.root / "model", "clip")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    where = ["--dataset", world.folder, "--out", world.features]
    code, _, err = run("texts", "--encoder", "clip", "--model", folder, *where)
    assert (code, is_one_line(err), "cannot be loaded as clip" in err) == (2, True, True), err


def _tiny_encoder(folder: Path, encoder: str) -> Path:
    """A text encoder with untrained weights, as its library writes one."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    words = [*"abcdefghijklmnopqrstuvwxyz ", "<|startoftext|>", "<|endoftext|>"]
    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    kinds = {
        "clip": ("CLIPTextConfig", "CLIPTextModelWithProjection"),
        "clap": ("ClapTextConfig", "ClapTextModelWithProjection"),
    }
    config_class, model_class = (getattr(transformers, name) for name in kinds[encoder])
    config = config_class(vocab_size=len(words), projection_dim=8, eos_token_id=len(words) - 1, **small)
    model_class(config).save_pretrained(folder)
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<|endoftext|>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|endoftext|>"
    ).save_pretrained(folder)
    return folder
