"""Checkpoints of CLIP and CLAP with untrained weights, as their library writes them, small enough for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from trainer.encoders.encoding import Branch, Encoder, SegmentBranch

SIDE = 16
"""Of the pictures of a tiny CLIP."""
CLIP_SETTINGS: dict[str, Any] = {
    "size": {"shortest_edge": SIDE},
    "crop_size": {"height": SIDE, "width": SIDE},
    "resample": 3,
    "image_mean": [0.48, 0.46, 0.41],
    "image_std": [0.27, 0.26, 0.28],
    "rescale_factor": 1 / 255,
}
_TEXT = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
_WORDS = {"vocab_size": 20, "eos_token_id": 19, "bos_token_id": 0, "pad_token_id": 1}


def clip_folder(folder: Path, **settings: Any) -> Path:
    """A whole CLIP, and its processor's settings."""
    vision = transformers.CLIPVisionConfig(**_TEXT, image_size=SIDE, patch_size=8)
    text = transformers.CLIPTextConfig(**_TEXT, **_WORDS)
    config = transformers.CLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=6
    )
    config.vision_config.projection_dim = config.text_config.projection_dim = 6
    torch.manual_seed(1)
    transformers.CLIPModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(CLIP_SETTINGS | settings))
    return folder


def clap_folder(folder: Path, *, is_fused: bool = False) -> Path:
    """A whole CLAP with maps of 64 rows as all have, but narrow ones, and its feature extractor's settings."""
    audio = transformers.ClapAudioConfig(
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        patch_embeds_hidden_size=4,
        hidden_size=32,
        enable_fusion=is_fused,
        fusion_type="aff_2d" if is_fused else None,
    )
    text = transformers.ClapTextConfig(**_TEXT, vocab_size=20)
    config = transformers.ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=6)
    torch.manual_seed(1)
    transformers.ClapModel(config).save_pretrained(folder)
    extractor(is_fused).save_pretrained(folder)
    return folder


def extractor(is_fused: bool) -> transformers.ClapFeatureExtractor:
    """CLAP's own."""
    return transformers.ClapFeatureExtractor(truncation="fusion" if is_fused else "rand_trunc")


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """With edges and slopes of each colour."""
    y, x, colour = np.ogrid[:height, :width, :3]
    return ((x * x * 3 + y * y * 5 + x * y * (colour + 1) * 7 + 40 * colour) % 256).astype(np.uint8)


def sound(seconds: float, rate: int = 48_000) -> NDArray[np.float32]:
    """Noise that grows louder."""
    count = round(seconds * rate)
    noise = np.random.default_rng(3).normal(size=count) * np.linspace(0.01, 0.2, count)
    return noise.astype(np.float32)


def branch_of(encoder: Encoder) -> SegmentBranch:
    branch: Branch = encoder.branches[0]
    assert not hasattr(branch, "begin")
    return branch  # type: ignore[return-value]
