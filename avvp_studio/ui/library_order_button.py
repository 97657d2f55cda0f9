"""The button beside the library's filter, whose menu says by what clips are sorted."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from avvp_studio.ui.icons import icon
from avvp_studio.ui.library_order import ClipOrder, SortKey
from avvp_studio.ui.theme import Theme

_TIP = "Sorted by: {key}"
_TIP_REVERSED = "Sorted by: {key}, reversed"


class LibraryOrderButton(QToolButton):
    """Keeps what was chosen in the settings."""

    order_chosen = Signal(object)
    """A ClipOrder."""

    def __init__(self, theme: Theme, settings: QSettings) -> None:
        super().__init__()
        self._settings = settings
        self._menu = QMenu(self)
        self._keys: dict[SortKey, QAction] = {}
        self._reversed = QAction("Reversed", self, checkable=True)
        self._fill_menu()
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(self._menu)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.set_theme(theme)
        self._restore()
        self._show_tip()

    @property
    def order(self) -> ClipOrder:
        key = next(key for key, action in self._keys.items() if action.isChecked())
        return ClipOrder(key, self._reversed.isChecked())

    def open(self) -> None:
        self._menu.popup(self.mapToGlobal(self.rect().bottomLeft()))
        self._menu.setActiveAction(self._keys[self.order.key])

    def set_theme(self, theme: Theme) -> None:
        self.setIcon(icon("sort", theme, theme.text_muted))

    def _fill_menu(self) -> None:
        group = QActionGroup(self)
        for key in SortKey:
            action = group.addAction(QAction(key.value, self, checkable=True))
            action.triggered.connect(self._on_chosen)
            self._keys[key] = action
        self._menu.addActions(group.actions())
        self._menu.addSeparator()
        self._menu.addAction(self._reversed)
        self._reversed.triggered.connect(self._on_chosen)

    def _restore(self) -> None:
        kept = str(self._settings.value("library/order", ""))
        key = SortKey[kept] if kept in SortKey.__members__ else SortKey.PROJECT
        self._keys[key].setChecked(True)
        self._reversed.setChecked(str(self._settings.value("library/reversed", "")) == "true")

    def _on_chosen(self) -> None:
        order = self.order
        self._settings.setValue("library/order", order.key.name)
        self._settings.setValue("library/reversed", "true" if order.is_reversed else "false")
        self._show_tip()
        self.order_chosen.emit(order)

    def _show_tip(self) -> None:
        order = self.order
        tip = (_TIP_REVERSED if order.is_reversed else _TIP).format(key=order.key.value)
        self.setToolTip(tip)
        self.setAccessibleName(tip)
