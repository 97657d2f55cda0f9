"""Features of one's own: what is wrong in them is said at once, and what is right is read where it lies."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from trainer.feature_files import ENCODER_FILE, find_place, sets_in
from trainer.features import FeatureError, FeatureStore
from trainer.labels import Modality
from trainer.own_sets import OwnSetError, check_name, look_through, register


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(np.float32)


def fill(folder: Path, width: int = 7, keys: str = "abc", rows: int = 5) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i, key in enumerate(keys):
        np.save(folder / f"{key}.npy", noise(rows, width, seed=i))
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return fill(tmp_path / "mine")


@pytest.fixture
def features(tmp_path: Path) -> Path:
    fill(tmp_path / "features" / "signal-audio", width=3)
    return tmp_path / "features"


def add(features: Path, name: str, folder: Path, *files: str, rate: int | None = 1) -> None:
    files = files or ("*.npy",)
    check_name(features, name, folder, files)
    register(features, name, Modality.VISUAL, look_through(folder, files), rate)


def read(features: Path, name: str, clip: str) -> np.ndarray:
    found = FeatureStore(features, audio="signal-audio", visual=[name]).read([clip])
    start = found.starts[0]
    return found.tables[name][start : start + found.lengths[0]]


def test_registered_features_are_read_where_they_lie(features: Path, mine: Path) -> None:
    add(features, "mine", mine)
    assert [path.name for path in (features / "mine").iterdir()] == [ENCODER_FILE]
    assert "mine" in sets_in(features)
    place = find_place(features, "mine")
    assert place is not None
    assert place.has_any()
    assert place.stamp("a") is not None
    assert place.stamp("z") is None
    np.testing.assert_array_equal(read(features, "mine", "b"), np.load(mine / "b.npy"))


def test_what_is_registered_says_what_it_is(features: Path, mine: Path) -> None:
    add(features, "mine", mine)
    assert json.loads((features / "mine" / ENCODER_FILE).read_text()) == {
        "name": "mine",
        "made": "elsewhere",
        "modality": "visual",
        "width": 7,
        "rate": 1,
        "folder": str(mine),
        "files": ["*.npy"],
    }


def test_several_files_of_a_clip_stand_side_by_side(features: Path, tmp_path: Path) -> None:
    for part, width in (("rgb", 2), ("flow", 4)):
        for key in "abc":
            (tmp_path / "i3d" / part).mkdir(parents=True, exist_ok=True)
            np.save(tmp_path / "i3d" / part / f"{key}_{part}.npy", noise(5, width))
    add(features, "both", tmp_path / "i3d", "rgb/*_rgb.npy", "flow/*_flow.npy")
    expected = np.hstack([noise(5, 2), noise(5, 4)])
    np.testing.assert_array_equal(read(features, "both", "a"), expected)


def test_sets_of_one_feature_folder_can_be_joined_and_move_with_it(features: Path, tmp_path: Path) -> None:
    fill(features / "mine")
    add(features, "joined", features, "signal-audio/*.npy", "mine/*.npy")
    features.rename(tmp_path / "moved")
    assert read(tmp_path / "moved", "joined", "a").shape == (5, 10)


def test_a_folder_with_a_star_in_its_name_is_read(features: Path, tmp_path: Path) -> None:
    add(features, "mine", fill(tmp_path / "a*b"))
    assert read(features, "mine", "a").shape == (5, 7)


def test_a_folder_may_be_given_from_where_one_stands(
    features: Path, mine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    add(Path("features"), "mine", Path("mine"))
    assert read(Path("features"), "mine", "a").shape == (5, 7)
    monkeypatch.chdir("/")
    assert read(features, "mine", "a").shape == (5, 7)


def test_features_that_moved_away_are_told_of_and_can_be_registered_anew(
    features: Path, mine: Path, tmp_path: Path
) -> None:
    add(features, "mine", mine)
    mine.rename(tmp_path / "elsewhere")
    place = find_place(features, "mine")
    assert place is not None
    assert (place.has_any(), place.stamp("a"), place.absent_folder) == (False, None, mine)
    with pytest.raises(
        FeatureError, match=r"'mine' are in .*mine, and there is no such folder; .*encoders add"
    ):
        FeatureStore(features, audio="signal-audio", visual=["mine"])
    add(features, "mine", tmp_path / "elsewhere")
    assert read(features, "mine", "a").shape == (5, 7)


def test_other_files_under_a_name_that_is_registered_anew_are_read_anew(features: Path, mine: Path) -> None:
    """Of the same sizes and times, so that only their folder tells them from those that were packed."""
    add(features, "mine", mine)
    before = read(features, "mine", "a").copy()
    other = mine.with_name("other")
    shutil.copytree(mine, other)
    shutil.rmtree(mine)
    stamp = (other / "a.npy").stat()
    np.save(other / "a.npy", noise(5, 7, seed=9))
    os.utime(other / "a.npy", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    add(features, "mine", other)
    assert not np.array_equal(read(features, "mine", "a"), before)


def test_an_encoder_json_that_only_names_a_folder_will_do(features: Path, mine: Path) -> None:
    (features / "mine").mkdir()
    (features / "mine" / ENCODER_FILE).write_text(json.dumps({"folder": "../../mine"}))
    assert read(features, "mine", "a").shape == (5, 7)


@pytest.mark.parametrize(
    "said", ["{", "[]", '{"folder": 3, "files": ["*.npy"]}', '{"folder": "x", "files": ["y"]}']
)
def test_an_encoder_json_that_says_no_place_leaves_a_set_where_it_is(features: Path, said: str) -> None:
    (features / "signal-audio" / ENCODER_FILE).write_text(said)
    place = find_place(features, "signal-audio")
    assert place is not None
    assert place.patterns == ("signal-audio/*.npy",)


def test_all_that_is_wrong_in_a_folder_is_said_at_once(mine: Path) -> None:
    np.save(mine / "d.npy", noise(5, 8))
    np.save(mine / "e.npy", np.full((5, 7), np.nan, np.float32))
    np.save(mine / "f.npy", np.zeros((5, 7), np.int64))
    np.save(mine / "g.npy", noise(5))
    np.save(mine / "h.npy", np.array([{}], dtype=object), allow_pickle=True)
    (mine / "i.npy").write_bytes((mine / "a.npy").read_bytes()[:-4])
    (mine / "j.npy").write_text("text")
    with pytest.raises(OwnSetError) as caught:
        look_through(mine)
    text = str(caught.value)
    assert "7 of 10 clips have files that cannot be used" in text
    for said in (
        "d.npy: wrong width (8 columns, most files have 7)",
        "e.npy: not finite",
        "f.npy: wrong type (int64",
        "g.npy: wrong shape",
        "h.npy: not numbers",
        "i.npy: damaged",
        "j.npy: not a .npy file",
    ):
        assert said in text


def test_a_clip_that_lacks_one_of_its_files_is_said(mine: Path) -> None:
    for key in "ab":
        shutil.copy(mine / f"{key}.npy", mine / f"{key}_more.npy")
    with pytest.raises(OwnSetError, match=r"c_more\.npy: unreadable"):
        look_through(mine, ("*.npy", "*_more.npy"))


def test_a_folder_without_such_files_is_refused(mine: Path, tmp_path: Path) -> None:
    with pytest.raises(OwnSetError, match="there is no such folder"):
        look_through(tmp_path / "none")
    with pytest.raises(OwnSetError, match=r"holds no file \*_rgb\.npy; .*encoders recognise"):
        look_through(mine, ("*_rgb.npy",))
    for pattern in ("*.txt", "a.npy", "*/*.npy", "*/a.npy", "/*.npy", ""):
        with pytest.raises(OwnSetError, match="says no files of a folder"):
            look_through(mine, (pattern,))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../up",
        "a/b",
        "a b",
        ".hidden",
        "-o",
        "1e5",
        "128",
        "true",
        "inf",
        "a\n",
        "x" * 65,
        "mine.",
        "a'b",
        "a,b",
    ],
)
def test_a_name_that_cannot_be_one_is_refused(features: Path, mine: Path, name: str) -> None:
    with pytest.raises(OwnSetError, match="cannot be the name"):
        check_name(features, name, mine)


@pytest.mark.parametrize("name", ["packs", "texts", "Texts", "CLIP", "feats"])
def test_names_of_other_folders_among_features_are_refused(features: Path, mine: Path, name: str) -> None:
    with pytest.raises(OwnSetError, match="is a folder of other things"):
        check_name(features, name, mine)


def test_a_name_that_is_taken_is_refused(features: Path, mine: Path, tmp_path: Path) -> None:
    fill(features / "feats" / "vggish", width=128)
    add(features, "mine", mine)
    (features / "CLIP").mkdir()
    for name in ("signal-audio", "vggish", "mine"):
        with pytest.raises(OwnSetError, match=f"'{name}': is taken"):
            check_name(features, name, fill(tmp_path / "other"))
    for name in ("Mine", "clip"):
        with pytest.raises(OwnSetError, match="many disks take for the same"):
            check_name(features, name, mine)
    add(features, "mine", mine)  # the same files again: more of them may be there by now


def test_files_that_are_where_they_belong_need_no_registering(features: Path) -> None:
    with pytest.raises(OwnSetError, match="can be used as they are"):
        check_name(features, "signal-audio", features / "signal-audio")


def test_rows_a_second_are_told_where_all_clips_agree_in_them(mine: Path) -> None:
    own = look_through(mine)
    assert own.rate({"a": 5, "b": 5}) == 1
    assert own.rate({"a": 5, "b": 4}) is None
    assert own.rate({"a": 2}) is None
    assert own.rate({"z": 5}) is None
    assert own.rate({}) is None
