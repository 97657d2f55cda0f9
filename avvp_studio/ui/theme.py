"""The themes as values: colours by what they mean.

Audio, visual and audio-visual have one hue each, everywhere. The hues, and the category colours in their
order, were chosen to stay apart for normal vision, protanopia, deuteranopia and tritanopia.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtGui import QColor, QFont


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by what they mean, as "#rrggbb"."""

    name: str
    is_dark: bool
    window: str
    """Behind the panels."""
    surface: str
    """A panel, a lane."""
    raised: str
    """A button, a header, a chip."""
    hover: str
    sunken: str
    """A text field, the letterbox of the picture."""
    border: str
    text: str
    text_muted: str
    text_disabled: str
    accent: str
    """Focus, the chosen row, the armed category."""
    on_accent: str
    playhead: str
    waveform: str
    grid: str
    audio: str
    visual: str
    audio_visual: str
    present: str
    """A person's label: brighter and more neutral than any prediction."""
    absent: str
    unseen: str
    selection: str
    """The selected time range; drawn translucent."""
    danger: str
    warning: str
    success: str
    has_high_contrast: bool = False


DARK = Theme(
    name="dark",
    is_dark=True,
    window="#131518",
    surface="#1a1d21",
    raised="#262a30",
    hover="#30353d",
    sunken="#0e1013",
    border="#30353c",
    text="#e6e8eb",
    text_muted="#9ca5b1",
    text_disabled="#626b77",
    accent="#8f8bff",
    on_accent="#131518",
    playhead="#ff5a5f",
    waveform="#7f93ad",
    grid="#272b31",
    audio="#4a97f5",
    visual="#f29a3f",
    audio_visual="#7be0c3",
    present="#f4f6f8",
    absent="#78828f",
    unseen="#23272d",
    selection="#8f8bff",
    danger="#ff6b6b",
    warning="#f2c14e",
    success="#5fd38d",
)

LIGHT = Theme(
    name="light",
    is_dark=False,
    window="#e9ebee",
    surface="#ffffff",
    raised="#f1f3f5",
    hover="#e3e6ea",
    sunken="#f7f8f9",
    border="#d0d5db",
    text="#1b1f24",
    text_muted="#56606c",
    text_disabled="#9aa3ad",
    accent="#5a50d6",
    on_accent="#ffffff",
    playhead="#d92d3a",
    waveform="#6b7f99",
    grid="#e4e7eb",
    audio="#1f6fd6",
    visual="#b45f06",
    audio_visual="#00473f",
    present="#16191d",
    absent="#8a94a0",
    unseen="#edeff2",
    selection="#5a50d6",
    danger="#c42b2b",
    warning="#8a6100",
    success="#15683a",
)

# For those who see little: text is beyond 7 to 1 on every ground, edges and the focus beyond 3 to 1.

CONTRAST_DARK = Theme(
    name="contrast_dark",
    is_dark=True,
    window="#000000",
    surface="#000000",
    raised="#1a1a1a",
    hover="#303030",
    sunken="#000000",
    border="#6e6e6e",
    text="#ffffff",
    text_muted="#d8d8d8",
    text_disabled="#a3a3a3",
    accent="#d9d6ff",
    on_accent="#000000",
    playhead="#ff8a8d",
    waveform="#b9c8dc",
    grid="#4a4a4a",
    audio="#6cb0ff",
    visual="#ffa442",
    audio_visual="#8cf5d6",
    present="#ffffff",
    absent="#b4bcc6",
    unseen="#2a2a2a",
    selection="#d9d6ff",
    danger="#ff9d9d",
    warning="#ffd466",
    success="#7fe8a8",
    has_high_contrast=True,
)

CONTRAST_LIGHT = Theme(
    name="contrast_light",
    is_dark=False,
    window="#ffffff",
    surface="#ffffff",
    raised="#f2f2f2",
    hover="#e0e0e0",
    sunken="#ffffff",
    border="#757575",
    text="#000000",
    text_muted="#333333",
    text_disabled="#595959",
    accent="#1f1280",
    on_accent="#ffffff",
    playhead="#b00018",
    waveform="#3f526b",
    grid="#b8b8b8",
    audio="#0058c4",
    visual="#a34700",
    audio_visual="#002f29",
    present="#000000",
    absent="#5c646e",
    unseen="#e2e4e7",
    selection="#1f1280",
    danger="#8f0d0d",
    warning="#5c4000",
    success="#0a4a26",
    has_high_contrast=True,
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST_DARK, CONTRAST_LIGHT)}

# Farthest-point ordering in Oklab over normal, protan, deutan and tritan vision, among colours that are seen
# on dark and on light: any first k of them stay far apart.
_CATEGORY_COLOURS = (
    "#7854b4", "#6cf0cc", "#e4600c", "#b490fc", "#f0cc24", "#3c9c90", "#b43c3c",
    "#6cc0b4", "#247878", "#f09c60", "#c0c0fc", "#9078cc", "#b47860", "#cce484",
    "#849ccc", "#84d89c", "#6c6ce4", "#9c609c", "#f08400", "#c09060", "#cc4824",
    "#48b490", "#90c084", "#cccc6c", "#f0a8d8", "#c0a8fc", "#9c5460", "#f0ccfc",
    "#8478fc", "#d8b400",
)  # fmt: skip


def category_colour(index: int) -> str:
    """The colour of the category at an index; after thirty they come again."""
    return _CATEGORY_COLOURS[index % len(_CATEGORY_COLOURS)]


@lru_cache(maxsize=1024)
def mix(colour: str, other: str, share: float) -> str:
    """`share` of the first colour over the second, opaque: 1.0 gives the first, 0.0 the second."""
    a, b = QColor(colour), QColor(other)
    channels = zip(a.getRgb()[:3], b.getRgb()[:3], strict=True)  # type: ignore[index]
    return "#" + "".join(f"{round(share * x + (1 - share) * y):02x}" for x, y in channels)


def translucent(colour: str, alpha: float) -> QColor:
    """A colour with an opacity between 0 and 1."""
    tinted = QColor(colour)
    tinted.setAlphaF(alpha)
    return tinted


def tabular(base: QFont) -> QFont:
    """The same font with figures of equal width, so that running times do not jitter."""
    figures = QFont(base)
    figures.setFeature(QFont.Tag("tnum"), 1)
    return figures
