"""The command line of the studio: the window, the commands without one, and pictures without a screen."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from avvp_studio import __version__

_THEMES = ("dark", "light", "contrast_dark", "contrast_light")
_COMMANDS = ("new", "import", "extract", "export", "shot")


def main(argv: list[str] | None = None) -> int:
    """Run the studio or one of its commands; returns the exit code (2 for a user's mistake)."""
    given = sys.argv[1:] if argv is None else argv
    if given and given[0] in _COMMANDS:
        return _run_command(given)
    parser = argparse.ArgumentParser(
        prog="avvp-studio",
        description="See, correct and retrain audio-visual video parsers.",
        epilog=f"Commands without a window: avvp-studio {{{','.join(_COMMANDS)}}} --help",
    )
    parser.add_argument("project", nargs="?", type=Path, help="a project folder (default: the sample project)")
    parser.add_argument("--version", action="version", version=f"AVVP Studio {__version__}")
    return _open_window(parser.parse_args(given).project)


def _run_command(given: list[str]) -> int:
    from avvp_studio.command_line import add_commands, run_command
    from avvp_studio.ui.timeline.arrangement import BANDS

    parser = argparse.ArgumentParser(prog="avvp-studio")
    commands = parser.add_subparsers(required=True)
    add_commands(commands)
    shot = commands.add_parser("shot", help="render a view of a clip to a PNG, without a screen")
    shot.add_argument("project", type=Path)
    shot.add_argument("--clip", required=True)
    shot.add_argument("--view", default="main", choices=("main", "jobs"))
    shot.add_argument("--out", type=Path, required=True)
    shot.add_argument("--size", default="1280x800", metavar="WxH")
    shot.add_argument("--theme", default="dark", choices=_THEMES)
    shot.add_argument("--at", type=float, default=0.0, metavar="SECONDS", help="where the playhead is")
    shot.add_argument("--bands", nargs="*", choices=BANDS, help="those above the lanes (default: the usual)")
    shot.set_defaults(run=_shoot)
    return run_command(parser.parse_args(given))


def _shoot(arguments: argparse.Namespace) -> None:
    _quieten_qt()
    from avvp_studio.shot import take_shot

    take_shot(
        arguments.project,
        clip=arguments.clip,
        view=arguments.view,
        out=arguments.out,
        size=arguments.size,
        theme=arguments.theme,
        at=arguments.at,
        bands=arguments.bands,
    )


def _quieten_qt() -> None:
    """Qt complains of optional sound and video libraries that it does without."""
    os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false;qt.qpa.plugin=false")


def _open_window(project: Path | None) -> int:
    problem = _start_problem()
    if problem:
        print(f"avvp-studio: {problem}", file=sys.stderr)
        return 2
    _quieten_qt()
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    from avvp_studio.studio import Studio

    app = QApplication(sys.argv[:1])
    app.setApplicationName("AVVP Studio")
    app.setOrganizationName("avvp-studio")
    studio = Studio(app, QSettings(), data_home())
    sys.excepthook = lambda _, error, __: studio.report_unexpected(error)
    # Qt's loop keeps Ctrl+C in the terminal waiting; ending at once is safe, what is shown is stored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    studio.window.show()
    if project is None:
        studio.open_sample()
    elif not studio.open_project(project):
        print(f"avvp-studio: {studio.window.message_bar.text}", file=sys.stderr)
    code = app.exec()
    studio.close()
    return code


def data_home() -> Path:
    """Where the studio keeps what nobody asked it to put elsewhere: the sample project."""
    from platformdirs import user_data_path

    given = os.environ.get("AVVP_STUDIO_HOME")
    return Path(given) if given else user_data_path("avvp-studio")


def _start_problem() -> str:
    """What would make Qt abort without a word that helps; empty when nothing would."""
    import PySide6

    if PySide6.__version__.startswith("6.12.0") and sys.version_info < (3, 12):
        return (
            "PySide6 6.12.0 crashes on Python below 3.12; install with `-c constraints.txt`, or use `make run`"
        )
    has_screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform == "linux" and not has_screen:
        return (
            "there is no screen (DISPLAY is not set). Start it in a desktop or under `xvfb-run`; "
            "`avvp-studio shot --help` renders pictures without a screen"
        )
    return ""


if __name__ == "__main__":
    sys.exit(main())
