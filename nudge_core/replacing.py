"""Write a file whole: a reader sees the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nudge_core.arguments import writable


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside the target, which takes its place when all went well.

    Raises:
        InputError: The target cannot be written; the message says why.
    """
    target = writable(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
