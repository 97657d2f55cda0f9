"""LLP's real files, with either version of the audio truth: every quirk survived and said, scores exact."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from trainer import metrics
from trainer.annotations import Dataset, parse_llp_name, read_categories, read_dataset, summarise
from trainer.labels import runs, state_grid

SEGMENTS = 10


@pytest.fixture(scope="module", params=["2024", "2020"])
def llp(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Dataset]:
    """LLP's folder, which holds either version of the audio truth under one name."""
    folder = tmp_path_factory.mktemp("llp")
    for path in (shared_data / "llp").glob("AVVP_*.csv"):
        shutil.copyfile(path, folder / path.name)
    if request.param == "2020":
        shutil.copyfile(folder / "AVVP_eval_audio_2020.csv", folder / "AVVP_eval_audio.csv")
    return request.param, read_dataset(folder, read_categories(shared_data / "llp" / "llp_classes.txt"))


def test_llps_ground_truth_is_that_of_its_own_evaluation(llp: tuple[str, Dataset]) -> None:
    version, dataset = llp
    test = {
        "2024": ([6, 121, 174], [2638, 1625, 1617], [14576, 11789, 9592]),
        "2020": ([6, 121, 174], [2635, 1625, 1616], [14568, 11789, 9591]),
    }
    assert {split: len(clips) for split, clips in dataset.splits.items()} == {
        "train": 10000,
        "val": 649,
        "test": 1200,
    }
    assert _counts(dataset, "val") == ([4, 70, 93], [1440, 856, 872], [8089, 6115, 5078])
    assert _counts(dataset, "test") == test[version]


def _counts(dataset: Dataset, split: str) -> tuple[list[int], list[int], list[int]]:
    """Empty videos, events, and active class-seconds; each for audio, visual and audio-visual."""
    names = dataset.splits[split]
    grids = [state_grid(dataset.truth.get(n, ()), dataset.categories, 10, complete=True) == 1 for n in names]
    heard, seen = np.stack(grids).transpose(1, 0, 2, 3)
    kinds = (heard, seen, heard & seen)
    empty = [int((~kind.any(axis=(1, 2))).sum()) for kind in kinds]
    events = [sum(len(runs(row)) for row in kind.transpose(0, 2, 1).reshape(-1, 10)) for kind in kinds]
    return empty, events, [int(kind.sum()) for kind in kinds]


def test_every_oddity_of_llps_files_is_told(llp: tuple[str, Dataset]) -> None:
    version, dataset = llp
    told = Counter(
        (finding.file.removeprefix("AVVP_"), finding.text.split(",")[0]) for finding in dataset.findings
    )
    audio = "eval_audio.csv"
    assert told[audio, "an empty range"] == 5
    assert told[audio, "an inverted range"] == 1
    assert told[audio, "the same row again"] == 8
    assert told[audio, "rows of one category overlap"] == 13  # 21 pairs of rows, with the 8 that are the same
    assert told[audio, "rows of one category touch"] == 11
    assert told["eval_visual.csv", "rows of one category touch"] == 3
    assert told["test_pd.csv", "a video-level label is repeated"] == 1
    dashes = [(name, text) for name, text in told if "begins with '-'" in text]
    assert [told[key] for key in dashes] == [132, 7, 12]
    assert told["train.csv", "a clip name has decimal times"] == 5
    assert told[audio, "a val clip has no event: nothing is heard in it"] == 4
    assert told["eval_visual.csv", "a test clip has no event: nothing is seen in it"] == 121
    stray = "a filename ends in a stray character and so belongs to no clip"
    assert told[audio, stray] == (1 if version == "2020" else 0)
    orphans = {f.detail for f in dataset.findings if "belongs to no clip" in f.text}
    assert {"19jWnmYnlD8_30_400", "CSWQ_HzQ_10_20", "AkAfFL5Q4QA_30_40"} <= orphans
    assert ("Baby_cry_infant_cry" in orphans) == (version == "2020")
    union = [finding.detail.split(" of ")[0] for finding in dataset.findings if "union" in finding.text]
    assert union == ["30", "52" if version == "2020" else "51"]
    assert len(summarise(dataset.findings)) < 25


EMPTY, INVERTED, AGAIN = "an empty range", "an inverted range", "the same row again"
STRANGER, STRAY = "a filename belongs to no clip", "a filename ends in a stray character"
UNHEARD = "has no event: nothing is heard in it"


