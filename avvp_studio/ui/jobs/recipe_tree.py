"""The recipes to choose from, in groups and with a search; those that can be trained here come first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QLabel,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.domain.job import Recipe
from avvp_studio.ui.jobs.recipe_names import group_title, rank, short_title
from avvp_studio.ui.search_field import SearchField

Index = QModelIndex | QPersistentModelIndex

_OPENED_UP_TO = 10
"""A group of more recipes is closed at first."""
_ROW_HEIGHT = 24
_RECIPE_ROLE = Qt.ItemDataRole.UserRole
_MUTED_ROLE = Qt.ItemDataRole.UserRole + 1
_REMARK_ROLE = Qt.ItemDataRole.UserRole + 2
_TITLE_ROLE = Qt.ItemDataRole.UserRole + 3


class RecipeTree(QWidget):
    """A search line over a tree of recipes. `lacking` names, by recipe, the feature sets that are not there."""

    chosen = Signal()
    """Another recipe was chosen."""
    escaped = Signal()

    def __init__(self, recipes: Sequence[Recipe], lacking: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self._recipes = tuple(recipes)
        self._lacking = lacking
        self._items: dict[str, QTreeWidgetItem] = {}
        self._recipe: Recipe | None = None
        self._search = SearchField(
            placeholderText="Search: method, dataset, feature, table", clearButtonEnabled=True
        )
        self._search.setAccessibleName("Search the recipes")
        self._tree = _Tree()
        self._nothing = QLabel("No recipe matches this search.", alignment=Qt.AlignmentFlag.AlignCenter)
        self._nothing.setProperty("role", "muted")
        self._pages = QStackedWidget()
        self._pages.addWidget(self._tree)
        self._pages.addWidget(self._nothing)
        self._fill()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._search)
        column.addWidget(self._pages, 1)
        self.setFocusProxy(self._search)
        self._search.textChanged.connect(self._on_search_changed)
        self._search.left_downwards.connect(self._tree.setFocus)
        self._search.escaped.connect(self.escaped)
        self._tree.itemSelectionChanged.connect(self._on_selection_changed)

    @property
    def recipe(self) -> Recipe | None:
        """The chosen recipe; None where there is none at all."""
        return self._recipe

    @property
    def names(self) -> tuple[str, ...]:
        """The recipes in view or in a closed group, from top to bottom."""
        return tuple(name for name, item in self._items.items() if not item.isHidden())

    def choose(self, name: str) -> None:
        """Choose a recipe, and open its group."""
        item = self._items[name]
        item.parent().setExpanded(True)
        self._tree.setCurrentItem(item)

    def _fill(self) -> None:
        groups: dict[tuple[bool, str], list[Recipe]] = {}
        for recipe in sorted(self._recipes, key=lambda recipe: rank(recipe.name)):
            groups.setdefault((bool(self._lacking.get(recipe.name)), group_title(recipe.name)), []).append(
                recipe
            )
        for is_lacking, title in sorted(groups, key=lambda group: group[0]):
            self._add_group(title, groups[is_lacking, title], is_lacking=is_lacking)

    def _add_group(self, title: str, recipes: Sequence[Recipe], *, is_lacking: bool) -> None:
        remarks = [_remark(self._lacking.get(recipe.name, ())) for recipe in recipes]
        is_alike = len(set(remarks)) == 1  # then it is said once
        remark = remarks[0] if is_alike else "lacks features"
        group = _item(title, remark, is_muted=is_lacking)
        group.setData(0, _TITLE_ROLE, title)
        self._tree.addTopLevelItem(group)
        for recipe, own in zip(recipes, remarks, strict=True):
            item = _item(short_title(recipe.name), "" if is_alike else own, is_muted=is_lacking)
            item.setData(0, _RECIPE_ROLE, recipe)
            item.setToolTip(0, f"{recipe.name}\n{recipe.summary}")
            group.addChild(item)
            self._items[recipe.name] = item
        _count(group)
        group.setExpanded(_opens_by_itself(group))

    def _on_selection_changed(self) -> None:
        items = self._tree.selectedItems()
        if items:  # a choice that a search or a closed group hides stays the choice
            self._recipe = items[0].data(0, _RECIPE_ROLE)
            self.chosen.emit()

    def _on_search_changed(self, text: str) -> None:
        # Words begin with what is searched for: "3" is not in "i3d".
        words = [re.compile(rf"\b{re.escape(word)}", re.IGNORECASE) for word in text.split()]
        for item in self._items.values():
            said = _search_text(item.data(0, _RECIPE_ROLE))
            item.setHidden(not all(word.search(said) for word in words))
        for group in _children(self._tree.invisibleRootItem()):
            _count(group)
            group.setExpanded(bool(words) or _opens_by_itself(group))
        self._pages.setCurrentIndex(0 if self.names else 1)
        self._keep_choice_in_view()

    def _keep_choice_in_view(self) -> None:
        recipe = self.recipe
        if recipe is not None and self.names:
            self.choose(recipe.name if recipe.name in self.names else self.names[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter in the search goes to what it found: it must not start a training."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._search.hasFocus():
            self._tree.setFocus()
        else:
            super().keyPressEvent(event)


class _Tree(QTreeWidget):
    """Groups open and close at a click; only recipes can be chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("recipes")
        self.setAccessibleName("Recipes")
        self.setHeaderHidden(True)
        self.setExpandsOnDoubleClick(False)
        self.setUniformRowHeights(True)
        self.setIndentation(16)
        self.setItemDelegate(_Delegate(self))
        self.itemClicked.connect(self._on_item_clicked)

    def selectionCommand(self, index: Index, event: QEvent | None = None) -> QItemSelectionModel.SelectionFlag:
        """A group is not chosen, and what was chosen stays so."""
        if not index.parent().isValid():
            return QItemSelectionModel.SelectionFlag.NoUpdate
        return super().selectionCommand(index, event)

    def _on_item_clicked(self, item: QTreeWidgetItem) -> None:
        if item.parent() is None:
            item.setExpanded(not item.isExpanded())


