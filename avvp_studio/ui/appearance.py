"""How a theme is put on the application, and which one it wears."""

from __future__ import annotations

from dataclasses import asdict
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from avvp_studio.paths import resource_path
from avvp_studio.ui.theme import CONTRAST_DARK, CONTRAST_LIGHT, DARK, LIGHT, THEMES, Theme, mix, tabular


def theme_for(scheme: Qt.ColorScheme, contrast: Qt.ContrastPreference) -> Theme:
    """The theme for what a desktop asks for; dark where it does not say."""
    is_light = scheme is Qt.ColorScheme.Light
    if contrast is Qt.ContrastPreference.HighContrast:
        return CONTRAST_LIGHT if is_light else CONTRAST_DARK
    return LIGHT if is_light else DARK


def system_theme() -> Theme:
    """The theme that the desktop asks for."""
    hints = QGuiApplication.styleHints()
    return theme_for(hints.colorScheme(), hints.accessibility().contrastPreference())


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
    return tabular(chosen)


def _style_sheet(theme: Theme) -> str:
    template = Template(resource_path("themes/studio.qss").read_text(encoding="utf-8"))
    colours = {name: value for name, value in asdict(theme).items() if isinstance(value, str)}
    return template.substitute(
        colours,
        marks=resource_path("themes/dark" if theme.is_dark else "themes/light").as_posix(),
        seam=theme.border if theme.has_high_contrast else theme.window,
        edge="2px" if theme.has_high_contrast else "1px",
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
    """Which theme the application wears: one by its name, or "system", which follows the desktop."""

    theme_changed = Signal(object)

    CHOICES = ("system", *THEMES)

    def __init__(self, app: QApplication, choice: str = "system") -> None:
        super().__init__(app)
        self._app = app
        self._choice = choice
        self._theme = THEMES.get(choice) or system_theme()
        apply_theme(app, self._theme)
        hints = app.styleHints()
        hints.colorSchemeChanged.connect(self._on_system_changed)
        hints.accessibility().contrastPreferenceChanged.connect(self._on_system_changed)

    @property
    def theme(self) -> Theme:
        return self._theme

    @property
    def choice(self) -> str:
        return self._choice

    def choose(self, choice: str) -> None:
        """Wear a theme by its name, or follow the "system"."""
        self._choice = choice
        self._wear(THEMES.get(choice) or system_theme())

    def _on_system_changed(self) -> None:
        if self._choice not in THEMES:
            self._wear(system_theme())

    def _wear(self, theme: Theme) -> None:
        if theme != self._theme:
            self._theme = theme
            apply_theme(self._app, theme)
            self.theme_changed.emit(theme)
