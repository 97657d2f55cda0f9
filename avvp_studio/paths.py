"""Where things are: the resources that come with the program, and the parts of a project folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def resource_path(name: str) -> Path:
    """The path of a resource ("icons/play.svg"), from an installed wheel or from a source tree."""
    package = Path(__file__).parent
    installed = package / "resources"
    return (installed if installed.is_dir() else package.parent / "resources") / name


@dataclass(frozen=True, slots=True)
class ProjectPaths:
    """The layout of a project folder. Media stay where they are; everything else lives here."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "labels.sqlite"

    @property
    def audio(self) -> Path:
        return self.root / "audio"

    @property
    def peaks(self) -> Path:
        return self.root / "peaks"

    @property
    def tiles(self) -> Path:
        """Small pictures and pieces of spectrograms."""
        return self.root / "tiles.sqlite"

    @property
    def proxies(self) -> Path:
        return self.root / "proxies"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def parses(self) -> Path:
        return self.root / "parses"

    @property
    def rows(self) -> Path:
        """How the rows of the timeline are arranged."""
        return self.root / "rows.json"

    @property
    def thresholds(self) -> Path:
        """The thresholds that were chosen in the place of parsers' own."""
        return self.root / "thresholds.json"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def run(self, name: str) -> Path:
        return self.runs / name
