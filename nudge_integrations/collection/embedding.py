"""The vectors of questions: each text embedded once, as it will be at search time, and kept in the journal by model and text."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core import QuerySet
from nudge_core.apply import Journal, Survey
from nudge_core.apply.memory import alike, cache, cached, model_number
from nudge_core.clock import progress_bar
from nudge_core.data.vectors import check_finite
from nudge_core.errors import EmbeddingError, InputError, NudgeError, counted, first_few
from nudge_integrations.collection.asking import FewerError, RefusedTextsError, Requests
from nudge_integrations.collection.refusals import final, limits_rate
from nudge_integrations.labels import Questions

PROBE = "Which of these texts answers the question?"
_log = logging.getLogger(__name__)


class Embedder(Protocol):
    """What embeds questions at search time.

    Attributes:
        requests: How it is asked.
    """

    requests: Requests

    @property
    def name(self) -> str:
        """Its class and model, as far as it says."""

    def query(self, text: str) -> Sequence[float]:
        """The vector of one question."""

    def texts(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of many texts, as documents."""


def query_set(
    questions: Questions, embedder: Embedder | None, journal: Journal | None, dim: int, *, progress: bool = True
) -> tuple[QuerySet, int | None]:
    """The embedded questions, named by their texts, those without a relevant document left out; and the number of the embedding model."""
    vectors, model = questions.vectors, None
    if vectors is None:
        if embedder is None:
            raise InputError(
                "the store has no embedding to embed questions with: give it one, or questions as QuerySet(vectors, relevant)"
            )
        vectors, model = embed_questions(embedder, questions.texts or (), journal, dim, progress=progress)
    names = np.asarray(questions.texts or range(len(questions.relevant)), dtype=object)
    return QuerySet(vectors, questions.relevant, ids=names, texts=questions.texts, on_empty="skip"), model


def embed_questions(
    embedder: Embedder, texts: Sequence[str], journal: Journal | None, dim: int, *, progress: bool = True
) -> tuple[NDArray[np.float32], int | None]:
    """Embed questions, and keep their vectors when they come: in the journal, or in memory where there is none.

    Where questions and documents are embedded alike they go in batches; else one by one, several at a time.

    Returns:
        (queries, dim) float32 of unit length, and the number of the model in the journal, if there is one.

    Raises:
        EmbeddingError: The model failed, and waiting or smaller batches did not help.
    """
    requests, distinct = embedder.requests, list(dict.fromkeys(texts))
    with progress_bar(len(distinct), "embedding", progress, unit=" questions", unit_scale=False) as bar:

        def told(what: str) -> None:
            bar.set_postfix_str(what[:60])
            done = sum(text in kept.vectors for text in distinct)
            _log.warning("%s: %d of %d questions are embedded: %s", embedder.name, done, len(distinct), what)

        kept = _Kept(embedder.name, journal, requests.memory)
        try:
            (probe,) = _matrix(embedder, [requests.one(lambda: embedder.query(PROBE), told)], 1)
            if probe.shape != (dim,):
                raise InputError(
                    f"{embedder.name} embeds questions in {probe.size} dimensions, the documents of the store have {dim}: give the store the "
                    "embedding that its documents were made with"
                )
            model = kept.find(probe, distinct)
            new = sorted(
                (text for text in distinct if text not in kept.vectors), key=len
            )  # a batch takes what its longest text takes
            bar.update(len(distinct) - len(new))

            def keep(part: list[str], vectors: NDArray[np.float32]) -> None:
                kept.add(part, vectors)
                bar.update(len(part))

            if new:
                documents = requests.one(lambda: embedder.texts([PROBE]), told)
                as_documents = np.allclose(_matrix(embedder, documents, 1, dim)[0], probe, rtol=1e-3, atol=1e-4)

                def ask(part: list[str]) -> NDArray[np.float32]:
                    vectors = embedder.texts(part) if as_documents else [embedder.query(text) for text in part]
                    return _checked(_matrix(embedder, vectors, len(part), dim), part)

                requests.all(new, ask, keep, told, alone=not as_documents)
        except BaseException as error:
            kept.save(requests.rescue)
            if isinstance(error, NudgeError) or not isinstance(error, Exception):
                raise
            raise _failed(embedder.name, error, kept, distinct) from (error.__cause__ or error)
        kept.flush()
    matrix = np.stack([kept.vectors[text] for text in texts])
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True), model


def probe_of(embedder: Embedder) -> NDArray[np.float32]:
    """(dim,) the vector of a fixed text, by which an embedding model is known again."""
    (probe,) = _matrix(embedder, [embedder.requests.one(lambda: embedder.query(PROBE), _log.warning)], 1)
    return np.asarray(probe, np.float32)


