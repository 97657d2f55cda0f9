"""The sound's outline appears by itself, is kept, and says why when there is none."""

from __future__ import annotations

import pytest

from avvp_studio.soundtrack import Soundtrack
from avvp_studio.tasks import Tasks
from tests.media_files import Sound, Video, write_media


@pytest.fixture
def tasks(qtbot):
    tasks = Tasks()
    yield tasks
    tasks.shutdown()


@pytest.fixture
def soundtrack(tasks):
    return Soundtrack(tasks)


def test_peaks_appear_and_are_kept_under_the_name_of_the_clip(soundtrack, tmp_path, qtbot):
    path = write_media(tmp_path / "a.mp4")
    soundtrack.request("some/clip", path, tmp_path / "peaks")
    assert soundtrack.peaks is None
    qtbot.waitUntil(lambda: soundtrack.peaks is not None)
    assert soundtrack.note == ""
    assert soundtrack.peaks.duration == pytest.approx(2, abs=0.05)
    assert [file.name for file in (tmp_path / "peaks").iterdir()] == ["some%2Fclip.npz"]


def test_kept_peaks_are_read_again_until_the_file_changes(soundtrack, tmp_path, qtbot):
    path = write_media(tmp_path / "a.mp4")
    for seconds in (2, 1):
        write_media(path, Video(frames=30), Sound(seconds=seconds))
        for _ in range(2):
            soundtrack.request("a", path, tmp_path)
            qtbot.waitUntil(lambda: soundtrack.peaks is not None)
            assert soundtrack.peaks.duration == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize(
    ("sound", "note"),
    [
        (None, "This file has no sound"),
        (Sound(kind="silence"), "The sound is silence"),
        (Sound(seconds=1), "The sound ends at 1.0 s"),
    ],
)
def test_a_note_says_what_is_odd(soundtrack, tmp_path, qtbot, sound, note):
    soundtrack.request("a", write_media(tmp_path / "a.mp4", Video(), sound), tmp_path)
    qtbot.waitUntil(lambda: soundtrack.note == note)
    assert (soundtrack.peaks is None) == (sound is None)


def test_a_clip_without_media_has_a_note_at_once(soundtrack, tmp_path):
    soundtrack.request("a", None, tmp_path)
    assert soundtrack.peaks is None
    assert "not found" in soundtrack.note


def test_a_file_that_cannot_be_read_is_reported(soundtrack, tmp_path, qtbot):
    with qtbot.waitSignal(soundtrack.failed) as failed:
        soundtrack.request("a", tmp_path / "gone.mp4", tmp_path)
    assert "gone.mp4 is not in" in failed.args[0]
    assert soundtrack.note == "The sound cannot be read"


def test_only_the_newest_request_is_shown(soundtrack, tasks, tmp_path, qtbot):
    short = write_media(tmp_path / "short.mp4", None, Sound(seconds=1))
    long = write_media(tmp_path / "long.mp4", None, Sound(seconds=3))
    seen = []
    soundtrack.peaks_changed.connect(lambda: seen.append(soundtrack.peaks))
    for path in (short, long, short, long):
        soundtrack.request(path.stem, path, tmp_path)
    qtbot.waitUntil(lambda: soundtrack.peaks is not None)
    qtbot.waitUntil(lambda: not tasks.is_busy)
    shown = [peaks for peaks in seen if peaks is not None]
    assert [peaks.duration for peaks in shown] == [pytest.approx(3, abs=0.05)]


def test_a_cache_that_cannot_be_written_costs_only_a_note(soundtrack, tmp_path, qtbot):
    path = write_media(tmp_path / "a.mp4")
    (tmp_path / "peaks").write_text("a file where the folder should be")
    soundtrack.request("a", path, tmp_path / "peaks")
    qtbot.waitUntil(lambda: soundtrack.peaks is not None)
    assert "could not be kept" in soundtrack.note


def test_of_a_long_sound_is_said_how_far_it_is_read(soundtrack, tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr("avvp_studio.media.peaks._BLOCKS_AT_ONCE", 2)
    path = write_media(tmp_path / "a.wav", None, Sound(codec="pcm_s16le", seconds=5, channels=1))
    notes = []
    soundtrack.peaks_changed.connect(lambda: notes.append(soundtrack.note))
    soundtrack.request("a", path, tmp_path)
    qtbot.waitUntil(lambda: soundtrack.peaks is not None)
    assert notes == ["Reading the sound …", "Reading the sound: 40 %", "Reading the sound: 81 %", ""]


def test_clearing_drops_what_is_under_way(soundtrack, tasks, tmp_path, qtbot):
    soundtrack.request("a", write_media(tmp_path / "a.mp4"), tmp_path)
    soundtrack.clear()
    assert soundtrack.note == ""
    ends = []
    tasks.run(lambda: None, done=ends.append)
    tasks.run(lambda: None, done=ends.append)
    qtbot.waitUntil(lambda: len(ends) == 2)
    assert soundtrack.peaks is None


def test_the_real_clips_have_a_sound_or_a_note(soundtrack, shared_media, tmp_path, qtbot):
    for path in sorted(path for path in shared_media.iterdir() if path.suffix != ".md"):
        with qtbot.waitSignals([soundtrack.peaks_changed] * 2):
            soundtrack.request(path.stem, path, tmp_path)
        qtbot.waitUntil(lambda: "Reading" not in soundtrack.note)
        expected = {".avi": "This file has no sound"}.get(path.suffix, "")
        assert soundtrack.note == ("The sound is silence" if "cockatoo" in path.name else expected)
