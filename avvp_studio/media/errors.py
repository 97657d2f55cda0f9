"""What can be wrong with a media file, said once and clearly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EPERM
from pathlib import Path

import av


class MediaError(ValueError):
    """A file that cannot be shown or heard; the message names it, says why, and what to do."""


@contextmanager
def media_errors(path: Path) -> Iterator[None]:
    """Turns what the decoding library raises about `path` into a MediaError."""
    try:
        yield
    except (MediaError, InterruptedError):  # the latter: whoever asked wants it no more
        raise
    except (av.error.FFmpegError, OSError, LookupError, ArithmeticError) as error:  # the latter two: of damage
        raise MediaError(_explain(path, error)) from error


def check_file(path: Path) -> None:
    """Raises a MediaError unless `path` is a file with something in it that may be read."""
    with media_errors(path):
        if path.is_dir():
            raise MediaError(f"{path} is a folder, not a video or sound file.")
        if path.stat().st_size == 0:
            raise MediaError(f"{path.name} is empty (0 bytes): copy it to {path.parent} again.")
        if not os.access(path, os.R_OK):
            raise PermissionError(path)


def _explain(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path.name} is not in {path.parent} any more: put it back, or choose its new folder."
    is_damage = isinstance(error, av.error.FFmpegError) and error.errno == EPERM  # decoders say it of bad data
    if isinstance(error, PermissionError) and not is_damage:
        return f"{path.name} may not be read: allow reading of {path}."
    if isinstance(error, av.error.DecoderNotFoundError):
        return f"{path.name} uses a codec that is not supported: convert it, for example to H.264 and AAC."
    if isinstance(error, av.error.FFmpegError) or not isinstance(error, OSError):
        reason = getattr(error, "strerror", None) or error
        return f"{path.name} is not a video or sound file, or it is damaged ({reason}): get it again."
    return f"{path.name} cannot be read ({error}): check the drive that {path.parent} is on."
