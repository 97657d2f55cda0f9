"""What the palette can find and do: every action, every category, every clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QSettings

from avvp_studio.domain.project import Clip
from avvp_studio.ui.actions import DIGITS, MENUS, Actions
from avvp_studio.ui.names import display_name
from avvp_studio.ui.palette.fuzzy import Match, match
from avvp_studio.ui.palette.name_search import NameSearch
from avvp_studio.ui.theme import category_colour
from avvp_studio.workspace import Workspace

_SETTING = "palette/recent"
_RECENT = 12
NOT_FOR = frozenset({"palette", *(f"arm_{digit}" for digit in DIGITS)})
"""Actions that the palette does not list: itself, and those that its categories stand for."""


class Kind(StrEnum):
    ACTION = "action"
    CATEGORY = "category"
    CLIP = "clip"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to choose. `reason` says why it cannot be done now; empty where it can."""

    kind: Kind
    name: str
    title: str
    note: str = ""
    keys: str = ""
    reason: str = ""
    colour: str = ""
    """Of the category."""
    places: frozenset[int] = frozenset()


class Catalogue:
    """Finds entries by what was typed, and carries them out."""

    def __init__(self, workspace: Workspace, actions: Actions, settings: QSettings) -> None:
        self._workspace = workspace
        self._actions = actions
        self._settings = settings
        self._clips: tuple[Clip, ...] = ()
        self._names = NameSearch(())
        self._groups = {
            name: title.replace("&", "") for title, names in MENUS.items() for name in names.split()
        }

    def find(self, query: str) -> list[Entry]:
        """Actions and categories, the best first; without a query all of them, those used last first."""
        recent = self.recent()
        scored: list[tuple[int, Entry]] = []
        for name in self._actions:
            found = self._match_action(query, name) if name not in NOT_FOR else None
            if found is not None:
                bonus = len(recent) - recent.index(name) if name in recent else 0
                scored.append((found.score + bonus, self._action(name, found.places)))
        for i, category in enumerate(self._categories()):
            found = match(query, display_name(category))
            if found is not None:
                scored.append((found.score, self._category(category, category_colour(i), found.places)))
        if not query.strip():
            ranks = {name: i for i, name in enumerate(recent)}
            return sorted((entry for _, entry in scored), key=lambda entry: ranks.get(entry.name, len(ranks)))
        scored.sort(key=lambda pair: -pair[0])
        return [entry for _, entry in scored]

    def find_clips(self, query: str) -> Iterator[Entry | None]:
        """Clips one by one; None after a step that found none, so that one can stop between."""
        self._read_clips()
        for place in self._names.find(query):
            yield None if place is None else self._clip(self._clips[place], query)

    def choose(self, entry: Entry) -> None:
        """Do it."""
        match entry.kind:
            case Kind.ACTION:
                kept = [entry.name, *(name for name in self.recent() if name != entry.name)]
                self._settings.setValue(_SETTING, " ".join(kept[:_RECENT]))
                self._actions[entry.name].trigger()
            case Kind.CATEGORY:
                self._workspace.arm(entry.name)
            case Kind.CLIP:
                self._workspace.open_clip(entry.name)

    def recent(self) -> list[str]:
        """The actions chosen last, the newest first."""
        known = set(self._actions)
        return [name for name in str(self._settings.value(_SETTING, "")).split() if name in known]

    def _match_action(self, query: str, name: str) -> Match | None:
        found = match(query, self._actions.title(name))
        if found is None:
            words, tip = query.casefold().split(), self._actions.tip(name).casefold()
            found = Match(0) if all(word in tip for word in words) else None
        return found

    def _action(self, name: str, places: frozenset[int]) -> Entry:
        action = self._actions[name]
        return Entry(
            Kind.ACTION,
            name,
            self._actions.title(name),
            note="on" if action.isChecked() else self._groups.get(name, ""),
            keys=self._actions.bindings.first_text(name),
            reason="" if action.isEnabled() else self._reason(name),
            places=places,
        )

    def _reason(self, name: str) -> str:
        """Why an action cannot be done: what is lacking first."""
        if self._workspace.project is None:
            return "open a project first"
        if self._workspace.clip is None:
            return "open a clip first"
        return {"undo": "nothing to undo", "redo": "nothing to redo"}.get(name, "not possible now")

    def _category(self, category: str, colour: str, places: frozenset[int]) -> Entry:
        is_armed = category == self._workspace.armed
        reason = "" if self._workspace.clip is not None else "open a clip first"
        note = "armed" if is_armed else "arm"
        return Entry(
            Kind.CATEGORY, category, display_name(category), note, reason=reason, colour=colour, places=places
        )

    def _clip(self, clip: Clip, query: str) -> Entry:
        found = match(query, display_name(clip.name))
        return Entry(Kind.CLIP, clip.name, clip.name, clip.split, places=found.places if found else frozenset())

    def _categories(self) -> Sequence[str]:
        project = self._workspace.project
        return project.categories if project is not None else ()

    def _read_clips(self) -> None:
        clips = self._workspace.clips
        if clips is not self._clips:
            self._clips = clips
            self._names = NameSearch([clip.name for clip in clips])
