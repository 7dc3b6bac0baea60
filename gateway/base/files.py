"""Steps that durable writes end with."""

from __future__ import annotations

import os
from pathlib import Path


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte of `data`; the system may take fewer at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def fsync_folder(folder: Path) -> None:
    """Make names that appeared in or left `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at `path`, whole or not at all, with the rights that it has."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        write_all(file.fileno(), data)
        os.fsync(file.fileno())
    unfinished.replace(path)
    fsync_folder(path.parent)
