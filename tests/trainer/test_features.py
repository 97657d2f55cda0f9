from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainer.features import ClipFeatures, FeatureError, FeatureStore, Scaling


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


def store(folder: Path) -> FeatureStore:
    return FeatureStore(folder, audio="sound", visual=["picture"])


def test_clips_of_different_length_are_read_and_rows_are_averaged_to_segments(folder: Path) -> None:
    features = store(folder).read(["a", "b", "c"])
    assert [clip.segments for clip in features.clips.values()] == [4, 5, 6]
    assert features.widths == {"sound": 3, "picture": 5}
    rows = np.load(folder / "picture" / "b.npy")
    np.testing.assert_allclose(features.clips["b"].visual[0][1], rows[8:16].mean(axis=0), rtol=1e-5)


def test_llp_names_are_found_by_their_youtube_id(folder: Path) -> None:
    for features in ("sound", "picture"):
        (folder / features / "a.npy").rename(folder / features / "-bcdefghijk.npy")
    assert store(folder).read(["-bcdefghijk_20_30"]).clips.keys() == {"-bcdefghijk_20_30"}


def test_a_clip_without_a_file_is_missing_and_the_others_are_read(folder: Path) -> None:
    (folder / "picture" / "b.npy").unlink()
    features = store(folder).read(["a", "b", "c", "d"])
    assert features.missing == ("b", "d")
    assert list(features.clips) == ["a", "c"]


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
        (np.ones((4, 7), np.float32), "7 columns"),
    ],
)
def test_arrays_that_are_no_features_are_refused(folder: Path, array: np.ndarray, message: str) -> None:
    np.save(folder / "sound" / "b.npy", array)
    with pytest.raises(FeatureError, match=message):
        store(folder).read(["a", "b"])


def test_a_picture_that_does_not_divide_into_the_segments_of_the_sound_is_refused(folder: Path) -> None:
    np.save(folder / "picture" / "b.npy", np.ones((41, 5), np.float32))
    with pytest.raises(FeatureError, match=r"picture/b\.npy: wrong length \(41 rows for 5 segments"):
        store(folder).read(["a", "b"])


def test_a_clap_map_of_the_whole_clip_is_cut_into_segments_as_valor_does(folder: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(64, 6)).astype(np.float32)
    np.save(folder / "sound" / "a.npy", rows)
    np.save(folder / "picture" / "a.npy", np.ones((10, 5), np.float32))
    audio = store(folder).read(["a"]).clips["a"].audio
    bands = torch.from_numpy(rows).T.reshape(1, 6, 2, 32)
    stretched = functional.interpolate(bands, size=(2, 1024), mode="bicubic")
    expected = functional.adaptive_avg_pool1d(stretched.mean(dim=2), 10)[0].T
    np.testing.assert_allclose(audio, expected.numpy(), atol=1e-5)


def test_standardised_columns_have_mean_0_and_deviation_1_unless_they_hardly_vary() -> None:
    rng = np.random.default_rng(2)
    audio = (rng.normal(size=(400, 3)) * [5, 1e-3, 0] + [100, 1, 7]).astype(np.float32)
    clips = [ClipFeatures(part, (part[:, :1],)) for part in (audio[:150], audio[150:])]
    scaling = Scaling.of(clips)
    scaled = np.concatenate([scaling.apply(clip).audio for clip in clips])
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=0)[0], 1, rtol=1e-3)
    assert scaled.std(axis=0)[1] < 0.01
    assert not scaled[:, 2].any()


def test_only_the_first_ten_of_many_problems_are_spelled_out(folder: Path) -> None:
    names = [f"clip{i}" for i in range(30)]
    for name in names:
        for features in ("sound", "picture"):
            (folder / features / f"{name}.npy").write_bytes(b"nothing")
    with pytest.raises(FeatureError, match=r"60 feature files .*\(60 not a \.npy file\).*and 50 more"):
        store(folder).read(names)


def test_files_of_zeros_are_used_and_told(folder: Path) -> None:
    np.save(folder / "picture" / "b.npy", np.zeros((40, 5), np.float32))
    features = store(folder).read(["a", "b"])
    assert features.zeros == ("picture/b.npy",)
    assert "b" in features.clips


def test_widths_that_a_checkpoint_does_not_know_are_refused(folder: Path) -> None:
    with pytest.raises(FeatureError, match="3 columns, the checkpoint asks for 128"):
        store(folder).read(["a"], widths={"sound": 128, "picture": 5})


def test_a_set_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    with pytest.raises(FeatureError, match=r"no feature set 'clip' \(it has picture, sound\)"):
        FeatureStore(folder, audio="sound", visual=["clip"])
