"""What the timeline says in words: tooltips, menus, and to those who do not see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from avvp_studio.domain.tracks import Reaches
from avvp_studio.ui.names import display_name, parser_name
from avvp_studio.ui.timeline.arrangement import MINIMAP, SPECTROGRAM, THUMBNAILS, WAVEFORM
from avvp_studio.ui.timeline.content import Lane, LaneTrack, TimelineContent, lane
from avvp_studio.ui.timeline.gestures.wishes import Mark, Reshape, Select, SetThreshold, Wish
from avvp_studio.ui.timeline.ruler import clock
from trainer.labels import ABSENT, MODALITIES, PRESENT, Modality, State

PERCEIVED = {Modality.AUDIO: "heard", Modality.VISUAL: "seen"}
PERCEIVES = {Modality.AUDIO: "hear", Modality.VISUAL: "see"}
NO_PARSER = "No parser has parsed this clip yet"
MORE_PARSERS = "{parser}  (+{count} not drawn)"

AXIS_TIP = "Drag to scrub, with Shift to select a range."
BAND_TIPS = {
    MINIMAP: "The whole clip: labels full, predictions pale. Drag to move the view, click to go there.",
    THUMBNAILS: f"The picture. {AXIS_TIP}",
    WAVEFORM: f"The sound. {AXIS_TIP}",
    SPECTROGRAM: f"The sound, by how high it is. {AXIS_TIP}",
}
TALL_TIP = f"The sound, drawn {{gain:.1f}} times as high. {AXIS_TIP}"

_LINES = ("solid line", "dashed line", "dotted line", "dash-dotted line", *["line of its own"] * 4)
"""As the parsers are drawn, the newest first."""

_THRESHOLD = "{parser}: {category} {perceived} from {level:.2f} on"
_ALL_THRESHOLDS = "{parser}: everything {perceived} from {level:.2f} on"
_RULED_OUT = "ruled out for the clip as a whole"

_CHOICES = {
    State.PRESENT: "{perceived} here",
    State.ABSENT: "Not {perceived} here",
    State.UNSEEN: "Forget",
}


def choice_text(modality: Modality, state: State) -> str:
    """What a menu calls marking a state: "Heard here", "Not seen here", "Forget"."""
    text = _CHOICES[state].format(perceived=PERCEIVED[modality])
    return text[0].upper() + text[1:]


def copy_text(modality: Modality, state: State) -> str:
    """What a menu calls saying the same in the other modality: "Also seen", "Also not heard"."""
    return f"Also {perceived((modality,), state)}"


def drag_text(wish: Wish | None) -> str:
    """What letting go of the mouse now would do; empty where there is nothing to tell."""
    match wish:
        case Mark(modalities, category, onset, offset, state):
            said = f"{display_name(category)} {perceived(modalities, state)}, {span_text(onset, offset)}"
            if state is State.UNSEEN:
                said = f"{said}: forgotten"
        case Reshape(event, onset, offset, modality, is_copy):
            said = f"{display_name(event.category)} {perceived((modality,), event.state)}"
            said = f"{said}, {span_text(onset, offset)}{', as well' if is_copy else ''}"
        case SetThreshold(parser, modality, category, float(level), is_all):
            said = (_ALL_THRESHOLDS if is_all else _THRESHOLD).format(
                parser=parser_name(parser),
                category=display_name(category),
                perceived=PERCEIVED[modality],
                level=level,
            )
        case Select(onset, offset):
            said = f"select {span_text(onset, offset)}"
        case _:
            return ""
    return f"Let go: {said}. Esc leaves it as it is."


def threshold_text(track: LaneTrack) -> str:
    """A threshold as its line says it: "0.35", "0.35 (own: 0.50)"."""
    text = "{level:.2f}" if track.threshold == track.own_threshold else "{level:.2f} (own: {own:.2f})"
    said = text.format(level=track.threshold, own=track.own_threshold)
    return said if track.is_admitted else f"{said}, {_RULED_OUT}"


def all_thresholds_text(modality: Modality, level: float) -> str:
    return f"Threshold {level:.2f} for everything {PERCEIVED[modality]}"


def own_threshold_text(track: LaneTrack) -> str:
    return f"The parser's own threshold, {track.own_threshold:.2f}"


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


def parsers_tip(content: TimelineContent, drawn: int) -> str:
    """The parsers with their full names; the drawn ones first. Without any, why there are none."""
    if not content.tracks:
        # As a paragraph it is wrapped, however long the reason is.
        return f"<p>{escape(content.no_tracks or NO_PARSER)}</p>"
    lines = []
    for place, track in enumerate(content.tracks):
        kind = _LINES[place] if place < drawn else "not drawn"
        unknown = reach_text(track.reach, content.categories)
        said = ", ".join(filter(None, (kind, str(track.rule), unknown, calibration_text(track.calibrated_by))))
        lines.append(f"{escape(track.parser)}: {escape(said)}")
    return "<br>".join(f"<nobr>{line}</nobr>" for line in lines)


def band_tip(band: str, gain: float) -> str:
    """What a band shows; of the waveform, how much taller than it is a quiet sound is drawn."""
    is_tall = band == WAVEFORM and gain >= 1.05
    return (TALL_TIP if is_tall else BAND_TIPS.get(band, AXIS_TIP)).format(gain=gain)


def frequency_text(hertz: float) -> str:
    """As short as its precision allows: "440 Hz", "1.25 kHz", "4 kHz"."""
    if hertz < 1000:
        return f"{hertz:.0f} Hz"
    return f"{hertz / 1000:.2f}".rstrip("0").rstrip(".") + " kHz"


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


def calibration_text(clips: int) -> str:
    """That a parser was calibrated by what is known of some clips; empty for none."""
    return f"calibrated by {clips:,} reviewed clip{'' if clips == 1 else 's'}" if clips else ""


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
    if not track.is_admitted and probability >= track.threshold:
        verdict = f"{verdict}, {_RULED_OUT}"
    return f"{parser}: {probability:.2f}, {verdict}"
