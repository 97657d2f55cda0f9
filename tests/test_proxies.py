"""Proxies are made in the background, played where they are current, and go without a trace when cancelled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from avvp_studio import proxies as module
from avvp_studio.media.proxy import make_proxy
from avvp_studio.proxies import Proxies
from avvp_studio.tasks import Tasks
from tests.media_files import Video, write_media


@pytest.fixture
def proxies(qtbot: QtBot) -> Iterator[Proxies]:
    tasks = Tasks()
    made = Proxies(tasks)
    yield made
    made.shutdown()
    tasks.shutdown()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("proxies") / "street.mp4", Video(frames=30, keyframes=30), None)


@pytest.fixture(scope="module")
def long_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("long") / "long.mp4", Video(frames=1500), None)


def test_the_hardness_of_the_open_file_becomes_known(proxies: Proxies, source: Path, qtbot: QtBot) -> None:
    assert proxies.open(source, source.parent / "none") is None
    assert proxies.hardness is None
    qtbot.waitUntil(lambda: proxies.hardness is not None)
    assert proxies.hardness is not None
    assert not proxies.hardness.is_hard
    proxies.open(None, None)
    assert proxies.hardness is None


def test_a_proxy_that_was_made_is_played_from_then_on(
    proxies: Proxies, source: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    chosen: list[Path | None] = []
    proxies.chosen_changed.connect(chosen.append)
    proxies.open(source, tmp_path)
    proxies.make()
    assert proxies.making is not None
    qtbot.waitUntil(lambda: proxies.making is None)
    assert chosen == [proxies.current]
    assert chosen != [None]
    assert proxies.open(source, tmp_path) == proxies.current


def test_progress_goes_up_to_the_end(proxies: Proxies, source: Path, tmp_path: Path, qtbot: QtBot) -> None:
    done: list[float] = []
    proxies.changed.connect(lambda: done.append(proxies.making.done) if proxies.making else None)
    proxies.open(source, tmp_path)
    proxies.make()
    qtbot.waitUntil(lambda: proxies.making is None)
    assert done == sorted(done)
    assert done[-1] > 0.9


def test_another_open_file_leaves_the_making_alone_and_keeps_its_own_picture(
    proxies: Proxies, source: Path, long_source: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    proxies.open(source, tmp_path)
    proxies.make()
    with qtbot.assertNotEmitted(proxies.chosen_changed):
        proxies.open(long_source, tmp_path)
        qtbot.waitUntil(lambda: proxies.making is None)
    assert proxies.current is None
    assert proxies.open(source, tmp_path) is not None


def test_cancelling_leaves_no_file(proxies: Proxies, long_source: Path, tmp_path: Path, qtbot: QtBot) -> None:
    proxies.open(long_source, tmp_path)
    proxies.make()
    qtbot.waitUntil(lambda: proxies.making is not None and proxies.making.done > 0)
    proxies.cancel()
    assert proxies.making is None
    qtbot.waitUntil(lambda: not list(tmp_path.iterdir()))
    qtbot.wait(50)
    assert proxies.current is None
    assert not list(tmp_path.iterdir())


def test_closing_the_studio_meanwhile_leaves_no_file(long_source: Path, tmp_path: Path, qtbot: QtBot) -> None:
    tasks = Tasks()
    proxies = Proxies(tasks)
    proxies.open(long_source, tmp_path)
    proxies.make()
    qtbot.waitUntil(lambda: proxies.making is not None and proxies.making.done > 0)
    proxies.shutdown()
    tasks.shutdown()
    assert not list(tmp_path.iterdir())


def test_the_file_itself_can_be_chosen(proxies: Proxies, source: Path, tmp_path: Path, qtbot: QtBot) -> None:
    made = make_proxy(source, tmp_path)
    assert proxies.open(source, tmp_path) == made
    with qtbot.waitSignal(proxies.chosen_changed) as chosen:
        proxies.set_enabled(False)
    assert chosen.args == [None]
    assert proxies.open(source, tmp_path) is None
    with qtbot.waitSignal(proxies.chosen_changed) as chosen:
        proxies.set_enabled(True)
    assert chosen.args == [made]


def test_a_proxy_of_what_the_file_was_is_not_played(proxies: Proxies, source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(source.read_bytes())
    make_proxy(copy, tmp_path / "proxies")
    os.utime(copy, (1, 1))
    assert proxies.open(copy, tmp_path / "proxies") is None


def test_removing_lets_go_of_the_proxy_first(
    proxies: Proxies, source: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    made = make_proxy(source, tmp_path)
    proxies.open(source, tmp_path)
    with qtbot.waitSignal(proxies.chosen_changed) as chosen:
        proxies.remove()
    assert chosen.args == [None]
    qtbot.waitUntil(lambda: not made.exists())


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(
    proxies: Proxies, source: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    blocked = tmp_path / "proxies"
    blocked.write_text("a file where the folder should be")
    proxies.open(source, blocked)
    with qtbot.waitSignal(proxies.failed) as failed:
        proxies.make()
    assert str(blocked) in failed.args[0]
    assert "make room there" in failed.args[0]
    assert proxies.making is None


def test_a_damaged_file_is_told_once(proxies: Proxies, tmp_path: Path, qtbot: QtBot) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"no video" * 100)
    proxies.open(damaged, tmp_path / "proxies")
    with qtbot.waitSignal(proxies.failed) as failed:
        proxies.make()
    assert failed.args[0].startswith("damaged.mp4")


def test_only_one_is_made_at_a_time(
    proxies: Proxies, source: Path, long_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(module, "_make", lambda source, *_, progress: asked.append(source) or source)
    for path in (source, long_source):
        proxies.open(path, tmp_path)
        proxies.make()
    assert proxies.making is not None
    assert proxies.making.source == source


def test_a_proxy_that_cannot_be_removed_is_named_and_the_making_of_another_goes_on(
    proxies: Proxies, source: Path, long_source: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    made = make_proxy(source, tmp_path)
    proxies.open(long_source, tmp_path)
    proxies.make()
    proxies.open(source, tmp_path)
    made.unlink()
    made.mkdir()  # nobody may remove a folder as if it were a file
    with qtbot.waitSignal(proxies.failed) as failed:
        proxies.remove()
    assert str(made) in failed.args[0]
    assert proxies.making is not None
    proxies.cancel()
