"""Files written whole, and safetensors with a header: never pickle."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from nudge_core.arguments import as_path, writable
from nudge_core.errors import FileFormatError, WriteError


def write_file(path: str | Path, arrays: Mapping[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write safetensors to a temporary file beside the target, then rename: a reader sees the old file or the new one."""
    with replacing(writable(path, ".safetensors")) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # save_file lets nobody else read what it writes
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary, metadata)
        temporary.chmod(mode)


def read_file(path: str | Path, kind: str, version: str, writer: str) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Read the header and the arrays of a file that `write_file` wrote."""
    source = as_path(path)
    if not source.is_file():
        raise FileFormatError(f"there is no file {str(source)!r}: give the file that {writer} wrote")
    try:
        with safe_open(source, framework="numpy") as file:
            metadata = file.metadata() or {}
            found, of_version = metadata.get("format", "no format of ours"), metadata.get("version")
            if found != kind:
                raise FileFormatError(
                    f"{str(source)!r} is a safetensors file, but not one of fine-tuned documents: it is of {found}, version {of_version}; expected "
                    f"{kind}, version {version}: give one that {writer} wrote"
                )
            if of_version != version:
                raise FileFormatError(
                    f"{str(source)!r} is of version {of_version}; this program reads version {version}: write it again, or upgrade nudge-integrations"
                )
            return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # a file, not a dict
    except (SafetensorError, OSError, TypeError) as error:
        raise FileFormatError(
            f"{str(source)!r} cannot be read as safetensors ({error}): it is truncated or of another format"
        ) from error


@contextmanager
def replacing(path: str | Path, *, folder: bool = False) -> Iterator[Path]:
    """A temporary file or folder beside the target, which takes its place when all went well; else nothing of it is left."""
    target = as_path(path)
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
