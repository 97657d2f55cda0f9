"""What a parser in training is worth: the validation clips, their truth, and the scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.config import Config
from trainer.dataset import VAL
from trainer.engine.supervision_log import SupervisionLog, supervision_of
from trainer.engine.training_data import TrainingData
from trainer.models.layers import Parser
from trainer.parsing import parse_clips
from trainer.scoring import score_parses, scored_names, truth_cells
from trainer.supervision_files import supervision_scores


class Validation:
    """The validation clips that have features, and the truth of those whose dense truth is complete."""

    def __init__(self, config: Config, data: TrainingData) -> None:
        self._rule = config.prediction.rule()
        self._dataset, self._clips = data.dataset, data.validation
        self._scored = scored_names(data.dataset, VAL)
        self._truth = self._padded_truth()

    def _padded_truth(self) -> NDArray[np.bool_]:
        """(N, 2, T, C) of the clips as they stand in the tensors; those without complete truth stay empty."""
        clips = self._clips
        truth = np.zeros(clips.reviewed.shape, np.bool_)
        for i, (name, segments) in enumerate(zip(clips.names, clips.lengths.tolist(), strict=True)):
            if name in self._dataset.complete:
                truth[i, :, :segments] = truth_cells(self._dataset, name, segments)
        return truth

    def metrics(self, parser: Parser) -> dict[str, float]:
        """The scores of what the parser says of the clips; empty where none of them can be scored."""
        parses = parse_clips(parser, self._clips)
        return score_parses(parses, self._dataset, self._scored, rule=self._rule)

    def supervision(self, parser: Parser) -> SupervisionLog:
        """What the parser would train on in the clips."""
        return supervision_of(parser, self._clips)

    def supervision_scores(self, made: SupervisionLog) -> dict[str, float]:
        """How well that meets the truth, over the clips whose truth is complete."""
        complete = np.array([name in self._dataset.complete for name in self._clips.names], np.bool_)
        arrays = {key: array.cpu().numpy()[complete] for key, array in made.arrays.items()}
        is_audio_visual = self._dataset.audio_visual_only
        return supervision_scores(arrays, self._truth[complete], audio_visual_only=is_audio_visual)
