"""The encoders by name. Listing them loads none: libraries and weights are looked for by who loads one."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trainer.encoders.encoding import Encoder, EncoderError, Loading
from trainer.labels import Modality


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an encoder before it is loaded: a line about it, and its sets with their modality.

    The `load` of its `module`, in this package, loads it. `on_torch`: it computes with torch, on any device.
    `published`: its file of weights in the cache of torch's hub, for the classic ones.
    """

    summary: str
    sets: Mapping[str, Modality]
    module: str
    on_torch: bool = False
    published: str = ""

    def load(self, loading: Loading) -> Encoder:
        """Raises EncoderError: what is missing, and what to do."""
        if self.on_torch:
            from trainer.device import choose_device

            loading = replace(loading, device=str(choose_device(loading.device)))
        try:
            module = importlib.import_module(f"trainer.encoders.{self.module}")
        except ModuleNotFoundError as error:
            raise EncoderError(f"needs the package {error.name}, which is not installed") from error
        encoder: Encoder = module.load(loading)
        return encoder


_AUDIO, _VISUAL = Modality.AUDIO, Modality.VISUAL

ENCODERS: Mapping[str, Entry] = {
    "yamnet": Entry(
        "YAMNet: sound, and how likely each of 521 AudioSet classes is",
        {"yamnet": _AUDIO, "yamnet-scores": _AUDIO},
        "yamnet",
    ),
    "efficientnet": Entry(
        "EfficientNet-Lite3: pictures, and how likely each of 1,000 ImageNet classes is",
        {"efficientnet": _VISUAL, "efficientnet-scores": _VISUAL},
        "efficientnet",
    ),
    "person": Entry("SSD MobileNet: whether people are to be seen", {"person": _VISUAL}, "person"),
    "clip": Entry("CLIP: pictures, comparable with text", {"clip": _VISUAL}, "clip", on_torch=True),
    "clip-crop": Entry(
        "CLIP: the middle of pictures, prepared as CLIP was trained",
        {"clip-crop": _VISUAL},
        "clip_crop",
        on_torch=True,
    ),
    "clap": Entry("CLAP: sound, comparable with text", {"clap512": _AUDIO}, "clap", on_torch=True),
    "clap-map": Entry("CLAP: a map of a whole clip's sound", {"clap": _AUDIO}, "clap_map", on_torch=True),
    "resnet152": Entry(
        "ResNet-152: pictures, as published for LLP",
        {"res152": _VISUAL},
        "resnet",
        on_torch=True,
        published="resnet152-394f9c45.pth",
    ),
    "r2plus1d": Entry(
        "R(2+1)D-18: movement, as published for LLP",
        {"r2plus1d_18": _VISUAL},
        "r2plus1d",
        on_torch=True,
        published="r2plus1d_18-91a641e6.pth",
    ),
    "vggish": Entry(
        "VGGish: sound, as published for LLP",
        {"vggish": _AUDIO},
        "vggish",
        on_torch=True,
        published="vggish-10086976.pth",
    ),
    "signal": Entry(
        "signal processing alone, built in: the last resort",
        {"signal-audio": _AUDIO, "signal-visual": _VISUAL},
        "signal",
    ),
}

GROUPS: Mapping[str, tuple[str, ...]] = {"default": ("yamnet", "efficientnet", "person")}
"""Names that stand for several."""


def named(names: Iterable[str]) -> tuple[str, ...]:
    """The names of encoders, with those of groups spelt out, each once. Raises EncoderError for others."""
    chosen: dict[str, None] = {}
    for name in names:
        if name not in GROUPS and name not in ENCODERS:
            there = ", ".join([*ENCODERS, *(f"{group} ({' + '.join(of)})" for group, of in GROUPS.items())])
            raise EncoderError(f"there is no encoder {name!r}; choose one of: {there}")
        chosen |= dict.fromkeys(GROUPS.get(name, (name,)))
    return tuple(chosen)


def load(name: str, loading: Loading) -> Encoder:
    """An encoder by its name, ready to encode. Raises EncoderError."""
    (single,) = named([name])
    return ENCODERS[single].load(loading)
