"""Which parsers' tracks are drawn."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu, QWidget

from avvp_studio.ui.names import parser_name
from avvp_studio.ui.timeline.wording import reach_text
from avvp_studio.workspace import Workspace


class TracksMenu(QMenu):
    """One entry for each parser that has left tracks, the newest first; filled whenever it opens."""

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__("Tracks", parent)
        self._workspace = workspace
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        self.clear()
        project = self._workspace.project
        categories = project.categories if project else ()
        for parser in self._workspace.parsers:
            unknown = reach_text(self._workspace.reach(parser), categories)
            title = f"{parser_name(parser)} ({unknown})" if unknown else parser_name(parser)
            entry = self.addAction(title.replace("&", "&&"))
            entry.setData(parser)
            entry.setToolTip(parser)
            entry.setCheckable(True)
            entry.setChecked(parser in self._workspace.shown)
            entry.toggled.connect(self._on_toggled)
        if self.isEmpty():
            self.addAction("No parser has left tracks yet").setEnabled(False)

    def _on_toggled(self) -> None:
        self._workspace.show_parsers([entry.data() for entry in self.actions() if entry.isChecked()])
