"""Which clips of the library are in view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from avvp_studio.domain.project import Clip
from avvp_studio.ui.names import display_name


class Status(StrEnum):
    """What may be asked of a clip besides its words and its split; the value is what a person reads."""

    ALL = "All clips"
    EDITED = "Edited"
    NOT_EDITED = "Not edited"
    NO_MEDIA = "No video"


@dataclass(frozen=True, slots=True)
class ClipFilter:
    """Every word of `text` must occur in a clip's name or one of its labels."""

    text: str = ""
    split: str = ""
    status: Status = Status.ALL

    @property
    def words(self) -> list[str]:
        """What must occur: the longest first, which most clips lack."""
        return sorted(display_name(self.text.casefold()).split(), key=len, reverse=True)

    def rows(
        self, places: Iterable[int], clips: Sequence[Clip], texts: Sequence[str], edited: frozenset[str]
    ) -> list[int]:
        """Those of the places in `clips` that pass, in their order; `texts` holds what is searched of each."""
        rows = list(places)
        if self.split:
            rows = [i for i in rows if clips[i].split == self.split]
        match self.status:
            case Status.EDITED:
                rows = [i for i in rows if clips[i].name in edited]
            case Status.NOT_EDITED:
                rows = [i for i in rows if clips[i].name not in edited]
            case Status.NO_MEDIA:
                rows = [i for i in rows if clips[i].media is None]
        for word in self.words:
            rows = [i for i in rows if word in texts[i]]
        return rows


def search_texts(clips: Sequence[Clip]) -> list[str]:
    """What a search looks at, of each clip: its name and its labels."""
    return [
        display_name(f"{clip.name} {labels}".casefold())
        for clip, labels in zip(clips, label_texts(clips), strict=True)
    ]


def label_texts(clips: Sequence[Clip]) -> list[str]:
    """The labels of each clip, sorted; many clips have the same."""
    made: dict[frozenset[str], str] = {}
    texts = []
    for clip in clips:
        text = made.get(clip.video_labels)
        if text is None:
            text = made[clip.video_labels] = " ".join(sorted(clip.video_labels))
        texts.append(text)
    return texts