@pytest.mark.parametrize(
    ("told", "details"),
    [
        (EMPTY, ["CaC2xvdLC34_250_260 Speech 9-9", "CSWQ_HzQ_10_20 Basketball_bounce 9-9"]),
        (EMPTY, ["Gg3pK71kApY_30_40 Speech 10-10", "Baue01N86wE_10_20 Dog 1-1"]),
        (EMPTY, ["H5WcJwyjxIg_2_12 Baby_cry_infant_cry 0-0"]),
        (INVERTED, ["8DF2PxdT5tE_390_400 Cheering 9-0"]),
        (AGAIN, ["Ishr8cHsJkc_180_190 5 6 Speech", "39KgkK23Zmk_0_10 4 9 Speech"]),
        ("rows of one category overlap", ["LZGMn_8Ky-U_220_230 Speech 1-5 and 4-6"]),
        ("rows of one category touch", ["McfGMq5A5G8_30_40 Singing 0-2 and 2-6"]),
        ("rows of one category touch", ["38QzYOWXjM4_21_31 Car 1-2 and 2-3"]),
        (STRANGER, ["P7x4FV4lg_570_580", "7X3oSVoA_90_100", "17iGUal2M_10_20", "VMTJRpjbE_150_160"]),
        (STRANGER, ["12eWNawPekw_30_40", "CSWQ_HzQ_10_20", "19jWnmYnlD8_30_400", "AkAfFL5Q4QA_30_40"]),
        ("a video-level label is repeated", ["LcFWKgFphXI_20_30 Clapping,Clapping"]),
        ("decimal times", ["AP0061o0Nvk_101.8_111.8", "AKVyIQoSyBA_131.8_141.8", "ApKgnUPayqU_8.5_18.5"]),
        ("decimal times", ["BYEc9L5kGKQ_48.7_58.7", "Br4mum2rWtY_9.3_19.3"]),
        (f"val clip {UNHEARD}", ["7YChvLYpyUk_30_40", "DDVbCC9GbGE_50_60"]),
        (f"val clip {UNHEARD}", ["29-VHfXrz7E_30_40", "Js8vb6_jjR4_30_40"]),
        (f"test clip {UNHEARD}", ["I8SDFfuMux8_30_40", "DGSV4gjn94I_280_290", "1A6dFiD40qk_30_40"]),
        (f"test clip {UNHEARD}", ["957DUIy6yfE_30_40", "6g2aFcP1a_Q_28_38", "H5WcJwyjxIg_2_12"]),
    ],
)  # fmt: skip
def test_a_quirk_that_is_known_is_told_by_name(llp: tuple[str, Dataset], told: str, details: list[str]) -> None:
    _, dataset = llp
    assert {*details} <= {finding.detail for finding in dataset.findings if told in finding.text}


def test_only_the_version_of_2020_has_the_three_rows_that_were_repaired(llp: tuple[str, Dataset]) -> None:
    version, dataset = llp
    broken = [f.detail for f in dataset.findings if f.detail == "Baby_cry_infant_cry" or STRAY in f.text]
    assert broken == (["Baby_cry_infant_cry"] * 2 + ["KvIjsmANkxI_10_20`"] if version == "2020" else [])


def test_every_name_tells_ten_seconds_of_a_video_of_its_own(llp: tuple[str, Dataset]) -> None:
    _, dataset = llp
    told = {split: [parse_llp_name(name) for name in clips] for split, clips in dataset.splits.items()}
    assert [sum("_" in name.youtube_id for name in names if name) for names in told.values()] == [1243, 62, 165]
    assert len({name.youtube_id for names in told.values() for name in names if name}) == 11849
    assert dataset.durations == {}
    assert set(dataset.segments.values()) == {SEGMENTS}
    assert len(dataset.segments) == 11849


@pytest.mark.parametrize("split", ["val", "test"])
def test_scores_of_a_folder_that_was_read_are_those_of_the_official_code(
    llp: tuple[str, Dataset], shared_data: Path, split: str
) -> None:
    version, dataset = llp
    names = dataset.splits[split]
    truth = np.stack([state_grid(dataset.truth.get(n, ()), dataset.categories, SEGMENTS) == 1 for n in names])
    labels = np.array([[category in names[name] for category in dataset.categories] for name in names])
    weak = np.broadcast_to(labels[:, None, None, :], truth.shape)
    shifted = np.concatenate([np.zeros_like(truth[:, :, :1]), truth[:, :, :-1]], axis=2)
    i, t, c = np.ogrid[: len(names), :SEGMENTS, : len(dataset.categories)]
    modular = np.stack([(7 * i + 3 * c + 5 * t) % 4 == 0, (5 * i + c + 3 * t) % 3 == 0], axis=1)
    golden = json.loads((shared_data / "llp" / "golden_metrics.json").read_text())

    for pattern, predicted in {
        "perfect": truth,
        "empty": np.zeros_like(truth),
        "weak_everywhere": weak,
        "gt_shift_right_1s": shifted,
        "modular_pattern": modular & weak,
    }.items():
        found = metrics.scores(predicted, truth)
        expected = golden[f"{split}/audio{version}/{pattern}"]
        for short, level in (("seg", "segment"), ("evt", "event")):
            for kind, metric in zip(("A", "V", "AV", "Type", "Event"), metrics.KINDS, strict=True):
                assert found[f"{level}/{metric}"] == pytest.approx(expected[f"{short}_{kind}"], abs=1e-4)
