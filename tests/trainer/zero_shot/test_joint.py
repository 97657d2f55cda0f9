"""By text features: VALOR's scales, thresholds and temperature."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.labels import Modality
from trainer.pseudo_labels.valor import SCALES
from trainer.zero_shot.joint import Joint


@pytest.mark.parametrize(("modality", "features"), [(Modality.AUDIO, "clap512"), (Modality.VISUAL, "clip")])
def test_a_logit_is_half_of_what_scaled_likeness_exceeds_the_threshold_by(
    modality: Modality, features: str
) -> None:
    texts = np.array([[1, 0], [0, 1]], np.float32)
    joint = Joint({modality: texts}, {modality: np.array([15.0, 2.0])}, {})
    logits = joint.logits(modality, {features: np.array([[3, 4]], np.float32)})  # cosines 0.6 and 0.8
    scale = SCALES[modality.axis]
    np.testing.assert_allclose(logits, [[(0.6 * scale - 15) / 2, (0.8 * scale - 2) / 2]], rtol=1e-5)
