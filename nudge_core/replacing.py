"""Write a file, or a folder of files, whole: a reader sees the old one or the new one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nudge_core.arguments import writable
from nudge_core.errors import WriteError


@contextmanager
def replacing(path: str | Path, *, folder: bool = False) -> Iterator[Path]:
    """A temporary file or folder beside the target, which takes its place when all went well; else nothing of it is left.

    Args:
        path: The target.
        folder: Whether it is a folder; one that is there must be empty.

    Raises:
        InputError: The target cannot be written; the message says why.
        WriteError: Writing failed, for want of room say.
    """
    target = Path(path)
    if folder and target.is_dir():
        target.rmdir()
    target = writable(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if folder:
            temporary.mkdir()
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if isinstance(error, WriteError) or error.errno is None:
            raise
        raise WriteError(
            f"{str(target)!r} could not be written ({error}); nothing of it is left: free some space, or choose another folder"
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)
