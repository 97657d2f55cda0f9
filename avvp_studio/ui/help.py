"""What helps one to find one's way: the palette, the guide, the keys and their editor, and what this is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QSettings, Qt
from PySide6.QtWidgets import QDialog, QMainWindow, QMessageBox

from avvp_studio import __version__
from avvp_studio.ui.actions import Actions
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.guide_window import GuideWindow
from avvp_studio.ui.icons import application_icon
from avvp_studio.ui.keys.editor import KeyEditor
from avvp_studio.ui.keys_sheet import KeysSheet
from avvp_studio.ui.palette.catalogue import Catalogue
from avvp_studio.ui.palette.palette import Palette
from avvp_studio.workspace import Workspace

TITLE = "AVVP Studio"
_PURPOSE = "See, correct and retrain audio-visual video parsers."


class Help(QObject):
    """Opens windows of its own beside the main window, and the palette over it."""

    def __init__(
        self,
        window: QMainWindow,
        workspace: Workspace,
        actions: Actions,
        appearance: Appearance,
        settings: QSettings,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._actions = actions
        self._appearance = appearance
        self._palette = Palette(Catalogue(workspace, actions, settings), appearance, window)

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        return {
            "palette": self._palette.toggle,
            "guide": lambda: self._open(GuideWindow(self._appearance.theme, self._window)),
            "keys": self.show_keys,
            "edit_keys": self.edit_keys,
            "about": self.tell_about,
        }

    def show_keys(self) -> None:
        sheet = KeysSheet(self._actions, self._window)
        sheet.edit_requested.connect(self.edit_keys)
        self._open(sheet)

    def edit_keys(self) -> None:
        self._open(KeyEditor(self._actions, self._window))

    def tell_about(self) -> None:
        text = f"<b>{TITLE} {__version__}</b><br>{_PURPOSE}<br>Apache-2.0"
        box = QMessageBox(QMessageBox.Icon.NoIcon, f"About {TITLE}", text, parent=self._window)
        box.setIconPixmap(application_icon().pixmap(64, 64))
        box.setWindowModality(Qt.WindowModality.WindowModal)
        self._open(box)

    def _open(self, dialog: QDialog) -> None:
        """Show it; where there is one of its kind already, bring that to the front."""
        for other in self._window.findChildren(type(dialog)):
            if other is not dialog and other.isVisible():
                dialog.deleteLater()
                other.activateWindow()
                return
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
