"""What a journal keeps beside runs: what people said of single answers, questions learned from, and their vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.file import LATER
from nudge_core.apply.journal import Journal
from nudge_core.data.queries import normal
from nudge_core.errors import InputError


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
        "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?)",
        [(question, document, int(good), now) for document, good in judgements.items()],
    )


def keep_learned(journal: Journal, questions: Iterable[str], documents: Iterable[str]) -> None:
    """Note from which questions, and about which documents, the vectors that stand have learned."""
    with journal.transaction() as connection:
        for table, values in (("learned", map(_digest, questions)), ("learned_about", documents)):
            connection.execute(LATER[table])
            connection.execute(f"DELETE FROM {table}")  # noqa: S608  # one of the two above
            connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?)", ((value,) for value in values))  # noqa: S608


def documents_learned_from(journal: Journal, moved: Iterable[str]) -> list[str]:
    """Those of the documents that stand moved which labels were about: a map moves all others too."""
    if not journal.rows("SELECT 1 FROM sqlite_master WHERE name = 'learned_about'"):
        return list(moved)
    known = {document for (document,) in journal.rows("SELECT document FROM learned_about")}
    return [name for name in moved if name in known]


def learned_from(journal: Journal, questions: Iterable[str]) -> list[str]:
    """Those of the questions that the vectors which stand have learned from."""
    if not journal.rows("SELECT 1 FROM sqlite_master WHERE name = 'learned'"):
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
    journal.execute("INSERT OR REPLACE INTO questions VALUES (?, ?, ?)", values)


def _same(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return a.shape == b.shape and float(np.abs(a - b).max()) < 1e-3 * float(np.abs(b).max())


def remove_feedback(journal: Journal | None, question: str) -> None:
    """Forget what was said of the answers to a question."""
    if journal is None or question not in feedback(journal):
        raise InputError(f"no feedback on the question {question!r} is kept: labels() lists those that are")
    journal.execute("DELETE FROM feedback WHERE question = ?", [(question,)])
