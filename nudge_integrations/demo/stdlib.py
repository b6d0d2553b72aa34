"""The corpus of the demo: the documentation of Python's standard library, as found on this machine."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any
from unittest.mock import patch

SKIPPED = {
    "ntpath",
    "posixpath",
    "genericpath",
    "antigravity",
    "this",
    "distutils",
    "idlelib",
    "lib2to3",
    "test",
    "tkinter",
    "turtle",
    "turtledemo",
    "pydoc_data",
    "encodings",
}
"""Modules with a better-known name (os.path), that act when imported, that are gone from later Pythons, or that nobody asks about."""

SHORTEST = 20
"""A docstring of fewer characters says nothing."""

PASSAGE = 1000
"""About how many characters a passage has at most; docstrings are cut between paragraphs."""

LONGEST = 300
"""A signature of more characters, or one that holds addresses in memory, tells a reader nothing."""

_ATTRIBUTES = (property, types.GetSetDescriptorType, types.MemberDescriptorType)


@dataclass(frozen=True)
class Passage:
    """A piece of one docstring. `id` is the qualified name, with #2, #3 … for later pieces."""

    id: str
    text: str


class Documentation:
    """All passages, and which of them document a qualified name."""

    def __init__(self) -> None:
        """Read the docstrings of public functions, classes and methods."""
        self.passages: list[Passage] = []
        self._ids_of: dict[str, list[str]] = {}
        for name, item in _objects():
            text = _docstring(item)
            if len(text) >= SHORTEST and text not in self._ids_of:  # aliases and inherited methods stand once
                pieces = cut(text)
                ids = [name if i == 0 else f"{name}#{i + 1}" for i in range(len(pieces))]
                head = name + _signature(item)
                self.passages += [Passage(i, f"{head}\n{piece}") for i, piece in zip(ids, pieces, strict=True)]
                self._ids_of[text] = ids

    def find(self, name: str) -> list[str]:
        """The ids of the passages that document a name; none where this Python lacks it."""
        try:
            item = resolve(name)
        except (ImportError, AttributeError):
            return []
        return self._ids_of.get(_docstring(item), [])


def resolve(name: str) -> Any:
    """The object of a qualified name such as "pathlib.Path.read_text"."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            item: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            item = getattr(item, part)
        return item
    raise ImportError(f"no module in {name!r}")


def cut(text: str, size: int = PASSAGE) -> list[str]:
    """Pieces of about `size` characters, cut between paragraphs, else between lines."""
    pieces: list[str] = []
    for paragraph in text.split("\n\n"):
        lines = [paragraph] if len(paragraph) <= size else paragraph.split("\n")
        for i, line in enumerate(lines):
            if pieces and len(pieces[-1]) + len(line) <= size:
                pieces[-1] += ("\n\n" if i == 0 else "\n") + line
            else:
                pieces.append(line)
    return pieces


def _objects() -> Iterator[tuple[str, Any]]:
    hooks = patch.multiple(sys, excepthook=sys.__excepthook__, displayhook=sys.__displayhook__)  # whatever runs this
    with hooks, warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        modules = list(_modules())
        for module_name, module in modules:
            for name in _public(module):
                item = getattr(module, name, None)
                if inspect.isclass(item) or inspect.isroutine(item):
                    yield f"{module_name}.{name}", item
                if inspect.isclass(item):
                    yield from _members(f"{module_name}.{name}", item)


def _modules() -> Iterator[tuple[str, types.ModuleType]]:
    names = sorted(name for name in sys.stdlib_module_names if not name.startswith("_") and name not in SKIPPED)
    while names:
        name = names.pop(0)
        try:
            module = importlib.import_module(name)
        except Exception:  # noqa: BLE001, S112  # a module of another platform may fail in any way
            continue
        yield name, module
        if name == "os":
            yield "os.path", module.path
        children = pkgutil.iter_modules(getattr(module, "__path__", ()))
        names += [f"{name}.{child.name}" for child in children if not child.name.startswith("_")]


def _public(module: types.ModuleType) -> list[str]:
    own = {name for name, item in vars(module).items() if _home(item) == module.__name__}
    return sorted(name for name in own | set(getattr(module, "__all__", ())) if not name.startswith("_"))


def _home(item: Any) -> str:
    """The module that an object says it is from; _bisect, the part in C, counts as bisect."""
    return str(getattr(item, "__module__", None) or "").removeprefix("_")


def _members(class_name: str, owner: type) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(owner)):
        if name.startswith("_"):
            continue
        home = next((base for base in owner.__mro__ if name in vars(base)), None)
        if home is None or (home is not owner and not _private(home)):
            continue  # documented where it is defined
        item = inspect.getattr_static(owner, name)
        if isinstance(item, staticmethod | classmethod):
            item = item.__func__
        if inspect.isroutine(item) or isinstance(item, _ATTRIBUTES):
            yield f"{class_name}.{name}", item


def _private(owner: type) -> bool:
    return any(part.startswith("_") for part in (owner.__name__, *owner.__module__.split(".")))


def _docstring(item: Any) -> str:
    text = getattr(item, "__doc__", None)
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def _signature(item: Any) -> str:
    try:
        text = str(inspect.signature(item)) if callable(item) else ""
    except Exception:  # noqa: BLE001  # inspect evaluates texts of C functions, which may fail in any way
        return ""
    return text if len(text) <= LONGEST and " at 0x" not in text else "(…)"
