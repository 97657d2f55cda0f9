"""The dialog that adds videos shows what was found and asks only for what can be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLabel, QPushButton, QTreeWidget
from pytestqt.qtbot import QtBot

from avvp_studio.domain.videos import Found, Video, VideosRequest
from avvp_studio.ui.add_videos_dialog import NOTHING, AddVideosDialog
from avvp_studio.ui.wrapped_label import WrappedLabel

A, B = Video(Path("/v/a.mp4"), "a", 65.0), Video(Path("/w/a.mp4"), "a-2", 5.0)
EVERY = ("default", "clip+clap")


@pytest.fixture
def dialog(qtbot: QtBot) -> AddVideosDialog:
    made = AddVideosDialog()
    qtbot.addWidget(made)
    made.show_encoders(EVERY)
    made.show()
    qtbot.waitExposed(made)
    return made


def found(*videos: Video, known: int = 0, left_out: tuple[tuple[Path, str], ...] = ()) -> Found:
    total = len(videos) + known + len(left_out)
    seconds = sum(video.duration for video in videos)
    places = tuple(Path(f"/v/{i}.mp4") for i in range(known))
    return Found(len(videos), seconds, total, total, videos, places, left_out)


def button(dialog: AddVideosDialog, text: str) -> QPushButton:
    return next(each for each in dialog.findChildren(QPushButton) if each.text().startswith(text))


def words(dialog: AddVideosDialog) -> str:
    return " ".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())


def encoder_box(dialog: AddVideosDialog) -> QComboBox:
    return next(box for box in dialog.findChildren(QComboBox) if box.findData("default") >= 0)


def test_nothing_can_be_added_before_something_is_chosen(dialog: AddVideosDialog) -> None:
    assert dialog.count_text == NOTHING
    assert not dialog.can_add


def test_files_and_folders_can_be_chosen(
    qtbot: QtBot, dialog: AddVideosDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (["/v/a.mp4", "/v/b.mp4"], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/w")
    for text, places in (("Files", (Path("/v/a.mp4"), Path("/v/b.mp4"))), ("Folder", (Path("/w"),))):
        with qtbot.waitSignal(dialog.places_chosen) as chosen:
            qtbot.mouseClick(button(dialog, text), Qt.MouseButton.LeftButton)
        assert chosen.args == [places]


def test_what_was_found_is_counted_and_what_was_not_is_named_with_the_reason(dialog: AddVideosDialog) -> None:
    dialog.show_found(found(A, B, known=3, left_out=((Path("/v/bad.mp4"), "bad.mp4 is damaged"),)))
    assert dialog.count_text == "2 videos, 1 min 10 s"
    assert "1 is numbered, as another clip has the name (a → a-2)" in words(dialog)
    assert "3 are in the project already" in words(dialog)
    item = dialog.findChild(QTreeWidget).topLevelItem(0)
    assert (item.text(0), item.text(1)) == ("bad.mp4", "is damaged")
    assert button(dialog, "Add").text() == "Add 2 videos"


def test_nothing_is_added_while_somebody_still_looks(dialog: AddVideosDialog) -> None:
    dialog.show_found(Found(count=98, seconds=490.0, looked_at=98, total=307))
    assert dialog.count_text == "Looking… 98 videos, 8 min 10 s (looked at 98 of 307)"
    assert not dialog.can_add


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (found(known=1), "Nothing to add: it is in the project already"),
        (found(known=4), "Nothing to add: all are in the project already"),
        (found(left_out=((Path("/v"), "the folder cannot be read"),)), "Nothing that can be added"),
    ],
)
def test_why_nothing_can_be_added_is_said(dialog: AddVideosDialog, what: Found, text: str) -> None:
    dialog.show_found(what)
    assert dialog.count_text == text
    assert not dialog.can_add


def test_a_thousand_broken_files_do_not_make_a_thousand_rows(dialog: AddVideosDialog) -> None:
    dialog.show_found(found(left_out=tuple((Path(f"/v/{i}.mp4"), "damaged") for i in range(1234))))
    tree = dialog.findChild(QTreeWidget)
    assert tree.topLevelItem(tree.topLevelItemCount() - 1).text(0) == "and 734 more"


def test_enter_asks_for_tracks_in_the_train_split_unless_told_otherwise(
    qtbot: QtBot, dialog: AddVideosDialog
) -> None:
    dialog.show_found(found(A))
    with qtbot.waitSignal(dialog.requested) as requested:
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert requested.args == [VideosRequest((A,), "train", "default")]
    assert not dialog.isVisible()


def test_the_split_can_be_chosen_and_tracks_be_left_for_later(qtbot: QtBot, dialog: AddVideosDialog) -> None:
    dialog.show_found(found(A))
    dialog.findChildren(QComboBox)[0].setCurrentText("test")
    qtbot.mouseClick(dialog.findChild(QCheckBox), Qt.MouseButton.LeftButton)
    assert dialog.request() == VideosRequest((A,), "test", "")
    assert "Labels only score" in words(dialog)
    assert "Parser, Find tracks" in words(dialog)


def test_without_the_default_encoders_it_says_so_and_offers_to_install_them(
    qtbot: QtBot, dialog: AddVideosDialog
) -> None:
    dialog.show_encoders(())
    assert encoder_box(dialog).currentData() == "signal"
    assert "not installed" in words(dialog)
    install = button(dialog, "Install")
    assert "python -m trainer encoders install default" in install.toolTip()
    with qtbot.waitSignal(dialog.install_requested):
        qtbot.mouseClick(install, Qt.MouseButton.LeftButton)
    dialog.show_encoders((), is_installing=True)
    assert encoder_box(dialog).currentData() == "default"
    assert "the tracks follow by themselves" in words(dialog)
    assert not install.isVisible()


def test_the_choice_of_the_encoder_outlives_news_about_encoders(dialog: AddVideosDialog) -> None:
    box = encoder_box(dialog)
    for choice, said in (("signal", "no tracks before one"), ("clip+clap", "What CLIP sees and CLAP hears")):
        box.setCurrentIndex(box.findData(choice))
        dialog.show_encoders(EVERY)
        assert dialog.request().encoder == choice
        assert said in words(dialog)


@pytest.mark.parametrize(
    ("finders", "text", "said"),
    [
        (("clip+clap",), "by CLIP and CLAP", "Without a GPU that takes long"),
        (("clip",), "by CLIP: only what is seen", "What is heard needs CLAP, too"),
        (("clap",), "by CLAP: only what is heard", "What is seen needs CLIP, too"),
    ],
)
def test_clip_and_clap_are_offered_where_they_are_ready_and_taken_where_nothing_else_is(
    dialog: AddVideosDialog, finders: tuple[str, ...], text: str, said: str
) -> None:
    dialog.show_encoders(("default", *finders))
    box = encoder_box(dialog)
    offered = [box.itemText(i) for i in range(box.count())]
    assert offered == ["by the default encoders", text, "built-in features only"]
    assert dialog.request().encoder == "default"
    dialog.show_encoders(finders)
    assert (box.currentText(), dialog.request().encoder) == (text, *finders)
    assert said in words(dialog)
    assert not button(dialog, "Install").isVisible()
    box.setCurrentIndex(2)
    assert "no tracks before one" in words(dialog)
    dialog.show_encoders(())
    assert box.count() == 2


@pytest.mark.parametrize("width", [600, 1000])
def test_no_sentence_of_the_dialog_is_cut(qtbot: QtBot, dialog: AddVideosDialog, width: int) -> None:
    long = Video(Path(f"/v/{'a very long name ' * 9}.mp4"), "b", 5.0)
    for finders in (EVERY, ("clip+clap",), ()):
        dialog.show_encoders(finders)
        dialog.show_found(found(A, long, known=2, left_out=((Path("/v/bad.mp4"), "damaged"),)))
        dialog.resize(width, 300)
        notes = [note for note in dialog.findChildren(WrappedLabel) if note.text()]

        def are_whole(notes: list[WrappedLabel] = notes) -> bool:
            return all(note.height() >= note.heightForWidth(note.width()) for note in notes)

        assert len(notes) == 3
        qtbot.waitUntil(are_whole, timeout=2000)


def test_a_reason_that_does_not_fit_is_wrapped_in_its_tooltip(dialog: AddVideosDialog) -> None:
    dialog.show_found(found(left_out=((Path("/v/bad.mp4"), "bad.mp4 holds <b>nothing</b>"),)))
    tip = dialog.findChild(QTreeWidget).topLevelItem(0).toolTip(1)
    assert tip.startswith("<p>")
    assert QTextDocumentFragment.fromHtml(tip).toPlainText() == "bad.mp4 holds <b>nothing</b>"


def test_the_tab_key_goes_from_the_top_of_the_dialog_to_its_foot(qtbot: QtBot, dialog: AddVideosDialog) -> None:
    dialog.show_found(found(A, left_out=((Path("/v/bad.mp4"), "damaged"),)))
    button(dialog, "Files").setFocus()
    places = []
    for _ in range(7):
        focused = dialog.focusWidget()
        places.append(focused.mapTo(dialog, focused.rect().center()).y())
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert places == sorted(places)
