"""Notes of journals that were chosen for stores in memory: a small file each, by which who does not name the journal finds it.

Such a store has no name, and is known by what it holds. A note says where its journal is, and of some documents what the last run left, by which the
store is known also where that file is gone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

import numpy as np

from nudge_core.apply import Journal
from nudge_core.apply.belonging import SAMPLE
from nudge_core.apply.journal import hash_of
from nudge_core.errors import JournalError
from nudge_integrations.stores import StoreAdapter

SUFFIX = ".place"
_GONE = 200
"""Notes of files that are gone; of more than these the oldest go too."""
_MOVED = "SELECT id, current FROM documents WHERE original <> ? AND current <> original ORDER BY random() LIMIT ?"


@dataclass(frozen=True)
class Note:
    """What is noted of a journal.

    Attributes:
        path: The file.
        id: The id of the journal.
        dim: Dimension of the vectors.
        dtype: Their number type, as numpy writes it.
        moved: {id: hash of what it holds} of some documents that stand moved.
    """

    path: str
    id: str
    dim: int
    dtype: str
    moved: dict[str, str]

    @property
    def there(self) -> bool:
        """Whether the file is there."""
        return os.path.isfile(self.path)  # noqa: PTH113  # false, too, where one may not look

    def tells(self, adapter: StoreAdapter) -> bool:
        """Whether a collection holds what a run left."""
        if (self.dim, self.dtype) != (adapter.dim, adapter.dtype.str) or not self.moved:
            return False
        held = adapter.fetch(list(self.moved))
        return any(hash_of(np.asarray(vector)).hex() == self.moved[name] for name, vector in held.items())


def note(folder: Path, begins: str, adapter: StoreAdapter, journal: Journal, *, anew: bool = True) -> None:
    """Note where a journal is, and what its last run left.

    Args:
        folder: The folder of notes; where none can be made nothing is noted.
        begins: How the names of notes of this kind of store begin.
        adapter: The collection.
        journal: Its journal, a file.
        anew: Whether an older note of that file is replaced.
    """
    file = folder / f"{begins}{blake2b(str(journal.path).encode(), digest_size=8).hexdigest()}{SUFFIX}"
    draft = file.with_name(f"{file.name}.{uuid4().hex}.new")
    with suppress(OSError, JournalError):
        if file.exists() and not anew:
            return
        moved = {name: held.hex() for name, held in journal.rows(_MOVED, (b"", SAMPLE))}
        told = Note(str(journal.path), journal.id, adapter.dim, adapter.dtype.str, moved)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(asdict(told)), encoding="utf-8")
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
        _tidy(folder, begins, told)


def noted(folder: Path, begins: str) -> list[Path]:
    """The files that are noted for this kind of store, and there."""
    return [Path(one.path) for _, one in _all(folder, begins) if one.there]


def missed(folder: Path, begins: str, adapter: StoreAdapter) -> Path | None:
    """The journal of a collection that stands moved, where its file is gone."""
    return next((Path(one.path) for _, one in _all(folder, begins) if not one.there and one.tells(adapter)), None)


def let_go(folder: Path, begins: str, adapter: StoreAdapter) -> None:
    """Forget the journals of a collection whose files are gone."""
    for file, one in _all(folder, begins):
        if not one.there and one.tells(adapter):
            with suppress(OSError):
                file.unlink()


def _all(folder: Path, begins: str) -> Iterator[tuple[Path, Note]]:
    for file in folder.glob(f"{begins}*{SUFFIX}"):
        with suppress(OSError, ValueError, TypeError):
            found = Note(**json.loads(file.read_text(encoding="utf-8")))
            if isinstance(found.path, str) and isinstance(found.moved, dict):
                yield file, found


def _tidy(folder: Path, begins: str, last: Note) -> None:
    """Drop the notes of where this journal was before, and the oldest of what is gone."""
    gone = [(file.stat().st_mtime, file, one.id) for file, one in _all(folder, begins) if not one.there]
    gone.sort(key=lambda one: -one[0])
    for place, (_, file, name) in enumerate(gone):
        if name == last.id or place >= _GONE:
            file.unlink(missing_ok=True)
