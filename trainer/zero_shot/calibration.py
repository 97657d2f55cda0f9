"""From logits to probabilities: as they are, or fitted to what a person reviewed (Platt scaling).

    p = sigmoid(a z + b_c),    min sum w BCE(p, y) + (ln a)^2 / 2 s_a^2 + sum_c b_c^2 / 2 s_b^2

One slope for a modality and a bias for each category, both held near the default (a = 1, b = 0) so that few
reviewed cells change little. The cells of a clip are alike: together they count as one (w = 1 / cells).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from trainer.labels import ABSENT, PRESENT, UNSEEN

Rows = NDArray[np.float32]

_SLOPE_DEVIATION = 0.5
_BIAS_DEVIATION = 1.5
"""How far slopes (their logarithms) and biases are from the default, as far as nobody has reviewed anything."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """`slope` and `biases` (C,) of one modality, and `clips`: of how many clips they are, 0 for the default."""

    slope: float
    biases: NDArray[np.float64]
    clips: int = 0

    @staticmethod
    def default(categories: int) -> Calibration:
        return Calibration(1.0, np.zeros(categories))

    def probabilities(self, logits: Rows) -> Rows:
        """(T, C) of logits (T, C)."""
        return np.asarray(expit(self.slope * logits + self.biases), np.float32)


def _seen(truth: Sequence[NDArray[np.int8]], state: int) -> NDArray[np.bool_]:
    """(C,) whether any cell of a category is of this state."""
    return np.asarray(np.any([(states == state).any(axis=0) for states in truth], axis=0))


def fitted(logits: Sequence[Rows], truth: Sequence[NDArray[np.int8]]) -> Calibration:
    """The calibration by clips: their logits (T, C), and states (T, C) of which those unseen tell nothing.

    Categories that are not known both present and absent keep the default. There is at least one clip.
    """
    categories = logits[0].shape[1]
    # Of what was only ever found, or only ever missed, nobody said where it ends.
    told = _seen(truth, PRESENT) & _seen(truth, ABSENT)
    usable = [np.where(told, states, UNSEEN) for states in truth]
    pairs = [pair for pair in zip(logits, usable, strict=True) if (pair[1] != UNSEEN).any()]
    if not pairs:
        return Calibration.default(categories)
    z = np.concatenate([values for values, _ in pairs]).astype(np.float64)
    states = np.concatenate([states for _, states in pairs])
    # Of a category, the cells of a clip together count as one.
    counts = [(states != UNSEEN) / np.maximum((states != UNSEEN).sum(axis=0), 1) for _, states in pairs]
    weights, present = np.concatenate(counts), (states == PRESENT).astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, biases = np.exp(parameters[0]), parameters[1:]
        margins = slope * z + biases
        errors = weights * (expit(margins) - present)
        deviations = np.concatenate([[_SLOPE_DEVIATION], np.full(categories, _BIAS_DEVIATION)])
        value = (weights * (np.logaddexp(0, margins) - present * margins)).sum()
        gradient = np.concatenate([[slope * (errors * z).sum()], errors.sum(axis=0)])
        shrunk = parameters / deviations**2
        return float(value + 0.5 * parameters @ shrunk), gradient + shrunk

    found = minimize(loss, np.zeros(1 + categories), jac=True, method="L-BFGS-B").x
    return Calibration(float(np.exp(found[0])), found[1:], len(pairs))
