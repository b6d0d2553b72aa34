"""What a journal keeps beside runs: feedback on answers, questions with their vectors, what was trained on, and the map of a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.apply.equality import near
from nudge_core.apply.file import LATER
from nudge_core.apply.journal import Change, Journal, hash_of
from nudge_core.apply.records import Target
from nudge_core.apply.running import CHUNK
from nudge_core.data.queries import normal
from nudge_core.data.vectors import mapped
from nudge_core.errors import InputError, LockedError, StoreError, counted


def feedback(journal: Journal) -> dict[str, dict[str, bool]]:
    """{question: {document id: whether it answers}}."""
    found: dict[str, dict[str, bool]] = {}
    rows = journal.rows("SELECT question, document, relevant FROM feedback ORDER BY given, question, document")
    for question, document, relevant in rows:
        found.setdefault(question, {})[document] = bool(relevant)
    return found


def add_feedback(journal: Journal, question: str, judgements: Mapping[str, bool]) -> None:
    """Keep what somebody said of the answers to a question; a later word goes before an earlier one."""
    now = datetime.now(timezone.utc).isoformat()
    journal.execute(
        "INSERT INTO feedback VALUES (?, ?, ?, ?) ON CONFLICT (question, document) "
        "DO UPDATE SET relevant = excluded.relevant, given = excluded.given",
        [(question, document, int(good), now) for document, good in judgements.items()],
    )


def keep_learned(journal: Journal, questions: Iterable[str], documents: Iterable[str]) -> None:
    """Note from which questions, and about which documents, the vectors that stand have learned."""
    with journal.transaction() as connection:
        for table, values in (("learned", map(_digest, questions)), ("learned_about", documents)):
            connection.execute(LATER[table])
            connection.execute(f"DELETE FROM {table}")  # noqa: S608  # one of the two above
            insert = f"INSERT INTO {table} VALUES (?) ON CONFLICT DO NOTHING"  # noqa: S608
            connection.executemany(insert, ((value,) for value in values))


def documents_learned_from(journal: Journal, moved: Iterable[str]) -> list[str]:
    """Those of the documents that stand moved which labels were about: a map moves all others too."""
    if not journal.has("learned_about"):
        return list(moved)
    known = {document for (document,) in journal.rows("SELECT document FROM learned_about")}
    return [name for name in moved if name in known]


def learned_from(journal: Journal, questions: Iterable[str]) -> list[str]:
    """Those of the questions that the vectors which stand have learned from."""
    if not journal.has("learned"):
        return []
    known = {digest for (digest,) in journal.rows("SELECT question FROM learned")}
    return [text for text in questions if _digest(text) in known]


def _digest(question: str) -> bytes:
    return blake2b(normal(question).encode(), digest_size=8).digest()


def model_number(journal: Journal, name: str, probe: NDArray[np.float32]) -> int:
    """The number of an embedding model, which is known by what it says of itself and by its (dim,) vector of a fixed text."""
    rows = journal.rows("SELECT number, probe FROM models WHERE name = ?", (name,))
    for number, held in rows:
        if _same(np.frombuffer(held, np.float32), probe):
            return int(number)
    last = journal.rows("SELECT coalesce(max(number), 0) FROM models")[0][0]
    journal.execute("INSERT INTO models VALUES (?, ?, ?)", [(last + 1, name, probe.astype(np.float32).tobytes())])
    return int(last) + 1


def alike(journal: Journal, one: int, other: int) -> bool:
    """Whether two models are the same one in two frameworks, whose classes differ in name: of one model name, and alike in what they embed."""
    rows = journal.rows("SELECT name, probe FROM models WHERE number IN (?, ?)", (one, other))
    models = [(name.partition("(")[2], np.frombuffer(probe, np.float32)) for name, probe in rows]
    return all(name == models[0][0] and _same(probe, models[0][1]) for name, probe in models)


def cached(journal: Journal, model: int, texts: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """The vectors, (dim,) each, of those of the texts that this model embedded before."""
    query = "SELECT text, vector FROM questions WHERE model = ? AND text IN ({})"
    rows = journal.rows_of(query, list(dict.fromkeys(texts)), before=(model,))
    return {text: np.frombuffer(value, np.float32) for text, value in rows}


def cache(journal: Journal, model: int, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Keep the vectors of questions."""
    values = [(model, text, vector.tobytes()) for text, vector in zip(texts, vectors.astype(np.float32), strict=True)]
    journal.execute(
        "INSERT INTO questions VALUES (?, ?, ?) ON CONFLICT (model, text) DO UPDATE SET vector = excluded.vector",
        values,
    )


