"""Videos that a person points at: which are found, what they become, and how that is taken back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.domain.videos import Found, Video
from avvp_studio.media.probe import probe
from avvp_studio.projects import ProjectError, add_videos, find_videos, take_back
from avvp_studio.store import Store
from tests import media_files
from tests.media_files import Sound, write_media
from trainer.labels import Event, Modality


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of picture and sound."""
    return write_media(tmp_path_factory.mktemp("video") / "video.mp4", media_files.Video(), Sound())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    with Store.create(root / "labels.sqlite", name="P", categories=["Dog", "Cat"]):
        pass
    return root


def copy(video: Path, folder: Path, *names: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [Path(shutil.copy(video, folder / name)) for name in names]


def find(*places: Path, clips: tuple[Clip, ...] = ()) -> Found:
    return find_videos(places, clips, progress=lambda found: None)


def stored(root: Path) -> dict[str, Clip]:
    with Store.open(root / "labels.sqlite") as store:
        return {clip.name: clip for clip in store.clips()}


def test_a_folder_gives_a_clip_a_file_with_all_below_it(video: Path, folder: Path) -> None:
    copy(video, folder, "b.mp4", "a.mp4")
    copy(video, folder / "deeper", "c.mp4")
    (folder / "notes.txt").write_text("no video")
    found = find(folder)
    assert [v.clip for v in found.videos] == ["a", "b", "c"]
    assert (found.count, found.total, found.is_whole) == (3, 3, True)
    assert found.seconds == pytest.approx(6.0, abs=0.3)


def test_a_second_file_of_a_name_gets_a_number_and_nothing_is_lost(video: Path, folder: Path) -> None:
    copy(video, folder, "street.mp4")
    copy(video, folder / "other", "street.mp4")
    existing = Clip("street", "train", video, 2.0, 2)
    found = find(folder, clips=(existing,))
    assert [v.clip for v in found.videos] == ["street-2", "street-3"]
    assert found.numbered == found.videos


def test_two_parts_of_one_video_never_share_a_feature_file(video: Path, folder: Path) -> None:
    copy(video, folder, "abcdefghijk_0_10.mp4", "abcdefghijk_10_20.mp4")
    assert [v.clip for v in find(folder).videos] == ["abcdefghijk_0_10", "abcdefghijk_10_20-2"]


def test_a_file_that_is_a_clip_already_is_known_by_its_place(video: Path, folder: Path) -> None:
    (path,) = copy(video, folder, "a.mp4")
    link = folder / "link.mp4"
    os.symlink(path, link)
    found = find(folder, link, clips=(Clip("other name", "train", path, 2.0, 2),))
    assert found.videos == ()
    assert set(found.known) == {path, link}


def test_a_clip_without_its_video_gets_it(video: Path, folder: Path, root: Path) -> None:
    with Store.open(root / "labels.sqlite") as store:
        store.add_clips([Clip("abcdefghijk_0_10", "val", None, 10.0, 10, frozenset({"Dog"}))])
    (path,) = copy(video, folder, "abcdefghijk.mp4")
    (lone,) = find(folder, clips=tuple(stored(root).values())).videos
    assert (lone.clip, lone.is_of_clip) == ("abcdefghijk_0_10", True)
    added = add_videos(root, [lone], "train")
    clip = stored(root)["abcdefghijk_0_10"]
    assert (clip.media, clip.split, clip.duration) == (path, "val", 10.0)
    assert added.clips == (clip,)
    taken = take_back(root, added)
    assert taken.changed == (stored(root)["abcdefghijk_0_10"],)
    assert taken.changed[0].media is None


def test_what_cannot_be_read_is_left_out_with_the_reason(video: Path, folder: Path) -> None:
    copy(video, folder, "good.mp4")
    (folder / "broken.mp4").write_bytes(b"nonsense" * 100)
    (folder / "empty.mkv").touch()
    found = find(folder, folder / "gone.mp4")
    assert [v.clip for v in found.videos] == ["good"]
    reasons = {path.name: reason for path, reason in found.left_out}
    assert reasons.keys() == {"broken.mp4", "empty.mkv", "gone.mp4"}
    assert "damaged" in reasons["broken.mp4"]
    assert "empty" in reasons["empty.mkv"]
    assert "no such file" in reasons["gone.mp4"]


def test_a_sound_beside_its_video_is_no_clip_of_its_own(video: Path, folder: Path) -> None:
    copy(video, folder, "street.mp4")
    write_media(folder / "street.wav", None, Sound(codec="pcm_s16le"))
    write_media(folder / "alone.wav", None, Sound(codec="pcm_s16le"))
    found = find(folder)
    assert sorted(v.clip for v in found.videos) == ["alone", "street"]
    assert [path.name for path, _ in found.left_out] == ["street.wav"]


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be made there")
def test_names_with_any_character_are_added_or_said(video: Path, folder: Path, root: Path) -> None:
    names = ['quo"te.mp4', "a,b;c.mp4", "Hündin 犬 🐕.mp4", "ends with dot..mp4", "percent%20 *[x].mp4"]
    copy(video, folder, *names, "tab\there.mp4")
    found = find(folder)
    assert {v.path.name for v in found.videos} == set(names)
    assert [path.name for path, _ in found.left_out] == ["tab\there.mp4"]
    add_videos(root, found.videos, "train")
    assert {clip.media.name for clip in stored(root).values()} == set(names)


def test_looking_can_be_stopped_and_tells_how_far_it_is(
    video: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avvp_studio.projects.videos._SAY_EVERY_S", 0.0)
    copy(video, folder, *(f"{i}.mp4" for i in range(5)))
    told: list[Found] = []
    find_videos((folder,), (), told.append, should_stop=lambda: len(told) >= 2)
    assert [(found.looked_at, found.total) for found in told] == [(0, 5), (1, 5)]
    assert not told[-1].is_whole


def test_a_second_look_opens_only_files_that_are_new(
    video: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(video, folder, "a.mp4")
    lengths: dict[Path, float] = {}
    find_videos((folder,), (), lambda found: None, lengths=lengths)
    copy(video, folder, "b.mp4")
    opened: list[str] = []
    monkeypatch.setattr(
        "avvp_studio.projects.videos.probe", lambda path: opened.append(path.name) or probe(path)
    )
    found = find_videos((folder,), (), lambda found: None, lengths=lengths)
    assert opened == ["b.mp4"]
    assert found.videos[0].duration == found.videos[1].duration


def test_all_are_stored_in_the_split_or_none(video: Path, root: Path) -> None:
    videos = [Video(video, "a", 2.0), Video(video, "b", 1.5)]
    assert add_videos(root, videos, "test").clips == tuple(stored(root).values())
    assert {(clip.split, clip.segments, clip.is_complete) for clip in stored(root).values()} == {
        ("test", 2, False)
    }
    with pytest.raises(ProjectError, match="a clip of this name already"):
        add_videos(root, [Video(video, "c", 2.0), Video(video, "a", 2.0)], "train")
    assert set(stored(root)) == {"a", "b"}


def test_taking_back_keeps_the_clips_that_somebody_labelled(video: Path, root: Path) -> None:
    added = add_videos(root, [Video(video, "a", 2.0), Video(video, "b", 2.0)], "train")
    with Store.open(root / "labels.sqlite") as store:
        store.apply("b", Edit((), (Event(Modality.AUDIO, "Dog", 0.0, 1.0),), "mark"), "ann")
    taken = take_back(root, added)
    assert (taken.kept, taken.removed) == (("b",), {"a"})
    assert set(stored(root)) == {"b"}
    assert video.exists()
