"""What lies under a point of the timeline, but for what exactly of it. No Qt."""

from __future__ import annotations

from avvp_studio.ui.timeline.arrangement import MINIMAP
from avvp_studio.ui.timeline.gestures.place import Place, Zone
from avvp_studio.ui.timeline.scene import Scene


def place_on(scene: Scene, x: float, y: float) -> Place:
    """The time is that of the clip in view; on the minimap, that of the whole clip."""
    time = scene.view.clamped_time(x)
    is_column = x < scene.view.left
    if y < scene.bands.bottom:
        band = scene.bands.at(y)
        zone = Zone.COLUMN if is_column else Zone.BAND if band else Zone.RULER
        if band == MINIMAP:
            time = scene.view.fitted().clamped_time(x)
        return Place(zone, x, time, y=y, band=band)
    height = y - scene.origin
    row = scene.rows.at(height)
    if row is None:
        return Place(Zone.COLUMN if is_column else Zone.EMPTY, x, time, y=y)
    if is_column:
        level = (row.whole.bottom - height) / row.whole.height
        return Place(Zone.HEADER, x, time, row.category, y=y, level=level)
    modality = row.modality_at(height)
    level = 0.0 if modality is None else (row.lane(modality).bottom - height) / row.lane(modality).height
    return Place(Zone.LANE, x, time, row.category, modality, y=y, level=level)
