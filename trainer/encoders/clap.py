"""CLAP's audio encoder (Wu et al., 2023): a row for each second's sound, in one space with captions.

A second is repeated to the ten of CLAP's input, as in VALOR's pseudo-labels (Lai et al., 2023). The map of a
whole clip's sound, which VALOR and others train on, is `clap_map`.

Checkpoints that fuse the parts of longer sound hear nothing longer here. Their library marks one sound of a
batch as longer nevertheless, at random; here none is, as in VALOR's maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch.nn.functional import normalize

from trainer.encoders.encoding import Encoder, FeatureSet, Loading, Rows, SoundIntake
from trainer.encoders.hub import Checkpoint, Part, check_half, library, open_checkpoint
from trainer.labels import Modality

BATCHES = {"cpu": 1, "cuda": 32}
"""Sounds. One by one on a CPU, though eight would be a fifth quicker: so no row depends on its place."""
_FLOOR = 1e-10
"""The least power: -100 dB."""


def part_of(encoder: str) -> Part:
    return Part("clap", "ClapAudioModelWithProjection", "clap_audio_model", f"--model {encoder}=FOLDER")


def load(loading: Loading) -> Encoder:
    """`loading.model` is any checkpoint of CLAP. Raises EncoderError."""
    check_half("clap", loading)
    checkpoint = open_checkpoint(part_of("clap"), loading.model, download=loading.download)
    levels = Levels(checkpoint)
    model = checkpoint.model(loading.device, half=loading.half)
    features = FeatureSet(
        name="clap512",
        modality=Modality.AUDIO,
        width=model.config.projection_dim,
        rate=1,
        preprocessing={**levels.said, "length": "a second, repeated", "rows": "projected, length 1"},
    )
    batch = BATCHES[torch.device(loading.device).type]
    branch = SecondBranch((features,), SoundIntake(levels.rate), model, levels, batch)
    return Encoder("clap", 1, (branch,), checkpoint.weights, "float16" if loading.half else "float32")


class Levels:
    """The log-mel levels of sound in dB, by the settings of a checkpoint's feature extractor.

    Equal to the extractor's own, but quicker: all frames at once, and of repeated sound each frame once.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        settings = dict(checkpoint.processor("feature_extractor"))
        try:
            extractor = library().ClapFeatureExtractor(**settings)
        except Exception as error:  # odd settings raise all kinds
            raise checkpoint.unusable(error) from error
        is_fused = extractor.truncation == "fusion"
        self.rate = int(extractor.sampling_rate)
        self._longest = int(extractor.nb_max_samples)
        self._hop, self._length = int(extractor.hop_length), int(extractor.fft_window_size)
        self._filters = extractor.mel_filters if is_fused else extractor.mel_filters_slaney
        self._window = np.hanning(self._length + 1)[:-1]
        self.said = {
            "sample rate": self.rate,
            "mel bands": self._filters.shape[1],
            "mel scale": "htk" if is_fused else "slaney",
            "window": self._length,
            "hop": self._hop,
        }

    @property
    def frames(self) -> int:
        """Of the model's input."""
        return self._longest // self._hop + 1

    def of_repeated(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Sound (n,) as often as it fits into the model's input, then silence -> (frames, bands)."""
        times = max(1, self._longest // len(samples))
        wave = np.zeros(max(self._longest, len(samples)), samples.dtype)
        wave[: times * len(samples)] = np.tile(samples, times)
        is_periodic = times * len(samples) == len(wave) and len(samples) % self._hop == 0
        windows = self._windows(wave)
        like = np.arange(len(windows))
        if is_periodic:  # but for the frames that reach beyond the ends
            edge, period = -(-self._length // 2 // self._hop), len(samples) // self._hop
            inner = slice(edge, len(windows) - edge)
            like[inner] = edge + (like[inner] - edge) % period
        kept, place = np.unique(like, return_inverse=True)
        return self._levels(windows[kept])[place]

    def of(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Sound (n,), at its own length -> (n // hop + 1, bands)."""
        return self._levels(self._windows(samples))

    def _windows(self, wave: NDArray[np.floating]) -> NDArray[np.floating]:
        padded = np.pad(wave, self._length // 2, mode="reflect")
        return sliding_window_view(padded, self._length)[:: self._hop]

    def _levels(self, windows: NDArray[np.floating]) -> NDArray[np.float32]:
        # Rounded on the way as the extractor rounds.
        spectra = np.fft.rfft(windows.astype(np.float64) * self._window).astype(np.complex64)
        power = np.abs(spectra, dtype=np.float64) ** 2
        bands = np.maximum(_FLOOR, self._filters.T @ power.T)
        return np.asarray((10 * np.log10(bands)).astype(np.float32).T)


@dataclass(frozen=True, eq=False, slots=True)
class SecondBranch:
    """The sound of a second -> (1, D): CLAP's audio embedding, of length 1."""

    sets: tuple[FeatureSet, ...]
    intake: SoundIntake
    model: Any
    levels: Levels
    batch: int

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        return self.levels.of_repeated(np.asarray(given, np.float32))

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        with torch.inference_mode():
            heard = hear(self.model, items)
            rows = normalize(heard.audio_embeds.float(), dim=-1)
            return (rows[:, None].cpu().numpy(),)


def hear(model: Any, levels: NDArray[np.generic]) -> Any:
    """What the model makes of levels (B, frames, bands), none of them of longer sound."""
    given = torch.from_numpy(levels)[:, None].to(model.device, model.dtype)
    return model(input_features=given, is_longer=torch.zeros(len(given), 1, dtype=torch.bool))
