"""The look of the studio: two themes as values, category colours, and how they are put on the application.

Audio, visual and audio-visual have one hue each, everywhere. The hues, and the category colours in their
order, were chosen to stay apart for normal vision, protanopia and deuteranopia (tests/ui/test_theme.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from avvp_studio.paths import resource_path


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

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}

# Farthest-point ordering in Oklab over normal, protan and deutan vision: any first k of them stay far apart.
_CATEGORY_COLOURS = (
    "#5891ed", "#d3db0f", "#be2b00", "#10eafa", "#ce927d", "#855394", "#f8c1a6", "#385fd7", "#06b7c7",
    "#a58806", "#d5ab14", "#a96b6c", "#4b8fa4", "#caa2fe", "#7271c3", "#b03269", "#5bd772", "#6cccd4",
    "#da5899", "#ff84aa", "#15ebc5", "#7672f4", "#1cad58", "#d34142", "#9582ca", "#6758b5", "#6db39f",
    "#3a8545", "#f67554", "#86ee75",
)  # fmt: skip


def category_colour(index: int) -> str:
    """The colour of the category at an index; after thirty they come again."""
    return _CATEGORY_COLOURS[index % len(_CATEGORY_COLOURS)]


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


def system_theme() -> Theme:
    """The theme that the desktop asks for; dark where it does not say."""
    return LIGHT if QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Light else DARK


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Put style, font, palette and style sheet on the application."""
    app.setStyle("Fusion")
    app.setFont(_interface_font(app))
    app.setPalette(_palette(theme))
    app.setStyleSheet(_style_sheet(theme))


def _interface_font(app: QApplication) -> QFont:
    chosen = QFont(app.font())
    # DejaVu Sans, all that a bare Linux has, is too wide for dense panels: its condensed cut is not.
    chosen.setFamilies(
        ["Inter", "SF Pro Text", "Segoe UI", "Noto Sans", "DejaVu Sans Condensed", "DejaVu Sans"]
    )
    chosen.setPixelSize(12)
    return chosen


def _style_sheet(theme: Theme) -> str:
    template = Template(resource_path("themes/studio.qss").read_text(encoding="utf-8"))
    colours = {name: value for name, value in asdict(theme).items() if isinstance(value, str)}
    return template.substitute(
        colours,
        marks=resource_path(f"themes/{theme.name}").as_posix(),
        accent_soft=mix(theme.accent, theme.surface, 0.22),
        accent_hover=mix(theme.accent, theme.text, 0.85),
        scroll=mix(theme.text_muted, theme.surface, 0.45),
    )


def _palette(theme: Theme) -> QPalette:
    role, palette = QPalette.ColorRole, QPalette()
    for key, colour in {
        role.Window: theme.surface,
        role.WindowText: theme.text,
        role.Base: theme.sunken,
        role.AlternateBase: theme.surface,
        role.Text: theme.text,
        role.PlaceholderText: theme.text_muted,
        role.Button: theme.raised,
        role.ButtonText: theme.text,
        role.BrightText: theme.danger,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Accent: theme.accent,
        role.Link: theme.accent,
        role.LinkVisited: theme.accent,
        role.Light: theme.hover,
        role.Midlight: theme.raised,
        role.Mid: theme.border,
        role.Dark: theme.border,
        role.Shadow: theme.window,
    }.items():
        palette.setColor(key, QColor(colour))
    for key in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, QColor(theme.text_disabled))
    return palette


class Appearance(QObject):
    """Which theme the application wears: "dark", "light", or "system", which follows the desktop."""

    theme_changed = Signal(object)

    CHOICES = ("system", "dark", "light")

    def __init__(self, app: QApplication, choice: str = "system") -> None:
        super().__init__(app)
        self._app = app
        self._choice = choice
        self._theme = THEMES.get(choice) or system_theme()
        apply_theme(app, self._theme)
        app.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)

    @property
    def theme(self) -> Theme:
        return self._theme

    @property
    def choice(self) -> str:
        return self._choice

    def choose(self, choice: str) -> None:
        """Wear "dark" or "light", or follow the "system"."""
        self._choice = choice
        self._wear(THEMES.get(choice) or system_theme())

    def _on_scheme_changed(self) -> None:
        if self._choice not in THEMES:
            self._wear(system_theme())

    def _wear(self, theme: Theme) -> None:
        if theme != self._theme:
            self._theme = theme
            apply_theme(self._app, theme)
            self.theme_changed.emit(theme)