class _Kept:
    """The vectors of questions, (dim,) each by text, and where they are kept. A journal is written to once a second at most, and at the end."""

    def __init__(self, name: str, journal: Journal | None, memory: dict[str, NDArray[np.float32]]) -> None:
        self.name, self.journal, self.vectors = name, journal, memory
        self._model: int | None = None
        self._new: dict[str, NDArray[np.float32]] = {}
        self._written = time.monotonic()

    def find(self, probe: NDArray[np.float32], texts: Sequence[str]) -> int | None:
        """Look up what this model embedded before; the number of the model in the journal."""
        before = self.vectors.get(PROBE)
        if before is None or before.shape != probe.shape or not np.allclose(before, probe, rtol=1e-3, atol=1e-4):
            self.vectors.clear()
            self.vectors[PROBE] = probe
        if self.journal is None:
            return None
        self._model = model_number(self.journal, self.name, probe)
        known = cached(self.journal, self._model, texts)
        self._new = {text: self.vectors[text] for text in texts if text in self.vectors and text not in known}
        self.vectors = {**self._new, **known}
        return self._model

    def add(self, texts: list[str], vectors: NDArray[np.float32]) -> None:
        """Keep these."""
        new = dict(zip(texts, vectors, strict=True))
        self.vectors |= new
        self._new |= new
        if time.monotonic() > self._written + 1:
            self.flush()

    def flush(self) -> None:
        """Write what came since the last time."""
        new, self._new, self._written = self._new, {}, time.monotonic()
        if new and self.journal is not None and self._model is not None:
            cache(self.journal, self._model, list(new), np.stack(list(new.values())))

    def save(self, rescue: Callable[[], Journal | None] | None) -> None:
        """Write what came, into a journal that is made for it where there is none."""
        texts = [text for text in self.vectors if text != PROBE]
        if self.journal is None and rescue is not None and texts and (journal := rescue()) is not None:
            self.journal, self._model = journal, model_number(journal, self.name, self.vectors[PROBE])
            self._new = {text: self.vectors[text] for text in texts}
        self.flush()

    def __str__(self) -> str:
        return "in memory" if self.journal is None else f"in the journal {str(self.journal.path)!r}"


def _failed(name: str, error: Exception, kept: _Kept, texts: Sequence[str]) -> EmbeddingError:
    """What is said where the model does not go on: how many questions are embedded, and what the next call does."""
    done = sum(text in kept.vectors for text in texts)
    said = " ".join(str(error).split())[:300]
    so_far = f"{done:,} of {len(texts):,} questions are embedded" + (f" and kept {kept}" if done else "")
    if isinstance(error, RefusedTextsError):
        what = counted(len(error.texts), "question", "questions")
        return EmbeddingError(
            f"{name} refuses {what} also alone, {first_few(error.texts, 3)} ({said}): correct or leave out what it refuses, and make the same call "
            f"again; {so_far}, nothing was written to the store"
        )
    if limits_rate(error):
        remedy = "ask less at a time with batch_size= or concurrency=, or wait longer with patience=; the same call goes on there"
    elif final(error):
        remedy = "correct the key, the name or the address of the model; the same call goes on there"
    else:
        remedy = "look at the model; the same call goes on there"
    return EmbeddingError(
        f"{name} failed ({type(error).__name__}: {said}): {so_far}, nothing was written to the store: {remedy}"
    )


def _checked(vectors: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float32]:
    """Refuse NaN, infinity and zeros as the model's own fault, so that the texts beside that one are kept."""
    try:
        check_finite(torch.from_numpy(vectors), np.asarray(texts, dtype=object), "question")
    except InputError as error:
        raise ValueError(str(error)) from error
    return vectors


def _matrix(embedder: Embedder, vectors: Any, count: int, dim: int | None = None) -> NDArray[np.float32]:
    """(count, dim) what an embedding object gave."""
    expected = f"{counted(count, 'list', 'lists')} of {'' if dim is None else f'{dim} '}numbers"
    try:
        matrix = np.asarray(vectors)
        if matrix.dtype.kind == "c":
            raise TypeError("they are complex numbers")
        matrix = matrix.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{embedder.name} did not return vectors ({error}); expected {expected}: look at its embed_query and embed_documents"
        ) from error
    if matrix.ndim == 2 and len(matrix) == count and dim in (None, matrix.shape[1]):
        return matrix
    wrong = (
        f"{embedder.name} gave vectors of shape {matrix.shape} for {counted(count, 'text', 'texts')}; expected {expected}: look at its "
        "embed_query and embed_documents"
    )
    if not matrix.size or (matrix.ndim == 2 and len(matrix) < count and dim == matrix.shape[1]):
        raise FewerError(wrong, len(matrix) if matrix.ndim else 0)
    raise InputError(wrong)


def check_model(journal: Journal, found: Survey, model: int | None) -> None:
    """Refuse questions that another model embeds than those of the run whose vectors stand."""
    last = next((run for run in reversed(journal.runs()) if run.kind == "nudge" and run.state == "done"), None)
    before = None if last is None else last.settings.get("model")
    if model is None or not found.originals or last is None or before is None or alike(journal, before, model):
        return
    raise InputError(
        f"questions are embedded by another model than in run {last.number}, whose vectors stand in the store: give the store the embedding of then, "
        "or restore(), embed every document again, and nudge anew"
    )
