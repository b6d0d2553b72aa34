"""Arguments that are not what they should be, said before anything is computed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import torch

from nudge_core.errors import InputError

ENDINGS = frozenset((".csv", ".html", ".json", ".jsonl", ".npy", ".npz", ".parquet", ".safetensors", ".tsv"))
"""Those of formats that this project reads or writes."""


def expect(value: object, kind: type, name: str, remedy: str, called: str | None = None) -> None:
    """Refuse a value of another kind, which is `called` so where users know it by another name."""
    if not isinstance(value, kind):
        received = f"the class {value.__name__} itself" if isinstance(value, type) else f"a {type(value).__name__}"
        raise InputError(f"{name} is {received}; expected a {called or kind.__name__}: {remedy}")


def yes_or_no(**given: object) -> None:
    """Refuse what is neither True nor False: any text counts as true, also "no"."""
    for name, value in given.items():
        if not isinstance(value, bool | np.bool_):
            raise InputError(f"{name} is {value!r}; expected True or False")


def whole_number(value: object, name: str, least: int = 1) -> None:
    """Refuse what is no whole number from `least` up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}; expected a whole number from {least} up")


def pick_device(device: str | torch.device | None) -> torch.device:
    """The device asked for; without one CUDA if present, else the CPU."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(
            f'device is {str(device)!r}, which cannot be used ({reason}): expected "cpu", "cuda" or "mps"'
        ) from error


def as_path(given: object, name: str = "the path") -> Path:
    """A path that somebody gave, as a text or a path."""
    if not isinstance(given, str | os.PathLike):
        raise InputError(
            f"{name} is a {type(given).__name__}; expected a text or a Path that says where it is or shall be"
        )
    return Path(given)


def writable(path: str | Path, ending: str = "") -> Path:
    """A file that can be written: in a folder that exists and takes files; if it is there already, a plain file.

    Where the usual `ending` is told, a name that ends as those of another format do is refused.
    """
    target = as_path(path)
    if ending and target.suffix.lower() in ENDINGS.difference([ending]):
        raise InputError(
            f"cannot write {str(target)!r}: what is written is of the format {ending}; give a name that ends so, such as "
            f"{target.with_suffix(ending).name!r}"
        )
    if not target.parent.is_dir() or target.is_dir():
        raise InputError(f"cannot write {str(target)!r}: give the name of a file in a folder that exists")
    if target.exists() and not target.is_file():
        raise InputError(f"cannot write {str(target)!r}: it is a device or a pipe; give the name of a file")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise InputError(f"cannot write {str(target)!r} ({error.strerror}): choose another folder") from error
    return target