class _Delegate(QStyledItemDelegate):
    """A row with its remark at the right; the remark, and what cannot be trained here, is muted."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(super().sizeHint(option, index).width(), _ROW_HEIGHT)

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        if index.data(_MUTED_ROLE):
            option.palette.setBrush(QPalette.ColorRole.Text, _muted())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        if option.state & QStyle.StateFlag.State_HasFocus and not index.parent().isValid():
            painter.setPen(option.palette.color(QPalette.ColorRole.Accent))
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
        remark = index.data(_REMARK_ROLE)
        if not remark:
            return
        taken = option.fontMetrics.horizontalAdvance(index.data()) + 24
        room = option.rect.adjusted(taken, 0, -8, 0)
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(option.palette.highlightedText().color() if is_chosen else _muted())
        text = option.fontMetrics.elidedText(remark, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)


def _muted() -> QColor:
    """The theme's own: a style sheet makes a paler one of its text colour."""
    return QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText)


def _item(title: str, remark: str, *, is_muted: bool) -> QTreeWidgetItem:
    item = QTreeWidgetItem([title])
    item.setData(0, _REMARK_ROLE, remark)
    item.setData(0, _MUTED_ROLE, is_muted)
    return item


def _remark(lacking: Sequence[str]) -> str:
    return f"lacks {', '.join(lacking)}" if lacking else ""


def _count(group: QTreeWidgetItem) -> None:
    """Say how many recipes of a group are in view; one without any is out of view itself."""
    found = sum(not item.isHidden() for item in _children(group))
    group.setHidden(not found)
    group.setText(0, f"{group.data(0, _TITLE_ROLE)} ({found})")


def _opens_by_itself(group: QTreeWidgetItem) -> bool:
    return not group.data(0, _MUTED_ROLE) and group.childCount() <= _OPENED_UP_TO


def _children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    return [item.child(i) for i in range(item.childCount())]


def _search_text(recipe: Recipe) -> str:
    """What a search over a recipe looks at."""
    words = (recipe.name, group_title(recipe.name), recipe.summary, recipe.source, *recipe.features)
    return " ".join(words)
