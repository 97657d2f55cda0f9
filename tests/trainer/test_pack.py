from __future__ import annotations

import mmap
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from trainer.feature_files import FeaturePlace
from trainer.features import FeatureError, Features, FeatureStore
from trainer.protocol import StopRequested

NAMES = [f"clip{i}" for i in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(NAMES):
        write(tmp_path, name, i)
    return tmp_path


def write(folder: Path, name: str, value: float, *, width: int = 3) -> None:
    """Four segments of one value; the picture has 2 rows a segment."""
    for features, rows, columns in (("sound", 4, width), ("picture", 8, 5)):
        (folder / features).mkdir(exist_ok=True)
        np.save(folder / features / f"{name}.npy", np.full((rows, columns), value, np.float32))


def store(folder: Path) -> FeatureStore:
    return FeatureStore(folder, audio="sound", visual=["picture"])


def values(features: Features) -> dict[str, tuple[float, float]]:
    """The value of each clip in both tables, once it is sure that all of its rows have it."""
    found = {}
    for name, start, length in zip(features.names, features.starts, features.lengths, strict=True):
        sound, picture = (np.unique(table[start : start + length]) for table in features.tables.values())
        assert (length, sound.size, picture.size) == (4, 1, 1)
        found[name] = (float(sound[0]), float(picture[0]))
    return found


def expected(*clips: int) -> dict[str, tuple[float, float]]:
    return {f"clip{i}": (i, i) for i in clips}


def packs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "packs").iterdir())


