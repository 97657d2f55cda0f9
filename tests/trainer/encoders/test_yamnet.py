"""YAMNet hears what is to be heard, second by second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trainer.default_weights import DOG, need_weights, sound_of
from trainer.encoders import yamnet
from trainer.encoders.encoding import Encoder, Loading
from trainer.encoders.weights import weights_of


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    need_weights("yamnet")
    return yamnet.load(Loading())


def rows_of(encoder: Encoder, sound: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the branch makes of each second: embeddings and scores."""
    branch, rate = encoder.branches[0], 16_000
    reach = round(branch.intake.before * rate)
    padded = np.pad(sound, reach)
    seconds = [padded[t : t + rate + 2 * reach] for t in range(0, len(sound) - rate + 1, rate)]
    made = [branch.infer(branch.prepare(second)[None]) for second in seconds]
    return np.concatenate([m[0][0] for m in made]), np.concatenate([m[1][0] for m in made])


def test_its_rows_are_what_the_file_itself_gives_of_two_windows(encoder: Encoder) -> None:
    from ai_edge_litert.interpreter import Interpreter

    sound = np.random.default_rng(0).normal(0, 0.1, 3 * 16_000).astype(np.float32)
    pooled, scores = rows_of(encoder, sound)
    assert (pooled.shape, scores.shape) == ((3, 1024), (3, 521))
    plain = Interpreter(model_path=str(weights_of("yamnet.tflite")))
    plain.allocate_tensors()
    wanted = []
    for start in (16_000 - 1_800, 16_000 + 2_200):  # middles at 1.375 and 1.625 s
        plain.set_tensor(plain.get_input_details()[0]["index"], sound[start : start + 15_600])
        plain.invoke()
        wanted.append(plain.get_tensor(plain.get_output_details()[0]["index"])[0])
    np.testing.assert_allclose(scores[1], np.mean(wanted, axis=0), atol=1e-6)
    assert pooled.min() >= 0
    assert pooled.max() > 0.1
    again, _ = rows_of(encoder, sound)
    np.testing.assert_array_equal(pooled, again)


def test_its_classes_are_in_the_order_of_its_scores(encoder: Encoder) -> None:
    names = yamnet.class_names()
    assert len(names) == len(set(names)) == 521
    assert (names[0], names[69], names[132], names[-1]) == ("Speech", "Dog", "Music", "Field recording")
    _, scores = rows_of(encoder, np.zeros(16_000, np.float32))
    assert names[scores[0].argmax()] == "Silence"


def test_a_real_clip_barks_and_speaks(encoder: Encoder, shared_media: Path) -> None:
    _, scores = rows_of(encoder, sound_of(shared_media / DOG))
    dog, speech, cat = (scores[:, yamnet.class_names().index(name)] for name in ("Dog", "Speech", "Cat"))
    assert (dog > 0.7).sum() >= 6
    assert speech.argmax() in (5, 6)
    assert speech.max() > 0.4
    assert cat.max() < 0.1
