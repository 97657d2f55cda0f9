"""The clips of a project, by name and in the order in which they are stepped through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from avvp_studio.domain.project import Clip


@dataclass(frozen=True, eq=False)
class ClipList:
    """`clips` as the project has them; `order` names those that are in view."""

    clips: tuple[Clip, ...] = ()
    order: tuple[str, ...] = ()
    by_name: Mapping[str, Clip] = field(default_factory=dict)

    def ordered(self, names: Iterable[str]) -> ClipList:
        """In another order; clips that are not named are not in view."""
        return replace(self, order=tuple(name for name in names if name in self.by_name))

    def renewed(self, clips: tuple[Clip, ...]) -> ClipList:
        """With other clips: an order stays as far as it can; without one it is that of the project."""
        renewed = ClipList(clips, tuple(clip.name for clip in clips), {clip.name: clip for clip in clips})
        kept = renewed.ordered(self.order)
        return kept if kept.order else renewed

    def changed(self, clips: Iterable[Clip], removed: Collection[str] = ()) -> ClipList:
        """With some clips in place of those of their names, the new ones at the end, and without others."""
        by_name = {**self.by_name} | {clip.name: clip for clip in clips}
        return self.renewed(tuple(clip for name, clip in by_name.items() if name not in removed))

    def step(self, name: str | None, delta: int) -> str | None:
        """The clip `delta` places after `name`, or the last one on the way; itself, when none is in view.

        From a clip that is not in view it is the first that is (backwards: the last).
        """
        if not self.order:
            return name
        if name not in self.order:
            return self.order[0 if delta > 0 else -1]
        place = self.order.index(name) + delta
        return self.order[min(max(place, 0), len(self.order) - 1)]
