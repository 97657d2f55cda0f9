"""What the timeline says in words: tooltips, menus, and to those who do not see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from avvp_studio.domain.tracks import Reaches
from avvp_studio.ui.names import display_name, parser_name
from avvp_studio.ui.timeline.content import Lane, LaneTrack, TimelineContent, lane
from avvp_studio.ui.timeline.gestures.wishes import Mark, Select, Wish
from avvp_studio.ui.timeline.ruler import clock
from trainer.labels import ABSENT, MODALITIES, PRESENT, Modality, State

PERCEIVED = {Modality.AUDIO: "heard", Modality.VISUAL: "seen"}
PERCEIVES = {Modality.AUDIO: "hear", Modality.VISUAL: "see"}
NO_PARSER = "No parser has parsed this clip yet"

AXIS_TIP = "Drag to scrub, with Shift to select a range."

_CHOICES = {
    State.PRESENT: "{perceived} here",
    State.ABSENT: "Not {perceived} here",
    State.UNSEEN: "Forget",
}


def choice_text(modality: Modality, state: State) -> str:
    """What a menu calls marking a state: "Heard here", "Not seen here", "Forget"."""
    text = _CHOICES[state].format(perceived=PERCEIVED[modality])
    return text[0].upper() + text[1:]


def drag_text(wish: Wish | None) -> str:
    """What letting go of the mouse now would do; empty where there is nothing to tell."""
    match wish:
        case Mark(modalities, category, onset, offset, state):
            said = f"{display_name(category)} {perceived(modalities, state)}, {span_text(onset, offset)}"
            if state is State.UNSEEN:
                said = f"{said}: forgotten"
        case Select(onset, offset):
            said = f"select {span_text(onset, offset)}"
        case _:
            return ""
    return f"Let go: {said}. Esc leaves it as it is."


def perceived(modalities: Sequence[Modality], state: State) -> str:
    """What a state says of modalities: "heard", "not seen", "heard and seen", "neither heard nor seen"."""
    senses = [PERCEIVED[modality] for modality in modalities]
    if state is not State.ABSENT:
        return " and ".join(senses)
    return f"not {senses[0]}" if len(senses) == 1 else f"neither {' nor '.join(senses)}"


def span_text(first: float, last: float) -> str:
    return f"{clock(first)} – {clock(last)}"


def lane_tip(content: TimelineContent, modality: Modality, category: str, segment: int) -> str:
    """Who says what about one segment: the label and its author, then every parser."""
    shown = lane(content, modality, category)
    head = f"<b>{escape(display_name(category))}</b>, {PERCEIVED[modality]}, {span_text(segment, segment + 1)}"
    label = _label_text(content, shown, segment)
    beliefs = [_belief(track, segment, modality) for track in shown.tracks]
    return "<br>".join([f"<nobr>{line}</nobr>" for line in (head, label, *beliefs)])


def both_tip(content: TimelineContent, category: str, segment: int) -> str:
    lanes = [lane(content, modality, category) for modality in MODALITIES]
    head = f"<b>{escape(display_name(category))}</b>, heard and seen, {span_text(segment, segment + 1)}"
    labelled = all(shown.states[segment] == PRESENT for shown in lanes)
    predicted = all(bool(shown.predicted[segment]) for shown in lanes)
    said = f"Labels: {'yes' if labelled else 'no'}; newest parser: {'yes' if predicted else 'no'}"
    return f"<nobr>{head}</nobr><br><nobr>{said}</nobr>"


def header_tip(content: TimelineContent, category: str, digit: str | None, *, is_armed: bool) -> str:
    lines = [f"<b>{escape(display_name(category))}</b>"]
    if category in content.video_labels:
        lines.append("In the video-level label of this clip")
    key = f" (key {digit})" if digit else ""
    lines.append(f"Click to {'disarm' if is_armed else 'arm'}{key}")
    if is_armed:
        lines.append("Drag right in its lanes: present. Left: absent. With Shift: forget.")
    return "<br>".join(f"<nobr>{line}</nobr>" for line in lines)


def parsers_tip(content: TimelineContent) -> str:
    """The parsers with their full names; the drawn ones first. Without any, why there are none."""
    if not content.tracks:
        # As a paragraph it is wrapped, however long the reason is.
        return f"<p>{escape(content.no_tracks or NO_PARSER)}</p>"
    kinds = ["solid line", "dashed line"]
    lines = []
    for age, track in enumerate(content.tracks):
        kind = kinds[age] if age < len(kinds) else "not drawn"
        unknown = reach_text(track.reach, content.categories)
        said = ", ".join(filter(None, (kind, str(track.rule), unknown)))
        lines.append(f"{escape(track.parser)}: {escape(said)}")
    return "<br>".join(f"<nobr>{line}</nobr>" for line in lines)


def sound_tip(gain: float) -> str:
    """The waveform, and how much taller than it is a quiet sound is drawn."""
    drawn = f", drawn {gain:.1f} times as high" if gain >= 1.05 else ""
    return f"The sound{drawn}. {AXIS_TIP}"


def summary(content: TimelineContent | None, armed: str | None) -> str:
    """The timeline in a sentence, for a screen reader."""
    if content is None:
        return "No clip is open"
    parts = [f"{clock(content.duration, 2)} long", f"{len(content.rows)} categories shown"]
    if armed is not None:
        parts.append(f"{display_name(armed)} is armed")
    return ", ".join(parts)


def _label_text(content: TimelineContent, shown: Lane, segment: int) -> str:
    state = shown.states[segment]
    if state not in (PRESENT, ABSENT):
        return "Not labelled"
    said = "present" if state == PRESENT else "absent"
    author = content.author(shown.modality, shown.category, segment)
    source = f"by {escape(author)}" if author else "from a file"
    return f"Label: {said}, {source}" if content.events else f"Label: {said}"


def blind_text(parser: str, modality: Modality) -> str:
    """That a parser cannot know of a category: "zero-shot cannot see this"."""
    return f"{parser_name(parser).partition(' (')[0]} cannot {PERCEIVES[modality]} this"


def reach_text(reach: Reaches, categories: Sequence[str]) -> str:
    """How many of the categories a parser cannot know of: "cannot hear 2, cannot see 9 of 25 categories"."""
    blind = {
        modality: sum(
            not reach[modality, category].is_known for category in categories if (modality, category) in reach
        )
        for modality in MODALITIES
    }
    parts = [f"cannot {PERCEIVES[modality]} {count}" for modality, count in blind.items() if count]
    return f"{', '.join(parts)} of {len(categories)} categories" if parts else ""


def _belief(track: LaneTrack, segment: int, modality: Modality) -> str:
    parser, probability = escape(parser_name(track.parser)), float(track.probabilities[segment])
    classes = ", ".join(track.reach.classes) if track.reach else ""
    if track.is_blind:
        nearest = f" (the nearest classes: {escape(classes)})" if classes else ""
        return f"{escape(blind_text(track.parser, modality))}{nearest}"
    if classes:
        parser = f"{parser}, by {escape(classes)}"
    if not math.isfinite(probability):
        return f"{parser}: unknown here"
    verdict = "predicted" if track.predicted[segment] else "not predicted"
    return f"{parser}: {probability:.2f}, {verdict}"
