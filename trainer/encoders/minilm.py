"""all-MiniLM-L6-v2 (sentence-transformers), int8 weights: texts as directions that say what they are about.

By it classes that an encoder knows are compared with events of any name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from trainer.cores import threads_of_a_small_network
from trainer.encoders.encoding import Rows
from trainer.encoders.litert import package
from trainer.encoders.weights import OF_ENCODERS, weights_of

WIDTH = 384

_MODEL, _TOKENIZER = OF_ENCODERS["minilm"]
_LONGEST = 256
"""Tokens of a text that count, as it was trained."""
_BATCH = 32


def encode(texts: Sequence[str]) -> Rows:
    """(N, 384) of texts, each of length 1; those of one text do not depend on the others.

    Raises EncoderError where the weights or packages are not installed.
    """
    tokens = _tokenizer().encode_batch(list(texts))
    rows = np.zeros((len(tokens), WIDTH), np.float32)
    by_length = sorted(range(len(tokens)), key=lambda i: len(tokens[i].ids))  # little is filled up
    for part in (by_length[start : start + _BATCH] for start in range(0, len(tokens), _BATCH)):
        rows[part] = _encoded([tokens[i].ids for i in part])
    return rows


def _encoded(tokens: list[list[int]]) -> Rows:
    """The mean of the tokens' rows, of length 1."""
    longest = max(map(len, tokens))
    ids = np.array([[*line, *[0] * (longest - len(line))] for line in tokens], np.int64)
    mask = np.array([[i < len(line) for i in range(longest)] for line in tokens], np.int64)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    states = _session().run(None, given)[0].astype(np.float64)
    sums = (states * mask[..., None]).sum(axis=1)
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


@cache
def _tokenizer() -> Any:
    tokenizer = package("tokenizers").Tokenizer.from_file(str(weights_of(_TOKENIZER)))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_LONGEST)
    return tokenizer


@cache
def _session() -> Any:
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads_of_a_small_network()
    return runtime.InferenceSession(str(weights_of(_MODEL)), options, providers=["CPUExecutionProvider"])