def _same(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return a.shape == b.shape and float(np.abs(a - b).max()) < 1e-3 * float(np.abs(b).max())


def remove_feedback(journal: Journal | None, question: str) -> None:
    """Forget what was said of the answers to a question."""
    if journal is None or question not in feedback(journal):
        raise InputError(f"no feedback on the question {question!r} is kept: labels() lists those that are")
    journal.execute("DELETE FROM feedback WHERE question = ?", [(question,)])


_log = logging.getLogger(__name__)
_WITNESSES = 32
"""Documents that show whether a run stands in a store."""


def keep_map(journal: Journal, matrix: NDArray[np.float32]) -> str:
    """Keep a map, (dim, dim), and give the name by which the settings of a run speak of it."""
    name = hash_of(matrix).hex()
    with journal.transaction() as connection:
        connection.execute(LATER["maps"])
        connection.execute(
            "INSERT INTO maps VALUES (?, ?) ON CONFLICT DO NOTHING", (name, np.ascontiguousarray(matrix).tobytes())
        )
    return name


def current_map(journal: Journal) -> tuple[int, str] | None:
    """The run that left the store as it is, and the name of the map that its documents went through; None where there was no map.

    While a run is under way, or interrupted, there is none.
    """
    runs = journal.rows("SELECT number, state FROM runs WHERE state <> 'undone' ORDER BY number DESC LIMIT 1")
    if not runs or runs[0][1] != "done":
        return None
    name = map_of(journal, runs[0][0])
    return None if name is None else (runs[0][0], name)


def map_of(journal: Journal, run: int | None) -> str | None:
    """The name of the map of a run, or of the run to which it restored; None where there is none."""
    return _made_with(journal, run).get("map")


def _made_with(journal: Journal, run: int | None) -> dict[str, Any]:
    """The settings of a run, or of the run to which it restored, that name a map; {} where there is none."""
    while run is not None:
        found = journal.rows("SELECT settings FROM runs WHERE number = ?", (run,))
        run_settings: dict[str, Any] = json.loads(found[0][0]) if found else {}
        if run_settings.get("map") is not None:
            return run_settings
        earlier = run_settings.get("to")
        run = earlier if isinstance(earlier, int) and earlier < run else None
    return {}


def map_added(target: Target, journal: Journal, ids: Sequence[str], model: int | None = None) -> int:
    """Apply the current map to newly added documents; return how many were changed.

    What they held becomes their original in the journal, before anything is written, so that `restore` brings it back. They stay as they are, with a
    warning, where another process writes to the collection, where another model embedded them than those that the map was made for, and where the
    store does not hold what the run of the map wrote: as after it was emptied, or put back to an older day.

    Args:
        target: The collection.
        journal: Its journal.
        ids: The documents.
        model: The number of the model that embedded them; None where the journal knows none.
    """
    if current_map(journal) is None:
        return 0
    try:
        with journal.lock("add"):
            found = current_map(journal)
            if found is None:
                return 0
            number, name = found
            if reason := _no_map_for(target, journal, number, ids, model):
                _say_unmapped(len(ids), reason)
                return 0
            value = journal.rows("SELECT value FROM maps WHERE name = ?", (name,))[0][0]
            matrix = np.frombuffer(value, np.float32).reshape(target.dim, target.dim)
            size = target.batch or CHUNK
            parts = (ids[start : start + size] for start in range(0, len(ids), size))
            return sum(_map_added(target, journal, number, matrix, part) for part in parts)
    except LockedError as error:
        _say_unmapped(len(ids), f"nudge again ({error})")
        return 0


def warn_of_unmapped(journal: Journal, count: int) -> None:
    """Say it where a store of `count` documents holds more than went through the map that stands."""
    found = current_map(journal)
    if found is not None:
        left = count - int(journal.rows("SELECT count(*) FROM changes WHERE run = ?", (found[0],))[0][0])
        if left > 0:
            _log.warning(
                "%s not go through the map of run %d, which the others went through: add them by a NudgeVectorStore or call "
                "map_inserted(index, ids), or nudge again",
                counted(left, "document did", "documents did"),
                found[0],
            )


def _say_unmapped(count: int, reason: str) -> None:
    added = counted(count, "document was added", "documents were added")
    _log.warning("%s and did not go through the map that the others went through: %s", added, reason)


def _no_map_for(target: Target, journal: Journal, run: int, ids: Sequence[str], model: int | None) -> str:
    """Why the map of a run is not for these documents, and what to do; "" where it is."""
    before = _made_with(journal, run)
    of = before.get("embedded_by", before.get("model"))
    if of is None and model is not None:
        return f"run {run} does not say which model embedded its documents: nudge again"
    if of is not None and (model is None or not alike(journal, of, model)):
        return (
            f"they are embedded by another model than those of run {run}: give the store the embedding of then; or restore(), embed every document "
            "again, and nudge anew"
        )
    witnesses = journal.rows(
        "SELECT id, new FROM changes WHERE run = ? AND new <> original ORDER BY random() LIMIT ?",
        (run, _WITNESSES + len(ids)),
    )
    added = set(ids)
    wrote = dict([(name, new) for name, new in witnesses if name not in added][:_WITNESSES])
    held = target.fetch(list(wrote))
    vectors = journal.vectors(wrote[name] for name in held)
    as_written = sum(near(vector, vectors[wrote[name]], target.rounding) for name, vector in held.items())
    if 2 * as_written <= len(held):
        return (
            f"the store does not hold what run {run} wrote, but other vectors or none of these documents: nudge again"
        )
    return ""


def _map_added(target: Target, journal: Journal, run: int, matrix: NDArray[np.float32], ids: Sequence[str]) -> int:
    held = target.fetch(ids)
    lengths = {name: float(np.linalg.norm(vector.astype(np.float32))) for name, vector in held.items()}
    names = [
        name
        for name, vector in held.items()
        if 0 < lengths[name] < np.inf and journal.hash(vector) not in {new for _, new in journal.written(name)}
    ]  # without those that a run wrote meanwhile
    if not names:
        return 0
    old = np.stack([held[name] for name in names])
    moved = mapped(torch.from_numpy(old.astype(np.float32)), torch.from_numpy(matrix.copy()))
    new = moved.numpy().astype(target.dtype)
    before, after = ([journal.hash(vector) for vector in vectors] for vectors in (old, new))
    changes = [Change(name, a, a, b) for name, a, b in zip(names, before, after, strict=True)]
    journal.amend(run, changes, dict(zip([*before, *after], [*old, *new], strict=True)))
    try:
        target.replace(dict(zip(names, old, strict=True)), new)
        written = target.fetch(names)
    except Exception as error:
        raise StoreError(
            f"the {target.kind} store failed ({type(error).__name__}: {error}) after {len(names)} documents were added: they are there, but did not "
            "all go through the map that the others went through. When the store is back, add them again, or nudge again"
        ) from error
    journal.note({name: journal.hash(vector) for name, vector in written.items()})
    return len(written)
