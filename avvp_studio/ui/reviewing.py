"""What the keys that say many things at once do: accept predictions, say that the rest is absent, forget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from avvp_studio.domain.edit import Edit, joined, mark, span_of, to_ms
from avvp_studio.domain.fill import Span, filled, predicted_spans
from avvp_studio.ui.names import display_name
from avvp_studio.ui.subject import Subject
from trainer.labels import MODALITIES, State

NO_TRACK = "There is nothing to accept: no parser is shown. {find_tracks} finds tracks, {train} trains a parser"
NOTHING_PREDICTED = "Nothing to accept: nothing is predicted here that is not labelled"
ALL_LABELLED = "Nothing is left to say here: all of it is labelled"
SELECT_FIRST = "Select what to forget first; {select_all} selects the whole clip"
NOTHING_TO_FORGET = "Nothing to forget: there are no labels in the selection"


class Reviewing:
    """Predictions are the newest shown parser's. Only `forget_all` takes labels back."""

    def __init__(self, subject: Subject, shown: Callable[[], Sequence[str]]) -> None:
        self._subject = subject
        self._workspace = subject.workspace
        self._shown = shown

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        return {
            "accept": lambda: self.accept(self._armed(), *self._subject.range),
            "accept_event": self.accept_event,
            "accept_lane": lambda: self.accept(self._armed(), 0.0, self._subject.segments),
            "accept_all": lambda: self.accept(self._shown(), *self._subject.wide_range),
            "rest_absent": lambda: self.deny_rest(self._armed()),
            "rest_absent_all": lambda: self.deny_rest(self._shown()),
            "forget_all": self.forget_all,
        }

    def accept(self, categories: Sequence[str], onset: float, offset: float) -> None:
        """What is predicted in a range holds, where nobody has labelled."""
        if categories:
            spans = [span.within(onset, offset) for span in self._predicted(categories)]
            self._accept(spans, categories, onset, offset)

    def accept_event(self) -> None:
        """What is predicted at the playhead holds, from where to where it is predicted."""
        categories, now = self._armed(), self._subject.now
        if categories:
            spans = [span for span in self._predicted(categories) if span.onset <= now < span.offset]
            onset = min((span.onset for span in spans), default=now)
            offset = max((span.offset for span in spans), default=now)
            self._accept(spans, categories, onset, offset)

    def deny_rest(self, categories: Sequence[str]) -> None:
        """What nobody has labelled, in the selection or the clip, is absent."""
        if not categories:
            return
        onset, offset = self._subject.wide_range
        spans = [Span(modality, name, onset, offset) for name in categories for modality in MODALITIES]
        what = f"mark the rest of {_names(categories)} absent, {_span(onset, offset)}"
        self._fill(spans, State.ABSENT, what, ALL_LABELLED)

    def forget_all(self) -> None:
        """Take all labels of the shown categories in the selection back."""
        chosen = self._workspace.selection
        if chosen is None:
            self._subject.hinted.emit(SELECT_FIRST)
            return
        events, shown = self._workspace.events, set(self._shown())
        lanes = {
            (event.modality, event.category)
            for event in events
            if event.category in shown and event.onset < chosen[1] and event.offset > chosen[0]
        }
        if not lanes:
            self._subject.hinted.emit(NOTHING_TO_FORGET)
            return
        parts = joined(
            [
                mark(
                    events,
                    modality=modality,
                    category=category,
                    onset=chosen[0],
                    offset=chosen[1],
                    state=State.UNSEEN,
                    author=self._workspace.author,
                )
                for modality, category in sorted(lanes)
            ]
        )
        names = _names(sorted({category for _, category in lanes}))
        text = f"forget {names}, {_span(*chosen)}"
        self._subject.apply(lambda: Edit(parts.removed, parts.added, text))

    def _armed(self) -> tuple[str, ...]:
        armed = self._subject.armed()
        return (armed,) if armed is not None else ()

    def _predicted(self, categories: Iterable[str]) -> list[Span]:
        project, tracks = self._workspace.project, self._workspace.tracks
        if project is None or not tracks:
            return []
        end = float(self._subject.segments)
        spans = predicted_spans(tracks[0], project.categories, categories, MODALITIES)
        return [span.within(0.0, end) for span in spans]

    def _accept(self, spans: list[Span], categories: Sequence[str], onset: float, offset: float) -> None:
        if not self._workspace.tracks:
            self._subject.hinted.emit(NO_TRACK)
            return
        found = [span for span in spans if span.onset < span.offset]
        named = sorted({span.category for span in found}) or categories
        what = f"accept predictions of {_names(named)}, {_span(onset, offset)}"
        self._fill(found, State.PRESENT, what, NOTHING_PREDICTED)

    def _fill(self, spans: Iterable[Span], state: State, text: str, otherwise: str) -> None:
        events, author = self._workspace.events, self._workspace.author
        edit = filled(events, spans, state, author=author, text=text)
        if edit.is_empty:
            self._subject.hinted.emit(otherwise)
        else:
            self._subject.apply(lambda: edit)


def _names(categories: Sequence[str]) -> str:
    return display_name(categories[0]) if len(categories) == 1 else f"{len(categories)} categories"


def _span(onset: float, offset: float) -> str:
    return span_of(to_ms(onset), to_ms(offset))
