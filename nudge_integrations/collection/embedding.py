"""The vectors of questions: each text embedded once, as it will be at search time, and kept in the journal by model and text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core import QuerySet
from nudge_core.apply import Journal, Survey
from nudge_core.apply.memory import alike, cache, cached, model_number
from nudge_core.clock import progress_bar
from nudge_core.data.vectors import check_finite
from nudge_core.errors import EmbeddingError, InputError, NudgeError, counted
from nudge_integrations.labels import Questions

PROBE = "Which of these texts answers the question?"
BATCH, THREADS = 1024, 8


class Embedder(Protocol):
    """What embeds questions at search time."""

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
    """Embed questions, and keep their vectors.

    Where questions and documents are embedded alike they go in batches; else one by one, in eight threads.

    Returns:
        (queries, dim) float32 of unit length, and the number of the model in the journal, if there is one.
    """
    probe = probe_of(embedder)
    if probe.shape != (dim,):
        raise InputError(
            f"{embedder.name} embeds questions in {probe.size} dimensions, the documents of the store have {dim}: give the store the embedding "
            "that its documents were made with"
        )
    model = None if journal is None else model_number(journal, embedder.name, probe)
    known = {} if journal is None or model is None else cached(journal, model, texts)
    new = [text for text in dict.fromkeys(texts) if text not in known]
    new.sort(key=len)  # a batch takes what its longest text takes
    with progress_bar(len(new), "embedding", progress, unit=" questions", unit_scale=False) as bar:
        for part, vectors in _embedded(embedder, new, probe):
            checked = torch.from_numpy(vectors)
            check_finite(checked, np.asarray(part, dtype=object), "question")
            if journal is not None and model is not None:
                cache(journal, model, part, vectors)
            known |= dict(zip(part, vectors, strict=True))
            bar.update(len(part))
    matrix = np.stack([known[text] for text in texts])
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True), model


def probe_of(embedder: Embedder) -> NDArray[np.float32]:
    """(dim,) the vector of a fixed text, by which an embedding model is known again."""
    (probe,) = _matrix(embedder, [_asked(embedder, embedder.query, PROBE)], 1)
    return np.asarray(probe, np.float32)


def _embedded(
    embedder: Embedder, texts: Sequence[str], probe: NDArray[np.float32]
) -> Iterator[tuple[Sequence[str], NDArray[np.float32]]]:
    if not texts:
        return
    (as_document,) = _matrix(embedder, _asked(embedder, embedder.texts, [PROBE]), 1, len(probe))
    alike = np.allclose(as_document, probe, rtol=1e-3, atol=1e-4)
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            one_by_one = partial(_asked, embedder, embedder.query)
            vectors = _asked(embedder, embedder.texts, part) if alike else list(threads.map(one_by_one, part))
            yield part, _matrix(embedder, vectors, len(part), len(probe))


def _asked(embedder: Embedder, embed: Callable[[Any], Any], what: Any) -> Any:
    """What it embeds, or an error of ours that tells its own."""
    try:
        return embed(what)
    except NudgeError:
        raise
    except Exception as error:
        raise EmbeddingError(
            f"{embedder.name} failed ({type(error).__name__}: {error}): see that it works, then call this again; questions that it embedded "
            "before are kept"
        ) from error


def _matrix(embedder: Embedder, vectors: Any, count: int, dim: int | None = None) -> NDArray[np.float32]:
    """(count, dim) what an embedding object gave."""
    expected = f"{counted(count, 'list', 'lists')} of {'' if dim is None else f'{dim} '}numbers"
    try:
        matrix = np.asarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{embedder.name} did not return vectors ({error}); expected {expected}: look at its embed_query and embed_documents"
        ) from error
    if matrix.ndim != 2 or len(matrix) != count or dim not in (None, matrix.shape[1]):
        raise InputError(
            f"{embedder.name} gave vectors of shape {matrix.shape} for {counted(count, 'text', 'texts')}; expected {expected}: look at its "
            "embed_query and embed_documents"
        )
    return matrix


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
