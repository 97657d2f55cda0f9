"""Features as others published them, recognised by shape and name wherever they lie.

Sources: the downloads of AVVP-ECCV20 (Tian et al., 2020), VALOR (Lai et al., 2023), UWAV (Lai et al., 2025),
LSLD (Fan et al., 2023) and UnAV-100 (Geng et al., 2023), and what their code does to features.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trainer.feature_files import CLAP_MAP, ENCODER_FILE, NO_SETS, find_place
from trainer.labels import Modality

_ECCV20, _VALOR, _UWAV = "AVVP-ECCV20 (HAN)", "VALOR", "UWAV"
_UNAV = "UnAV-100"

_MODALITIES = {
    **dict.fromkeys(("vggish", "clap", "clap512"), Modality.AUDIO),
    **dict.fromkeys(("res152", "r2plus1d_18", "clip", "i3d"), Modality.VISUAL),
}

_ENDINGS = ("_rgb", "_flow", "_vggish")
"""Behind the key in the file names of UnAV-100."""
_KEY = 11
"""Characters of a YouTube id, which is the key of everything that was published."""

_SAMPLED = 24
"""Files of a folder that are looked into."""

_NAMES = {
    "clap": re.compile("clap"),
    "clip": re.compile("clip(?!s)"),
    "r2plus1d": re.compile(r"r2plus1d|r21d|r2p1d|r\(2\+1\)d|feats?_?3d|c3d"),
    "i3d": re.compile("i3d"),
}
"""By which words of a path its features are told apart."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Files of one kind: `sets` are what they can be (one, or none that is known), `origin` whose they are.

    `uses`: command lines, or parts of them, that make use of it. `notes`: how it was decided, what is odd.
    """

    folder: Path
    files: tuple[str, ...]
    count: int
    shape: str
    sets: tuple[str, ...] = ()
    origin: str = ""
    notes: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Group:
    """The .npy files of a folder whose names end alike, and what is in some of them."""

    folder: Path
    ending: str
    stems: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    are_floats: bool
    are_of_length_1: bool

    @property
    def rows(self) -> list[int]:
        return sorted({shape[0] for shape in self.shapes})

    @property
    def width(self) -> int:
        """0 where the files differ in it, or are no tables."""
        widths = {shape[1] if len(shape) == 2 else 0 for shape in self.shapes}
        return widths.pop() if len(widths) == 1 else 0

    @property
    def pattern(self) -> str:
        return f"*{self.ending}.npy"

    @property
    def named(self) -> str:
        """What the folder, or one of the two above it, says that it holds."""
        for part in reversed(self.folder.parts[-3:]):
            for name, word in _NAMES.items():
                if word.search(part.lower()):
                    return name
        return ""


@dataclass(frozen=True)
class _Verdict:
    sets: tuple[str, ...] = ()
    origin: str = ""
    notes: tuple[str, ...] = ()


def recognised(root: Path) -> list[Finding]:
    """Everything below a folder that is of .npy files, kind by kind; what is unknown has no `sets`."""
    groups = [group for folder in _folders(root) for group in _groups_of(folder)]
    pairs = {id(rgb): _flow_of(rgb, groups) for rgb in groups if _is_stream(rgb, "rgb")}
    with_rgb = {id(flow) for flow in pairs.values() if flow is not None}
    findings = []
    for group in groups:
        if id(group) in with_rgb:
            continue
        flow = pairs.get(id(group))
        findings.append(_i3d(group, flow) if flow is not None else _finding(group))
    return findings


# What is there


def _folders(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if name not in NO_SETS and not name.startswith("."))
        if any(name.endswith(".npy") for name in files):
            yield Path(folder)


def _groups_of(folder: Path) -> Iterator[_Group]:
    stems: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.npy")):
        found = (end for end in _ENDINGS if path.stem.endswith(end) and len(path.stem) == _KEY + len(end))
        stems.setdefault(next(found, ""), []).append(path.stem)
    for ending, having in stems.items():
        step = max(1, len(having) // _SAMPLED)
        looked = [table for stem in having[::step] if (table := _table(folder / f"{stem}.npy")) is not None]
        yield _Group(
            folder,
            ending,
            tuple(having),
            tuple(table.shape for table in looked),
            all(table.dtype.kind == "f" for table in looked),
            bool(looked) and all(map(_is_of_length_1, looked)),
        )


def _table(path: Path) -> np.ndarray | None:
    """What a file holds, not read before it is looked at; None where that is no array."""
    try:
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return table if isinstance(table, np.ndarray) else None


def _is_of_length_1(table: np.ndarray) -> bool:
    if table.ndim != 2 or table.dtype.kind != "f":
        return False
    return bool(np.allclose(np.linalg.norm(table.astype(np.float64), axis=1), 1, atol=2e-3))


# What it is


def _finding(group: _Group) -> Finding:
    verdict = _verdict(group)
    finding = Finding(
        folder=group.folder,
        files=(group.pattern,),
        count=len(group.stems),
        shape=f"{_counted(group.rows)} rows of {group.width} columns"
        if group.width
        else "of different or unreadable shapes",
        sets=verdict.sets,
        origin=verdict.origin,
        notes=verdict.notes,
    )
    return replace(finding, uses=(*_uses(finding), *_other_uses(group)))


def _verdict(group: _Group) -> _Verdict:
    if (group.folder / ENCODER_FILE).is_file():
        return _Verdict((group.folder.name,), "extracted by this program, or registered in it")
    if group.stems == ("all_event_feats",) and group.width:
        return _Verdict((), f"text features of {group.rows[0]} categories, as {_UWAV} publishes them")
    if _label_root(group) is not None:
        whose = _VALOR if group.folder.name == "segment_pseudo_labels" else _UWAV
        return _Verdict((), f"pseudo-labels or their logits, as {whose} publishes them")
    if not group.are_floats or group.width not in _BY_WIDTH:
        return _Verdict()
    return _BY_WIDTH[group.width](group)


def _of_128(group: _Group) -> _Verdict:
    is_unav = bool(group.ending) or len(group.rows) > 1
    notes = ("rows are 0.32 s apart: recipes read them with features.resample=true",) if is_unav else ()
    return _Verdict(("vggish",), _UNAV if is_unav else _ECCV20, notes)


def _of_512(group: _Group) -> _Verdict:
    """R(2+1)D and CLAP's joint space have the same shape, but only CLAP's rows are of length 1."""
    named, is_unit = group.named, group.are_of_length_1
    if named == "clip":
        note = "CLIP of 512 columns (ViT-B) is no set of the recipes: add it under a name of your own"
        return _Verdict((), "LSLD (CLIP ViT-B/16, 8 rows a second)" if group.rows == [80] else "", (note,))
    if named == "clap":
        odd = () if is_unit else ("though its rows are not of length 1, as CLAP's are: see what made them",)
        return _Verdict(("clap512",), _UWAV, ("CLAP's joint space, by the name of the folder", *odd))
    if is_unit and named == "r2plus1d":
        note = "ambiguous: named as R(2+1)D, with rows of length 1 as CLAP's are"
        return _Verdict(("r2plus1d_18", "clap512"), "", (note,))
    if is_unit:
        return _Verdict(("clap512",), _UWAV, ("CLAP's joint space, by rows of length 1; no name says so",))
    if named == "r2plus1d":
        return _Verdict(("r2plus1d_18",), _ECCV20)
    if group.rows == [10]:
        note = "by rows that are not of length 1, as CLAP's would be; no name says so"
        return _Verdict(("r2plus1d_18",), _ECCV20, (note,))
    return _Verdict(("r2plus1d_18", "clap512"), "", ("ambiguous: no name tells, and no length of rows",))


def _of_768(group: _Group) -> _Verdict:
    if group.rows == [CLAP_MAP[0]] and group.named != "clip":
        return _Verdict(("clap",), _VALOR, ("CLAP maps of whole clips",))
    if group.named == "clap":
        odd = "named as CLAP, but neither VALOR's maps (64 rows) nor the joint space (512 columns)"
        return _Verdict((), "", (odd,))
    is_uwav = group.folder.name == "segment_feats" or len(group.rows) > 1
    is_valor = group.folder.name == "features"
    notes = () if group.are_of_length_1 else ("rows are not of length 1, as VALOR's are",)
    return _Verdict(("clip",), _UWAV if is_uwav else _VALOR if is_valor else f"{_VALOR} or {_UWAV}", notes)


def _of_1024(group: _Group) -> _Verdict:
    stream = next((name for name in ("rgb", "flow") if _is_stream(group, name)), "")
    if not stream:
        return _Verdict()
    other = "flow" if stream == "rgb" else "rgb"
    return _Verdict((), _UNAV, (f"one half of I3D: the {other} files are not there, and i3d needs both",))


def _of_2048(group: _Group) -> _Verdict:
    if group.rows == [80]:
        return _Verdict(("res152",), _ECCV20)
    if group.named == "i3d":
        return _Verdict(("i3d",), "", ("both halves of I3D side by side, by the name of the folder",))
    odd = "ambiguous: ResNet-152 has 80 rows a clip as published, and I3D's halves are files of their own"
    return _Verdict(("res152", "i3d"), "", (odd,))


_BY_WIDTH: Mapping[int, Callable[[_Group], _Verdict]] = {
    128: _of_128,
    512: _of_512,
    768: _of_768,
    1024: _of_1024,
    2048: _of_2048,
}


def _is_stream(group: _Group, stream: str) -> bool:
    """Whether it is one half of I3D: of pictures (rgb) or of their motion (flow)."""
    is_named = group.ending == f"_{stream}" or (not group.ending and stream in group.folder.name.lower())
    return is_named and group.width == 1024


def _flow_of(rgb: _Group, groups: list[_Group]) -> _Group | None:
    beside = rgb.folder.parent / rgb.folder.name.replace("rgb", "flow")
    flows = (group for group in groups if _is_stream(group, "flow"))
    return next((flow for flow in flows if flow.folder in (rgb.folder, beside)), None)


def _i3d(rgb: _Group, flow: _Group) -> Finding:
    is_one = rgb.folder == flow.folder
    parts = [group.pattern if is_one else f"{group.folder.name}/{group.pattern}" for group in (rgb, flow)]
    finding = Finding(
        folder=rgb.folder if is_one else rgb.folder.parent,
        files=tuple(parts),
        count=len(rgb.stems) + len(flow.stems),
        shape=f"{_counted(rgb.rows)} rows of 2 x 1024 columns",
        sets=("i3d",),
        origin=_UNAV,
        notes=("rows are 0.32 s apart: recipes read them with features.resample=true",),
    )
    return replace(finding, uses=_uses(finding))


def _counted(rows: list[int]) -> str:
    return f"{rows[0]}" if len(rows) == 1 else f"{rows[0]} to {rows[-1]}"


# What to do with it


def _uses(finding: Finding) -> tuple[str, ...]:
    return tuple(_use(finding, features) for features in finding.sets)


def _use(finding: Finding, features: str) -> str:
    """The outermost folder in which the trainer finds the files by itself; else how to register them."""
    folder = finding.folder
    for root in (*reversed(folder.absolute().parents[:3]), folder):
        place = find_place(root, features)
        if place is not None and {root.absolute() / p for p in place.patterns} == {
            folder.absolute() / file for file in finding.files
        }:
            return f"--features {_quoted(root)} (the set {features} is found there as it is)"
    modality = _MODALITIES.get(features, "audio|visual")
    files = "" if finding.files == ("*.npy",) else "".join(f" --files {shlex.quote(f)}" for f in finding.files)
    source = f"--from {_quoted(folder)}{files}"
    return f"python -m trainer encoders add {features} {source} --modality {modality} --out FEATURES"


def _other_uses(group: _Group) -> tuple[str, ...]:
    """Of what is no features."""
    if group.stems == ("all_event_feats",) and group.width:
        features = "clip" if group.width == 768 else "clap512"
        source = _quoted(group.folder / "all_event_feats.npy")
        return (f"python -m trainer texts --from {source} --set {features} --dataset DIR --out FEATURES",)
    root = _label_root(group)
    if root is not None:
        return (f"python -m trainer pseudo-label from-folder {_quoted(root)} --dataset DIR --out P.npz",)
    return ()


def _label_root(group: _Group) -> Path | None:
    """The folder that `pseudo-label from-folder` takes, of labels in the folders of VALOR or UWAV."""
    if group.folder.name == "segment_pseudo_labels":
        return group.folder.parent.parent
    is_uwav = re.fullmatch("[av]_segmentwise_(pseudo_labels|logits)", group.folder.name)
    return group.folder.parent if is_uwav else None


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
