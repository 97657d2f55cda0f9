"""`extract --engine ray`: the same features as on one machine, whatever becomes of the machines."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media_files import Sound, Video, write_media
from tests.trainer.cluster.conftest import MEMORY
from tests.trainer.cluster.hdfs import served
from tests.trainer.commands.conftest import run as run
from tests.trainer.commands.steps import Run
from trainer.protocol import Message, Reporter

pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.timeout(300)]

SETS = ("signal-audio", "signal-visual")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    one = write_media(folder / "clip-00.mp4", Video(frames=24, rate="12"), Sound(seconds=2, kind="clicks"))
    for number in range(1, 24):
        (folder / f"clip-{number:02}.mp4").write_bytes(one.read_bytes())
    write_media(folder / "clip-22.mp4", Video(frames=24, rate="12"), None)
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))  # which every store can say
    return folder


def arrays(folder: Path) -> dict[str, np.ndarray]:
    return {str(path.relative_to(folder)): np.load(path) for path in folder.rglob("*.npy")}


def recorded(folder: Path, features: str) -> Counter[str]:
    lines = (folder / features / "sources.jsonl").read_text().splitlines()
    return Counter(json.loads(line)["key"] for line in lines)


def test_a_cluster_makes_the_features_that_one_machine_makes(
    media: Path, tmp_path: Path, run: Run, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # which the workers know nothing of
    (media / "clip-23.mp4").write_text("no video")
    here, there, stored = (tmp_path / name for name in ("here", "there", "stored"))
    base = ["extract", "--encoder", "signal", "--media", "media"]
    on_cluster = ["--engine", "ray", "--address", cluster.address]
    assert run(*base, "--out", here)[0] == 0
    code, out, error = run(*base, "--out", "there", *on_cluster)
    assert (code, error) == (0, "")
    assert "clip-23: no features" in out
    assert arrays(here).keys() == arrays(there).keys()
    assert all(np.array_equal(array, arrays(there)[name]) for name, array in arrays(here).items())
    for features in SETS:
        for name in ("encoder.json", "sources.jsonl"):
            ours, theirs = ((folder / features / name).read_text().splitlines() for folder in (here, there))
            assert sorted(ours) == sorted(theirs)
    report = (there / "extraction.tsv").read_text().splitlines()
    assert Counter(line.split("\t")[2] for line in report[1:]) == {"new": 23, "failed": 1}

    shutil.copytree(there, stored)
    for name in ("clip-04", "clip-20"):
        (stored / SETS[0] / f"{name}.npy").unlink()
    (media / "clip-05.mp4").write_text("no video any more")
    with served(tmp_path) as store:
        rows = [f"{path.stem}\t{store}/media/{path.name}" for path in sorted(media.iterdir())]
        (tmp_path / "list.tsv").write_text("\n".join(["filename\tpath", *rows]))
        places = ["--list", "list.tsv", "--out", f"{store}/stored"]
        code, out, error = run("extract", "--encoder", "signal", *places, *on_cluster)
    assert (code, error) == (0, "")
    assert "features of what it was before are kept in clip-05.npy.old" in out
    assert not (stored / SETS[0] / "clip-05.npy").exists()
    assert "20 of 24 clips have their features already" in out
    made = arrays(stored)
    assert all(np.array_equal(array, made[name]) for name, array in arrays(here).items() if "-05" not in name)


def test_what_a_lost_machine_did_is_kept_and_what_it_did_not_is_done_by_another(
    media: Path, tmp_path: Path, cluster: Any
) -> None:
    from trainer.cluster.extract import extract
    from trainer.encoders.encoding import Loading
    from trainer.encoders.plan import Clip

    class LosesAMachine(Reporter):
        """Takes a node away as soon as some files are there."""

        lost: dict[str, int] | None = None

        def send(self, message: Message) -> None:
            there = {str(path): path.stat().st_mtime_ns for path in out.rglob("*.npy")}
            if self.lost is None and len(there) >= 6:
                self.lost = there
                cluster.remove_node(victim, allow_graceful=False)

    out = tmp_path / "features"
    out.mkdir()
    victim = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    clips = [Clip(path.stem, path) for path in sorted(media.iterdir())]
    reporter = LosesAMachine(None)
    report = extract({"signal": Loading()}, clips, str(out), reporter, address=cluster.address)
    assert reporter.lost is not None
    assert len(reporter.lost) < len(SETS) * len(clips)
    assert sorted(report.names("new")) == [clip.name for clip in clips]
    assert len(arrays(out)) == len(SETS) * len(clips)
    for features in SETS:
        assert recorded(out, features) == Counter(clip.name for clip in clips)
    for path, made in reporter.lost.items():  # nothing done twice
        assert Path(path).stat().st_mtime_ns == made
    assert not [*out.rglob("*.part")]


def test_a_file_that_no_worker_survives_is_tried_once_more_alone_and_then_told(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.cluster import extract as engine
    from trainer.cluster.connection import Lost, Workers
    from trainer.encoders.encoding import Loading
    from trainer.encoders.plan import Clip

    class Breakable:
        """Workers in this process, which break down over one of the files."""

        has_gpus = False
        sizes: list[int] = []  # noqa: RUF012

        def workers(self, **_: Any) -> Workers:
            return Workers({"num_cpus": 1}, 1, 1)

        def each(self, items: Any, worker: Any, made_with: Any, workers: Workers) -> Any:
            made = worker(**made_with)
            for item in items:
                keys = [one["key"] for one in json.loads(item.get("work", "[]"))]
                self.sizes.append(len(keys))
                yield None
                yield Lost(item) if "clip-03" in keys else made(item)

    there = Breakable()
    monkeypatch.setattr(engine, "connected", lambda *_: nullcontext(there))
    monkeypatch.chdir(tmp_path)
    clips = [Clip(path.stem, Path("media", path.name)) for path in sorted(media.iterdir())]
    report = engine.extract({"signal": Loading()}, clips, "features", Reporter(None))
    assert there.sizes == [0, 6, 6, 6, 6, 1, 1, 1, 1, 1, 1]
    assert report.names("failed") == ("clip-03",)
    assert "broke down each time" in next(each.reason for each in report.outcomes if each.outcome == "failed")
    assert len(report.names("new")) == 23
    assert len(arrays(tmp_path / "features")) == 2 * 23


def test_a_worker_sees_what_the_one_before_it_had_finished_and_not_what_was_there_before(
    media: Path, tmp_path: Path
) -> None:
    from trainer.cluster.extract import ExtractWorker, _items, _told_of
    from trainer.cluster.places import Place
    from trainer.encoders.encoding import Loading
    from trainer.encoders.plan import Clip, Plan, Work

    def answer(worker: ExtractWorker, item: dict[str, Any]) -> dict[str, Any]:
        (told,) = json.loads(worker(item)["results"])
        return told

    place = Place(str(tmp_path / "features"))
    (tmp_path / "features").mkdir()
    for features in SETS:
        place.write(features, "clip-00", np.zeros((1, 1), np.float32))  # of what the video was before
    work = Work(Clip("clip-00", media / "clip-00.mp4"), "clip-00", SETS, None, 1, 1)
    (item,) = _items([*_told_of(Plan([work]), place).values()], 8)
    worker = ExtractWorker({"signal": Loading()}, {"signal": {}}, place.address, 1)
    first = answer(worker, item)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert all(len(np.load(path)) == 2 for path in made)
    again = answer(worker, item)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == made
    assert again == first == {"key": "clip-00", "seconds": 2, "sets": [*SETS], "notes": [], "error": ""}
    (tmp_path / "features" / SETS[1] / "clip-00.npy").unlink()
    assert answer(worker, item) == first
    with pytest.raises(ValueError, match="different weights of signal"):
        ExtractWorker({"signal": Loading()}, {"signal": {"a": "12"}}, place.address, 1)


def test_encoders_that_can_use_a_gpu_get_one_where_there_is_one() -> None:
    from types import SimpleNamespace

    from trainer.cluster.extract import _is_on_gpu
    from trainer.encoders.encoding import Loading

    bare, rich = SimpleNamespace(has_gpus=False), SimpleNamespace(has_gpus=True)
    auto, cuda, cpu = (Loading(device=device) for device in ("auto", "cuda", "cpu"))
    on_gpu = [_is_on_gpu({"clip": auto}, rich), _is_on_gpu({"clip": cuda}, bare)]
    assert on_gpu == [True, True]
    not_on_gpu = [({"clip": auto}, bare), ({"clip": cpu}, rich), ({"yamnet": cuda, "signal": auto}, rich)]
    assert not any(_is_on_gpu(loadings, there) for loadings, there in not_on_gpu)
