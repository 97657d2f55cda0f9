"""Feature sets that were made elsewhere: every file checked, then registered under a name, where they lie.

What is registered is `<features>/<name>/encoder.json`, which says where the files are (trainer.feature_files).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.feature_files import (
    CLAP_MAP,
    ENCODER_FILE,
    LAYOUT_FOLDERS,
    NO_SETS,
    FeaturePlace,
    UnusableError,
    ahead,
    find_place,
    is_pattern,
)
from trainer.features import some
from trainer.labels import Modality
from trainer.whole_files import written_whole

EVERY_FILE = ("*.npy",)

_LONGEST = 64
"""Characters of a name: it becomes part of file names."""


class OwnSetError(ValueError):
    """Features or a name that cannot be registered: all that is wrong, and what to do."""


@dataclass(frozen=True, eq=False, slots=True)
class OwnSet:
    """Features as they lie in a folder: `rows` of each clip's key, of `width` columns. `zeros`: all is 0."""

    folder: Path
    files: tuple[str, ...]
    rows: Mapping[str, int]
    width: int
    zeros: tuple[str, ...]

    @property
    def is_clap_map(self) -> bool:
        """Whether each file has the shape of a CLAP map, which is read as one when it is the audio set."""
        return {(rows, self.width) for rows in self.rows.values()} == {CLAP_MAP}

    def rate(self, segments: Mapping[str, int]) -> int | None:
        """Rows a second, where the clips of which the `segments` are known agree in it; else None."""
        rates = {divmod(self.rows[key], count) for key, count in segments.items() if key in self.rows}
        rate, rest = next(iter(rates)) if len(rates) == 1 else (0, 0)
        return rate if rate and not rest else None


def look_through(
    folder: Path, files: Sequence[str] = EVERY_FILE, progress: Callable[[int, int], None] | None = None
) -> OwnSet:
    """Read every file of a folder, (rows, width) float of one width. `files` say which: `*` for the clip's key.

    Several are several files a clip, whose columns stand side by side. Raises OwnSetError with all that is
    wrong.
    """
    place, keys = _files(folder, files)
    rows, widths, zeros, problems = {}, {}, [], []
    for done, (key, found) in enumerate(zip(keys, ahead(lambda key: _look(place, key), keys), strict=True), 1):
        if isinstance(found, UnusableError):
            problems.append(found)
        else:
            rows[key], widths[key], is_zero = found
            zeros += [key] * is_zero
        if progress:
            progress(done, len(keys))
    usual = Counter(widths.values()).most_common(1)[0][0] if widths else 0
    for key, width in widths.items():
        if width != usual:
            said = f"{width} columns, most files have {usual}"
            problems.append(UnusableError("wrong width", place.files(key)[0], said))
    if problems:
        raise OwnSetError(_explained(folder, problems, len(keys)))
    return OwnSet(folder, tuple(files), rows, usual, tuple(zeros))


def _files(folder: Path, files: Sequence[str]) -> tuple[FeaturePlace, list[str]]:
    if wrong := [file for file in files if not is_pattern(file) or os.path.isabs(file)]:
        raise OwnSetError(
            f"{', '.join(wrong)}: says no files of a folder: give it such as '*.npy', '*_rgb.npy' or "
            "'rgb/*.npy', with * once in the file's name, for the clip's key"
        )
    if not folder.is_dir():
        raise OwnSetError(f"{folder}: there is no such folder; give the one that holds the features")
    place = FeaturePlace(folder, tuple(files))
    keys = sorted(set().union(*map(place.keys, place.patterns)))
    if not keys:
        raise OwnSetError(
            f"{folder}: holds no file {' or '.join(files)}; give the folder with the .npy files themselves "
            f"(`encoders recognise {folder}` says what lies below it)"
        )
    return place, keys


def _look(place: FeaturePlace, key: str) -> tuple[int, int, bool] | UnusableError:
    try:
        values = place.read(key)
    except UnusableError as problem:
        return problem
    return *values.shape, not values.any()


def _explained(folder: Path, problems: Sequence[UnusableError], count: int) -> str:
    kinds = ", ".join(f"{number} {kind}" for kind, number in Counter(p.kind for p in problems).most_common())
    return (
        f"{folder}: {len(problems)} of {count} clips have files that cannot be used ({kinds}); mend them or "
        f"move them away, and add the rest: {some([str(problem) for problem in problems])}"
    )


def check_name(features: Path, name: str, folder: Path, files: Sequence[str] = EVERY_FILE) -> None:
    """Refuse a name that no feature set can have, or that is another's. `files` of `folder` are to be named.

    What is registered may be again: where the same files are meant, or its folder is not there any more.
    """
    is_plain = name[:1].isalpha() and all(sign.isalnum() or sign in "-_." for sign in name)
    if not is_plain or name.endswith(".") or len(name) > _LONGEST or _is_value(name):
        raise OwnSetError(
            f"{name!r}: cannot be the name of a feature set; give it a letter first, then letters, digits, "
            f"'-', '_' and '.', at most {_LONGEST}, and no word that settings read as a value"
        )
    if name.casefold() in NO_SETS or name in LAYOUT_FOLDERS:
        raise OwnSetError(f"{name!r}: is a folder of other things among features; give another name")
    place = find_place(features, name)
    if place is None:
        _check_case(features, name)
    elif place.absent_folder is None:
        _check_same(features, name, place, [os.path.abspath(folder / file) for file in files])


def _check_same(features: Path, name: str, place: FeaturePlace, asked: Sequence[str]) -> None:
    there = [os.path.abspath(features / pattern) for pattern in place.patterns]
    if there != asked and (place.has_any() or (features / name / ENCODER_FILE).exists()):
        raise OwnSetError(
            f"{name!r}: is taken: {features} has features of that name, in {Path(there[0]).parent}; give "
            f"another name, or remove those first"
        )
    if there == asked and not os.path.isabs(place.patterns[0]):
        raise OwnSetError(f"{name!r}: the files are where recipes look for it: they can be used as they are")


def _is_value(name: str) -> bool:
    """Whether `--set features.audio=NAME` would not be text: true, inf."""
    try:
        tomllib.loads(f"name = {name}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _check_case(features: Path, name: str) -> None:
    """Refuse a name that a disk which knows no capital letters takes for another's."""
    names = [path.name for path in features.iterdir()] if features.is_dir() else []
    alike = next((other for other in names if other.casefold() == name.casefold() and other != name), None)
    if alike is not None:
        raise OwnSetError(f"{name!r}: {features} has {alike!r}, which many disks take for the same; rename one")


def register(features: Path, name: str, modality: Modality, own: OwnSet, rate: int | None) -> Path:
    """Write the encoder.json that makes the set one of `features`, and return its path. Raises OSError."""
    path = features / name / ENCODER_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {
        "name": name,
        "made": "elsewhere",
        "modality": modality.value,
        "width": own.width,
        "rate": rate,
        "folder": _said_folder(own.folder, path.parent),
        "files": list(own.files),
    }
    with written_whole(path) as partial:
        partial.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def _said_folder(folder: Path, beside: Path) -> str:
    """The whole path; or from the set's own folder where both are among the same features and move together."""
    folder, beside = Path(os.path.abspath(folder)), Path(os.path.abspath(beside))
    return os.path.relpath(folder, beside) if folder.is_relative_to(beside.parent) else str(folder)
