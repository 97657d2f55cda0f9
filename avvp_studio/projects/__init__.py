"""Projects as a whole: made, added to, exported. No Qt."""

from avvp_studio.projects.clips import Progress
from avvp_studio.projects.create import CreateReport, create_from_folders, create_project, load_vocabulary
from avvp_studio.projects.errors import ProjectError
from avvp_studio.projects.export import FORMATS, ExportReport, export_project
from avvp_studio.projects.importing import ImportReport, import_files
from avvp_studio.projects.snapshot import snapshot_dataset

__all__ = [
    "FORMATS",
    "CreateReport",
    "ExportReport",
    "ImportReport",
    "Progress",
    "ProjectError",
    "create_from_folders",
    "create_project",
    "export_project",
    "import_files",
    "load_vocabulary",
    "snapshot_dataset",
]
