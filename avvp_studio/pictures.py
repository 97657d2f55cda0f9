"""What the timeline shows of the open clip beside the outline of its sound."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from avvp_studio.media.spectrogram import Analysis, SpectrogramMaker
from avvp_studio.media.thumbnails import ThumbnailMaker
from avvp_studio.media.tiles import TileCache
from avvp_studio.tiling import Tiling


class Pictures(QObject):
    """Makes only what is asked for of `thumbnails` and `spectrogram`, and keeps it with the project."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None, *, after: threading.Event | None = None) -> None:
        """Nothing is made before `after` is set, which is waited for only briefly."""
        super().__init__(parent)
        self.thumbnails = Tiling(self, after=after)
        self.spectrogram = Tiling(self, after=after)
        self._analysis = Analysis()
        self._media: Path | None = None
        self._cache: TileCache | None = None
        for tiling in (self.thumbnails, self.spectrogram):
            tiling.changed.connect(self.changed)

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def has_media(self) -> bool:
        return self._media is not None

    @property
    def is_busy(self) -> bool:
        return self.thumbnails.is_busy or self.spectrogram.is_busy

    def open(self, media: Path | None, duration: float, cache: Path | None) -> None:
        """Attend to another clip, or to none."""
        self._media, self._cache = media, TileCache(cache) if cache is not None else None
        if media is None or self._cache is None:
            self.thumbnails.open(None)
        else:
            self.thumbnails.open(ThumbnailMaker(media, duration, self._cache))
        self._open_spectrogram()

    def analyse(self, analysis: Analysis) -> None:
        """Take the sound apart in another way."""
        if analysis != self._analysis:
            self._analysis = analysis
            self._open_spectrogram()

    def shutdown(self) -> None:
        """Stop everything, and wait briefly for it."""
        self.thumbnails.shutdown()
        self.spectrogram.shutdown()

    def _open_spectrogram(self) -> None:
        if self._media is None or self._cache is None:
            self.spectrogram.open(None)
        else:
            self.spectrogram.open(SpectrogramMaker(self._media, self._analysis, self._cache))
