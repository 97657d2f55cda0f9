"""Whole checkpoints of a tiny CLIP and a tiny CLAP that read texts, too; of untrained weights."""

from __future__ import annotations

from pathlib import Path

import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from tests.trainer.encoders.tiny import clap_folder, clip_folder

_WORDS = ("?", "<pad>", *"abcdeghilmnoprst ", "<end>")
"""As many as the tiny models know."""


def clip_with_words(folder: Path, **settings: object) -> Path:
    return _with_words(clip_folder(folder, **settings))


def clap_with_words(folder: Path) -> Path:
    return _with_words(clap_folder(folder))


def _with_words(folder: Path) -> Path:
    """With a tokenizer that reads letter by letter."""
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(_WORDS)}, unk_token=_WORDS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    end = _WORDS[-1]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, len(_WORDS) - 1)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=_WORDS[1], eos_token=end, unk_token=_WORDS[0]
    ).save_pretrained(folder)
    return folder
