"""Asks which videos are to become clips, in which split, and whether to find tracks in them now."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.domain.videos import Found, VideosRequest
from avvp_studio.exchange.media_folder import MEDIA_SUFFIXES
from avvp_studio.ui.file_drops import FileDrops
from avvp_studio.ui.jobs.job_card import duration_text
from avvp_studio.ui.videos_form import VideosForm
from avvp_studio.ui.wrapped_label import WrappedLabel

NOTHING = "No videos chosen yet"
NOTHING_THERE = "No videos or sounds there"
_LISTED = 500
"""Files that are named with a reason; of more, only how many there are is said."""


class AddVideosDialog(QDialog):
    """Shows what somebody else found at the places that were chosen; sends `requested`, then closes."""

    places_chosen = Signal(object)
    """Look at these places, too (tuple of Path)."""
    requested = Signal(object)
    """A VideosRequest."""
    install_requested = Signal()
    """The default encoders should be installed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add videos")
        self._found = Found()
        self._has_looked = False
        self._folder = Path.home()
        self._files = QPushButton("Files…", autoDefault=False)
        self._choose_folder = QPushButton("Folder…", autoDefault=False)
        self._count = QLabel(NOTHING)
        self._looking = QProgressBar(textVisible=False)
        self._remarks = WrappedLabel()
        self._left_out = QTreeWidget()
        self._form = VideosForm()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._add = self._buttons.addButton("Add", QDialogButtonBox.ButtonRole.AcceptRole)
        self._arrange()
        self._add.setDefault(True)
        self._files.clicked.connect(self._on_files_clicked)
        self._choose_folder.clicked.connect(self._on_folder_clicked)
        self._form.install_requested.connect(self.install_requested)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        FileDrops(self).dropped.connect(self.places_chosen)
        self.show_found(self._found)
        self._files.setFocus()

    def _arrange(self) -> None:
        advice = QLabel("Choose files or a folder, or drop them here.", wordWrap=True)
        advice.setProperty("role", "muted")
        self._count.setProperty("role", "title")
        self._count.setWordWrap(True)
        self._remarks.setProperty("role", "muted")
        self._left_out.setHeaderLabels(["Left out", "Why"])
        self._left_out.setRootIsDecorated(False)
        self._left_out.setUniformRowHeights(True)
        self._left_out.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._left_out.setMinimumHeight(110)
        self._left_out.setColumnWidth(0, 190)
        self._left_out.setAccessibleName("Files that are left out")
        top, column = QHBoxLayout(), QVBoxLayout(self)
        top.addWidget(advice, 1)
        top.addWidget(self._files)
        top.addWidget(self._choose_folder)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._count)
        column.addWidget(self._looking)
        column.addWidget(self._remarks)
        column.addWidget(self._left_out, 1)
        column.addStretch(0)  # where nothing is left out
        column.addSpacing(4)
        column.addWidget(self._form)
        column.addWidget(self._buttons)
        self.setMinimumWidth(600)

    def begin_at(self, folder: Path) -> None:
        """Where the choosing of files begins."""
        self._folder = folder

    def show_found(self, found: Found) -> None:
        """Show what was found, or what there is of it so far."""
        self._found = found
        self._looking.setVisible(not found.is_whole)
        self._looking.setRange(0, found.total)
        self._looking.setValue(found.looked_at)
        self._count.setText(_count_text(found) or (NOTHING_THERE if self._has_looked else NOTHING))
        self._remarks.setText(_remarks_text(found))
        self._remarks.setVisible(bool(self._remarks.text()))
        self._list_left_out(found.left_out)
        can_add = found.is_whole and bool(found.videos)
        self._add.setEnabled(can_add)
        self._add.setText(f"Add {_videos(len(found.videos))}" if can_add else "Add")

    def show_looking(self) -> None:
        """Somebody looks what lies at the places; nobody knows yet how much."""
        self._has_looked = True
        self.show_found(Found(looked_at=0, total=1))
        self._looking.setRange(0, 0)

    def show_encoders(self, finders: Collection[str] | None, *, is_installing: bool = False) -> None:
        """Offer the encoders that can find tracks here; None while that is still being asked."""
        self._form.show_encoders(finders, is_installing=is_installing)

    @property
    def count_text(self) -> str:
        return self._count.text()

    @property
    def can_add(self) -> bool:
        return self._add.isEnabled()

    def request(self) -> VideosRequest:
        """What the dialog says now."""
        return VideosRequest(self._found.videos, self._form.split, self._form.encoder)

    def _list_left_out(self, left_out: tuple[tuple[Path, str], ...]) -> None:
        self._left_out.clear()
        self._left_out.setVisible(bool(left_out))
        for path, reason in left_out[:_LISTED]:
            short = reason.partition("\n")[0].removeprefix(path.name).strip()
            item = QTreeWidgetItem([path.name, short])
            item.setToolTip(0, str(path))
            item.setToolTip(1, f"<p>{escape(reason)}</p>")  # a paragraph is wrapped
            self._left_out.addTopLevelItem(item)
        if len(left_out) > _LISTED:
            self._left_out.addTopLevelItem(QTreeWidgetItem([f"and {len(left_out) - _LISTED:,} more", ""]))

    def _on_files_clicked(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in sorted(MEDIA_SUFFIXES))
        kinds = f"Videos and sounds ({pattern});;All files (*)"
        chosen, _ = QFileDialog.getOpenFileNames(self, "Choose videos", str(self._folder), kinds)
        self._choose(tuple(map(Path, chosen)))

    def _on_folder_clicked(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Choose a folder of videos", str(self._folder))
        self._choose((Path(chosen),) if chosen else ())

    def _choose(self, places: tuple[Path, ...]) -> None:
        if places:
            self._folder = places[0].parent
            self.places_chosen.emit(places)

    def _on_accepted(self) -> None:
        self.requested.emit(self.request())
        self.accept()


def _videos(count: int) -> str:
    return f"{count:,} video{'' if count == 1 else 's'}"


def _count_text(found: Found) -> str:
    """How much there is; empty where nothing lies."""
    length = f", {duration_text(found.seconds)}" if found.count else ""
    if not found.is_whole:
        so_far = f" (looked at {found.looked_at:,} of {found.total:,})" if found.looked_at else ""
        return f"Looking… {_videos(found.count)}{length}{so_far}" if so_far else "Looking…"
    if found.count:
        return f"{_videos(found.count)}{length}"
    if found.known and not found.left_out:
        return (
            "Nothing to add: " + ("it is" if len(found.known) == 1 else "all are") + " in the project already"
        )
    return "Nothing that can be added" if found.known or found.left_out or found.total else ""


def _remarks_text(found: Found) -> str:
    """What else is to be said of the files, a sentence each."""
    given = sum(video.is_of_clip for video in found.videos)
    numbered = found.numbered
    first = f" ({numbered[0].path.stem} → {numbered[0].clip})" if numbered else ""
    sentences = {
        f"{_are(given)} the missing video of a clip of the project.": given,
        f"{_are(len(found.known))} in the project already.": found.known and found.videos,
        f"{_are(len(numbered))} numbered, as another clip has the name{first}.": numbered,
        f"{len(found.left_out):,} cannot be added:": found.left_out,
    }
    return " ".join(sentence for sentence, is_said in sentences.items() if is_said)


def _are(count: int) -> str:
    return f"{count:,} {'is' if count == 1 else 'are'}"
