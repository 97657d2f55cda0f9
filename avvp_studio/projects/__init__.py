"""Projects as a whole: made, added to, exported. No Qt."""

from avvp_studio.projects.clips import Progress
from avvp_studio.projects.create import (
    CreateReport,
    create_from_folders,
    create_project,
    load_vocabulary,
    typed_categories,
)
from avvp_studio.projects.errors import ProjectError
from avvp_studio.projects.export import FORMATS, ExportReport, export_project
from avvp_studio.projects.importing import ImportReport, import_files
from avvp_studio.projects.snapshot import snapshot_dataset
from avvp_studio.projects.videos import Added, TakenBack, add_videos, find_videos, take_back

__all__ = [
    "FORMATS",
    "Added",
    "CreateReport",
    "ExportReport",
    "ImportReport",
    "Progress",
    "ProjectError",
    "TakenBack",
    "add_videos",
    "create_from_folders",
    "create_project",
    "export_project",
    "find_videos",
    "import_files",
    "load_vocabulary",
    "snapshot_dataset",
    "take_back",
    "typed_categories",
]