@pytest.fixture
def files_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The feature files that are read from now on."""
    files: list[str] = []
    read = FeaturePlace.read

    def noted(place: FeaturePlace, key: str) -> np.ndarray:
        files.extend(place.files(key))
        return read(place, key)

    monkeypatch.setattr(FeaturePlace, "read", noted)
    return files


def test_what_was_packed_is_mapped_and_no_feature_file_is_read_again(
    folder: Path, files_read: list[str]
) -> None:
    first = store(folder).read(NAMES)
    assert len(files_read) == 12
    files_read.clear()
    again = store(folder).read(NAMES)
    assert files_read == []
    assert values(first) == values(again) == expected(*range(6))
    assert packs(folder) == ["sound+picture.pack"]
    for table in again.tables.values():
        assert isinstance(memoryview(table.base.base).obj, mmap.mmap)  # type: ignore[union-attr]
        assert table.ctypes.data % 64 == 0
    assert (again.packed, again.note) == (True, "")


def test_only_changed_and_new_files_are_read_again(folder: Path, files_read: list[str]) -> None:
    store(folder).read(NAMES)
    files_read.clear()
    write(folder, "clip2", 12)
    write(folder, "clip6", 6)
    features = store(folder).read([*NAMES, "clip6"])
    assert sorted(set(files_read)) == [
        "picture/clip2.npy",
        "picture/clip6.npy",
        "sound/clip2.npy",
        "sound/clip6.npy",
    ]
    assert values(features) == expected(*range(7)) | {"clip2": (12, 12)}


def test_a_file_of_the_same_size_and_another_time_is_read_again(folder: Path) -> None:
    store(folder).read(NAMES)
    path = folder / "sound" / "clip3.npy"
    before = path.stat()
    np.save(path, np.full((4, 3), 33, np.float32))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert values(store(folder).read(NAMES))["clip3"] == (33, 3)


def test_removed_files_are_missing_and_nothing_else_is_read(folder: Path, files_read: list[str]) -> None:
    store(folder).read(NAMES)
    files_read.clear()
    (folder / "picture" / "clip1.npy").unlink()
    features = store(folder).read(NAMES)
    assert (features.missing, files_read) == (("clip1",), [])
    assert values(features) == expected(0, 2, 3, 4, 5)


def test_what_is_packed_for_one_job_stays_for_the_others(folder: Path, files_read: list[str]) -> None:
    store(folder).read(NAMES[:4])
    store(folder).read(NAMES[4:])
    files_read.clear()
    assert values(store(folder).read(NAMES[::-1])) == expected(*range(6))
    assert files_read == []


def test_other_features_under_the_same_names_take_the_place_of_the_old(folder: Path) -> None:
    store(folder).read(NAMES)
    for i, name in enumerate(NAMES[:4]):
        write(folder, name, i, width=7)
    features = store(folder).read(NAMES[:4])  # the last two are still packed, and 3 columns wide
    assert features.widths["sound"] == 7
    assert values(features) == expected(0, 1, 2, 3)
    with pytest.raises(FeatureError, match=r"2 feature files .*\(3 columns, most files have 7"):
        store(folder).read(NAMES)


def cut(content: bytes) -> bytes:
    return content[:-10]


def longer(content: bytes) -> bytes:
    return content + b"0"


def other_version(content: bytes) -> bytes:
    return content[:8] + b"\xff" + content[9:]


def other_index(content: bytes) -> bytes:
    return content.replace(b"clip1", b"clip7")


def nothing(content: bytes) -> bytes:
    return b""


def text(content: bytes) -> bytes:
    return b"this is a text that somebody left here, and longer than the first lines of a pack would be"


@pytest.mark.parametrize("damage", [cut, longer, other_version, other_index, nothing, text])
def test_a_damaged_or_foreign_pack_is_made_anew(
    folder: Path, files_read: list[str], damage: Callable[[bytes], bytes]
) -> None:
    store(folder).read(NAMES)
    pack = folder / "packs" / "sound+picture.pack"
    pack.write_bytes(damage(pack.read_bytes()))
    files_read.clear()
    assert values(store(folder).read(NAMES)) == expected(*range(6))
    assert len(files_read) == 12
    files_read.clear()
    store(folder).read(NAMES)
    assert files_read == []


def test_a_pack_of_files_in_another_place_is_made_anew(folder: Path) -> None:
    (folder / "feats").mkdir()
    (folder / "picture").rename(folder / "feats" / "res152")
    published = FeatureStore(folder, audio="sound", visual=["res152"])
    assert values(published.read(NAMES)) == expected(*range(6))
    for name in NAMES:
        own = folder / "res152" / f"{name}.npy"
        own.parent.mkdir(exist_ok=True)
        np.save(own, np.full((8, 5), 9, np.float32))
        state = (folder / "feats" / "res152" / f"{name}.npy").stat()
        os.utime(own, ns=(state.st_atime_ns, state.st_mtime_ns))
    found = values(FeatureStore(folder, audio="sound", visual=["res152"]).read(NAMES))
    assert {picture for _, picture in found.values()} == {9}


def test_a_job_that_is_stopped_leaves_no_half_file_and_the_old_pack(
    folder: Path, files_read: list[str]
) -> None:
    store(folder).read(NAMES)
    before = (folder / "packs" / "sound+picture.pack").read_bytes()
    write(folder, "clip6", 6)

    def stop(done: int, total: int) -> None:
        assert total == 2
        raise StopRequested

    with pytest.raises(StopRequested):
        store(folder).read([*NAMES, "clip6"], progress=stop)
    assert packs(folder) == ["sound+picture.pack"]
    assert (folder / "packs" / "sound+picture.pack").read_bytes() == before


def test_files_that_cannot_be_used_leave_no_half_file(folder: Path) -> None:
    (folder / "picture" / "clip5.npy").write_bytes(b"nothing")
    with pytest.raises(FeatureError):
        store(folder).read(NAMES)
    assert packs(folder) == []


def test_progress_is_told_of_every_file_and_once_of_what_is_packed(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    store(folder).read(NAMES, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(1, 13)]
    told.clear()
    store(folder).read(NAMES, progress=lambda done, total: told.append((done, total)))
    assert told == [(6, 6)]


def test_two_jobs_that_pack_at_once_do_not_harm_each_other(folder: Path) -> None:
    other: list[Features] = []

    def start_another(done: int, total: int) -> None:
        if done == 5:
            other.append(store(folder).read(NAMES[3:]))

    features = store(folder).read(NAMES[:4], progress=start_another)
    assert values(features) == expected(0, 1, 2, 3)
    assert values(other[0]) == expected(3, 4, 5)
    assert packs(folder) == ["sound+picture.pack"]
    assert values(store(folder).read(NAMES)) == expected(*range(6))


def test_who_mapped_a_pack_keeps_it_when_another_takes_its_place(folder: Path) -> None:
    features = store(folder).read(NAMES)
    write(folder, "clip0", 50)
    assert values(store(folder).read(NAMES))["clip0"] == (50, 50)
    assert values(features) == expected(*range(6))


def test_what_is_written_into_a_table_never_reaches_the_pack(folder: Path) -> None:
    store(folder).read(NAMES).tables["sound"][:] = 99
    assert values(store(folder).read(NAMES)) == expected(*range(6))


def test_a_folder_that_cannot_be_written_keeps_the_features_in_memory_and_says_so(folder: Path) -> None:
    (folder / "packs").write_text("in the way")
    features = store(folder).read(NAMES)
    assert values(features) == expected(*range(6))
    assert not features.packed
    assert "kept in memory" in features.note
    assert str(folder / "packs") in features.note


@contextmanager
def little_space(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_disk_that_is_full_keeps_the_features_in_memory_and_leaves_no_half_file(folder: Path) -> None:
    store(folder).read(NAMES[:2])
    with little_space(700):
        features = store(folder).read(NAMES)
    assert values(features) == expected(*range(6))
    assert "kept in memory" in features.note
    assert packs(folder) == ["sound+picture.pack"]
    assert store(folder).read(NAMES).packed


def test_the_half_file_of_a_job_that_was_killed_is_cleared_away_and_one_under_way_is_not(folder: Path) -> None:
    (folder / "packs").mkdir()
    for name, age in (("killed.part", 7200), ("under-way.part", 5)):
        path = folder / "packs" / name
        path.write_bytes(b"half")
        changed = path.stat().st_mtime - age
        os.utime(path, (changed, changed))
    store(folder).read(NAMES)
    assert packs(folder) == ["sound+picture.pack", "under-way.part"]


def test_resampled_rows_are_packed_beside_the_others(folder: Path, files_read: list[str]) -> None:
    resampled = FeatureStore(folder, audio="sound", visual=["picture"], resample=True)
    for _ in ("read", "packed"):
        assert store(folder).read(["clip1"]).lengths.tolist() == [4]
        assert resampled.read(["clip1"], segments={"clip1": 2}).lengths.tolist() == [2]
    assert len(files_read) == 4
    assert resampled.read(["clip1"], segments={"clip1": 3}).lengths.tolist() == [3]
