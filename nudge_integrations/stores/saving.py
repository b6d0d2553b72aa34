"""Saving to a folder so that a process which is killed, or a disk that is full, leaves what was saved before: FAISS's `save_local` does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from nudge_core.arguments import as_path
from nudge_core.errors import InputError, WriteError


def save_folder(save: Callable[[str], object], folder: str | Path) -> str:
    """Let a store save itself into a new folder, and put that in the place of the one before.

    `save_folder(store.inner.save_local, "index")` for LangChain's FAISS, `save_folder(index.storage_context.persist, "index")` for an index of
    LlamaIndex. Load it by `saved_folder("index")`.

    Args:
        save: Called with the path of a folder that is not there yet.
        folder: Where it is to be; what it held is deleted in the end.

    Returns:
        The folder.

    Raises:
        InputError: What is to be called is no function, or the folder is no path.
        WriteError: It could not be saved; what was saved before is still there.
    """
    given: object = save
    if not callable(given):
        what = "the result of a call" if given is None else f"a {type(given).__name__}"
        raise InputError(
            f"save is {what}; expected the function that saves, without brackets, and then the folder: "
            'save_folder(store.inner.save_local, "index")'
        )
    place = Path(saved_folder(folder))
    new, before = _beside(place)
    try:
        shutil.rmtree(new, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        save(str(new))
        for path in [*new.rglob("*"), new]:
            _to_disk(path)
        if place.exists():
            place.rename(before)
        new.rename(place)
        _to_disk(place.parent)
    except Exception as error:
        saved_folder(place)
        shutil.rmtree(new, ignore_errors=True)
        raise WriteError(
            f"nothing was saved to {str(place)!r} ({type(error).__name__}: {error}); what it held before is there: free some space, or choose "
            "another folder"
        ) from error
    shutil.rmtree(before, ignore_errors=True)
    return str(place)


def saved_folder(folder: str | Path) -> str:
    """The folder that `save_folder` saved, for the store to load; put back where it was killed between two renames."""
    place = as_path(folder, "folder")
    before = _beside(place)[1]
    if before.exists():
        if place.exists():
            shutil.rmtree(before, ignore_errors=True)
        else:
            before.rename(place)
    return str(place)


def _beside(place: Path) -> tuple[Path, Path]:
    return place.with_name(f".{place.name}.new"), place.with_name(f".{place.name}.before")


def _to_disk(path: Path) -> None:
    """Wait until the disk has it; folders only where the system can."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
