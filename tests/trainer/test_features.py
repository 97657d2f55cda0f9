from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainer.features import FeatureError, Features, FeatureStore, Scaling


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips of 4, 5 and 6 segments; the picture has 8 rows a segment."""
    rng = np.random.default_rng(0)
    for features, rows, width in (("sound", 1, 3), ("picture", 8, 5)):
        (tmp_path / features).mkdir()
        for name, segments in (("a", 4), ("b", 5), ("c", 6)):
            np.save(
                tmp_path / features / f"{name}.npy",
                rng.normal(size=(segments * rows, width)).astype(np.float32),
            )
    return tmp_path


def store(folder: Path, *, resample: bool = False) -> FeatureStore:
    return FeatureStore(folder, audio="sound", visual=["picture"], resample=resample)


def rows(features: Features, name: str, table: str) -> np.ndarray:
    i = features.index[name]
    return features.tables[table][features.starts[i] : features.starts[i] + features.lengths[i]]


def save(path: Path, array: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return array


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def test_clips_of_different_length_are_read_and_rows_are_averaged_to_segments(folder: Path) -> None:
    features = store(folder).read(["a", "b", "c"])
    assert features.names == ("a", "b", "c")
    assert features.lengths.tolist() == [4, 5, 6]
    assert features.widths == {"sound": 3, "picture": 5}
    np.testing.assert_array_equal(rows(features, "b", "sound"), np.load(folder / "sound" / "b.npy"))
    picture = np.load(folder / "picture" / "b.npy")
    np.testing.assert_allclose(rows(features, "b", "picture")[1], picture[8:16].mean(axis=0), rtol=1e-5)


def test_llp_names_are_found_by_their_youtube_id(folder: Path) -> None:
    for features in ("sound", "picture"):
        (folder / features / "a.npy").rename(folder / features / "-bcdefghijk.npy")
    assert store(folder).read(["-bcdefghijk_20_30"]).names == ("-bcdefghijk_20_30",)


def test_a_clip_without_a_file_is_missing_and_the_others_are_read(folder: Path) -> None:
    (folder / "picture" / "b.npy").unlink()
    features = store(folder).read(["a", "b", "c", "d"])
    assert features.missing == ("b", "d")
    assert features.names == ("a", "c")


def test_without_a_single_clip_there_are_tables_without_rows(folder: Path) -> None:
    features = store(folder).read([], widths={"sound": 3})
    assert (features.names, features.missing) == ((), ())
    assert features.tables["sound"].shape == (0, 3)
    assert not (folder / "packs").exists()


def test_clips_of_which_none_has_its_files_are_refused_with_the_set_that_lacks_them(folder: Path) -> None:
    with pytest.raises(FeatureError, match=r"none of the 1 clips .*; extract them .*there is no .*d\.npy"):
        store(folder).read(["d"])
    assert not (folder / "packs").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="nowhere: there is no such folder"):
        FeatureStore(tmp_path / "nowhere", audio="sound", visual=["picture"])


def test_a_file_that_cannot_be_read_is_named_with_the_reason(folder: Path) -> None:
    (folder / "sound" / "b.npy").unlink()
    (folder / "sound" / "b.npy").mkdir()
    with pytest.raises(FeatureError, match=r"sound/b\.npy: unreadable \(Is a directory\)"):
        store(folder).read(["a", "b"])


def test_all_that_is_wrong_is_said_at_once_with_counts(folder: Path) -> None:
    np.save(folder / "sound" / "a.npy", np.array([{"code": "to run"}], dtype=object))
    (folder / "sound" / "b.npy").write_bytes((folder / "sound" / "b.npy").read_bytes()[:-5])
    values = np.load(folder / "picture" / "c.npy")
    values[0, 0] = np.nan
    np.save(folder / "picture" / "c.npy", values)
    with pytest.raises(FeatureError) as caught:
        store(folder).read(["a", "b", "c"])
    message = str(caught.value)
    assert "3 feature files cannot be used" in message
    assert "sound/a.npy: not numbers" in message
    assert "sound/b.npy: damaged" in message
    assert "picture/c.npy: not finite (1 values" in message


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4,), np.float32), r"wrong shape \(\(4,\)"),
        (np.zeros((0, 3), np.float32), "wrong shape"),
        (np.zeros((4, 3), np.int64), r"wrong type \(int64: should be float32"),
        (np.full((4, 3), 1e300), r"not finite \(12 values"),
        (np.full((4, 3), -np.inf, np.float32), r"not finite \(12 values"),
        (np.ones((4, 7), np.float32), r"sound/b\.npy: wrong width \(7 columns, most files have 3"),
    ],
)
def test_arrays_that_are_no_features_are_refused(folder: Path, array: np.ndarray, message: str) -> None:
    np.save(folder / "sound" / "b.npy", array)
    with pytest.raises(FeatureError, match=message):
        store(folder).read(["b", "a", "c"])


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x76\x00{'descr': }", b"\x93NUMPY\x09"]
)
def test_files_that_end_in_their_header_are_refused(folder: Path, content: bytes) -> None:
    (folder / "sound" / "b.npy").write_bytes(content)
    with pytest.raises(FeatureError, match=r"sound/b\.npy: (damaged|not a \.npy file)"):
        store(folder).read(["a", "b"])


def test_arrays_in_another_order_precision_or_version_are_read_as_what_they_say(folder: Path) -> None:
    values = noise(5, 3)
    for array in (np.asfortranarray(values), values.astype(">f8"), values.astype(np.float64)):
        np.save(folder / "sound" / "b.npy", array)
        np.testing.assert_array_equal(rows(store(folder).read(["b"]), "b", "sound"), values)
    with (folder / "sound" / "b.npy").open("wb") as file:
        np.lib.format.write_array(file, values, version=(2, 0))
    np.testing.assert_array_equal(rows(store(folder).read(["b"]), "b", "sound"), values)


def test_a_picture_that_does_not_divide_into_the_segments_of_the_sound_is_refused(folder: Path) -> None:
    np.save(folder / "picture" / "b.npy", np.ones((41, 5), np.float32))
    with pytest.raises(FeatureError, match=r"picture/b\.npy: wrong length \(41 rows for 5 segments") as caught:
        store(folder).read(["a", "b"])
    assert "features.resample = true" in str(caught.value)


def test_a_picture_with_fewer_rows_a_segment_than_the_others_was_cut_short(folder: Path) -> None:
    np.save(folder / "picture" / "a.npy", np.ones((20, 5), np.float32))
    with pytest.raises(
        FeatureError, match=r"picture/a\.npy: wrong length \(5 rows a segment, most files have 8"
    ):
        store(folder).read(["a", "b", "c"])


def test_a_clap_map_of_the_whole_clip_is_cut_into_segments_as_valor_does(folder: Path) -> None:
    values = save(folder / "sound" / "a.npy", noise(64, 768))
    np.save(folder / "picture" / "a.npy", np.ones((10, 5), np.float32))
    bands = torch.from_numpy(values).T.reshape(1, 768, 2, 32)
    stretched = functional.interpolate(bands, size=(2, 1024), mode="bicubic")
    expected = functional.adaptive_avg_pool1d(stretched.mean(dim=2), 10)[0].T
    np.testing.assert_allclose(rows(store(folder).read(["a"]), "a", "sound"), expected.numpy(), atol=1e-5)


def test_a_clap_map_is_cut_to_what_an_llp_name_says_where_pictures_have_8_rows_a_segment(folder: Path) -> None:
    save(folder / "sound" / "-bcdefghijk.npy", noise(64, 768))
    save(folder / "picture" / "-bcdefghijk.npy", noise(80, 5))
    assert store(folder).read(["-bcdefghijk_20_30"]).lengths.tolist() == [10]


def test_resampled_rows_are_averaged_as_torch_does(folder: Path) -> None:
    segments = {"long": 60, "short": 11, "even": 4}
    values = {name: noise(count, 3) for name, count in (("long", 185), ("short", 7), ("even", 12))}
    for name, array in values.items():
        save(folder / "sound" / f"{name}.npy", array)
        save(folder / "picture" / f"{name}.npy", noise(len(array) + 1, 5))
    features = store(folder, resample=True).read(values, segments=segments)
    assert features.lengths.tolist() == [60, 11, 4]
    for name, array in values.items():
        expected = functional.adaptive_avg_pool1d(torch.from_numpy(array).T, segments[name]).T
        np.testing.assert_allclose(rows(features, name, "sound"), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_resampling_needs_to_know_how_long_a_clip_is(folder: Path) -> None:
    save(folder / "sound" / "-bcdefghijk.npy", noise(31, 3))
    save(folder / "picture" / "-bcdefghijk.npy", noise(29, 5))
    resampled = store(folder, resample=True)
    assert resampled.read(["-bcdefghijk_20_30"]).lengths.tolist() == [10]
    with pytest.raises(FeatureError, match=r"how long 2 clips are; .*clips\.csv: a; b"):
        resampled.read(["a", "b", "c"], segments={"c": 6})


def test_published_downloads_of_llp_are_read_as_they_are(tmp_path: Path) -> None:
    for place, shape in (
        ("feats/vggish", (10, 128)),
        ("feats/res152", (80, 2048)),
        ("feats/r2plus1d_18", (10, 512)),
        ("CLIP/features", (10, 768)),
        ("CLAP/features", (64, 768)),
        ("feats_CLAP/segment_feats", (10, 512)),
    ):
        save(tmp_path / place / "-bcdefghijk.npy", noise(*shape))
    for audio, visual in (("vggish", ["res152", "r2plus1d_18"]), ("clap", ["clip"]), ("clap512", ["clip"])):
        features = FeatureStore(tmp_path, audio=audio, visual=visual).read(["-bcdefghijk_20_30"])
        assert features.lengths.tolist() == [10]
        assert list(features.widths) == [audio, *visual]
    assert features.widths == {"clap512": 512, "clip": 768}


@pytest.mark.parametrize(
    ("rgb", "flow", "vggish"),
    [
        ("av_features/*_rgb.npy", "av_features/*_flow.npy", "av_features/*_vggish.npy"),
        ("visual_features_i3d_rgb/*.npy", "visual_features_i3d_flow/*.npy", "audio_features_vggish/*.npy"),
    ],
)
def test_the_streams_of_unav_stand_side_by_side_cut_to_the_shorter(
    tmp_path: Path, rgb: str, flow: str, vggish: str
) -> None:
    looks = save(tmp_path / rgb.replace("*", "id"), noise(31, 4))
    moves = save(tmp_path / flow.replace("*", "id"), noise(30, 6))
    save(tmp_path / vggish.replace("*", "id"), noise(32, 3))
    unav = FeatureStore(tmp_path, audio="vggish", visual=["i3d"], resample=True)
    features = unav.read(["id"], segments={"id": 10})
    expected = np.hstack([looks[:30], moves]).reshape(10, 3, 10).mean(axis=1)
    np.testing.assert_allclose(rows(features, "id", "i3d"), expected, rtol=1e-5, atol=1e-6)
    (tmp_path / flow.replace("*", "id")).unlink()
    with pytest.raises(FeatureError, match="i3d: 0"):
        unav.read(["id"], segments={"id": 10})


def test_our_own_files_come_before_a_download_and_an_empty_folder_of_ours_does_not(tmp_path: Path) -> None:
    for place in ("feats/vggish", "clip"):
        save(tmp_path / place / "a.npy", np.ones((2, 1), np.float32))
    (tmp_path / "vggish").mkdir()
    assert FeatureStore(tmp_path, audio="vggish", visual=["clip"]).read(["a"]).names == ("a",)
    save(tmp_path / "vggish" / "a.npy", np.full((2, 1), 2, np.float32))
    features = FeatureStore(tmp_path, audio="vggish", visual=["clip"]).read(["a"])
    assert rows(features, "a", "vggish").tolist() == [[2], [2]]


def test_torch_shares_the_tables_without_a_copy_or_a_warning(folder: Path) -> None:
    features = store(folder).read(["a"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = torch.from_numpy(features.tables["sound"])
    assert tensor.data_ptr() == features.tables["sound"].ctypes.data


@pytest.mark.parametrize("pieces_of", [1, 1 << 20])
def test_standardised_columns_have_mean_0_and_deviation_1_unless_they_hardly_vary(
    pieces_of: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.features._PIECE", pieces_of)
    rng = np.random.default_rng(2)
    table = (rng.normal(size=(400, 3)) * [5, 1e-3, 0] + [100, 1, 7]).astype(np.float32)
    starts, lengths = np.array([0, 150, 350]), np.array([150, 200, 50])
    features = Features(("a", "b", "c"), starts, lengths, {"sound": table, "picture": table[:, :1]}, {})
    scaling = Scaling.of(features, ["a", "c"], features.tables)
    asked = np.concatenate([table[:150], table[350:]])
    scaled = (asked - scaling.means[0]) / scaling.deviations[0]
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=0)[0], 1, rtol=1e-3)
    assert scaled.std(axis=0)[1] < 0.01
    assert not scaled[:, 2].any()
    np.testing.assert_allclose(scaling.means[1], asked[:, :1].mean(axis=0, dtype=np.float64), rtol=1e-6)


def test_only_the_first_ten_of_many_problems_are_spelled_out(folder: Path) -> None:
    names = [f"clip{i}" for i in range(30)]
    for name in names:
        for features in ("sound", "picture"):
            (folder / features / f"{name}.npy").write_bytes(b"nothing")
    with pytest.raises(FeatureError, match=r"60 feature files .*\(60 not a \.npy file\).*and 50 more"):
        store(folder).read(names)


def test_files_of_zeros_are_used_and_told(folder: Path) -> None:
    np.save(folder / "picture" / "b.npy", np.zeros((40, 5), np.float32))
    for _ in ("read", "packed"):
        features = store(folder).read(["a", "b"])
        assert features.zeros == ("picture/b.npy",)
        assert features.names == ("a", "b")
    assert store(folder).read(["a"]).zeros == ()


def test_widths_that_a_checkpoint_does_not_know_are_refused(folder: Path) -> None:
    for _ in ("read", "packed"):
        with pytest.raises(FeatureError, match="3 columns, the checkpoint asks for 128"):
            store(folder).read(["a"], widths={"sound": 128, "picture": 5})


def test_a_set_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    store(folder).read(["a"])
    save(folder / "feats" / "res152" / "a.npy", noise(4, 3))
    with pytest.raises(FeatureError, match=r"no feature set 'clip' \(it has picture, res152, sound\)"):
        FeatureStore(folder, audio="sound", visual=["clip"])
