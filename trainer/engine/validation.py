"""What a parser in training is worth: the validation clips, their truth, and the scores."""

from __future__ import annotations

import numpy as np

from trainer import metrics
from trainer.config import Config
from trainer.engine.supervision_log import SupervisionLog, supervision_of
from trainer.engine.training_data import TrainingData
from trainer.models.layers import Parser
from trainer.parsing import parse_clips
from trainer.scoring import predicted_cells, scored_metrics, true_cells
from trainer.supervision_files import supervision_scores


class Validation:
    """The validation clips that have features, and the truth of those that are scored: where it is complete."""

    def __init__(self, config: Config, data: TrainingData) -> None:
        self._rule = config.prediction.rule()
        self._dataset, self._clips = data.dataset, data.validation
        clips, complete = self._clips, data.dataset.complete
        self._is_scored = np.array([name in complete for name in clips.names], np.bool_)
        segments = dict(zip(clips.names, clips.lengths.tolist(), strict=True))
        self._lengths = {name: length for name, length in segments.items() if name in complete}
        self._truth, self._valid = true_cells(data.dataset, self._lengths, clips.longest)

    def metrics(self, parser: Parser) -> dict[str, float]:
        """The scores of what the parser says of the clips; empty where none of them can be scored."""
        if not self._lengths:
            return {}
        parses = parse_clips(parser, self._clips)
        predicted = predicted_cells([parses[name] for name in self._lengths], self._rule)
        longest = predicted.shape[2]
        found = metrics.scores(predicted, self._truth[:, :, :longest], self._valid[:, :longest])
        return {name: found[name] for name in scored_metrics(self._dataset)}

    def supervision(self, parser: Parser) -> SupervisionLog:
        """What the parser would train on in the clips."""
        return supervision_of(parser, self._clips)

    def supervision_scores(self, made: SupervisionLog) -> dict[str, float]:
        """How well that meets the truth."""
        arrays = {key: array.cpu().numpy()[self._is_scored] for key, array in made.arrays.items()}
        is_audio_visual = self._dataset.audio_visual_only
        return supervision_scores(arrays, self._truth, audio_visual_only=is_audio_visual)
