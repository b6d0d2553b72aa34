"""The façade: a corpus and labelled questions in, a `Nudge` out. It joins corpus and method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.arguments import expect, pick_device
from nudge_core.clock import Clock
from nudge_core.corpus import Corpus, open_corpus
from nudge_core.corpus.opening import CorpusLike
from nudge_core.distinct import distinct
from nudge_core.errors import InputError
from nudge_core.labels import Labels
from nudge_core.learning.learn import Lesson
from nudge_core.methods.base import Bounded, Choice, Method, Problem
from nudge_core.methods.learned import Learned
from nudge_core.methods.nudge_n import NudgeN
from nudge_core.queries import QuerySet
from nudge_core.result import Nudge
from nudge_core.vectors import check_finite, turned, unit


def finetune(
    corpus: CorpusLike,
    train: QuerySet,
    validation: QuerySet | None = None,
    *,
    method: Method | None = None,
    refit: bool = False,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Nudge:
    """Move the documents toward the questions that they answer. The input is never changed.

    The corpus is read once, in blocks, whatever the number of γ tried; of it only the labelled documents are held. Documents are taken at unit
    length, questions as they are.

    Args:
        corpus: (docs, dim) array, tensor or memory map; a path to `.npy`, a folder of `.npy` shards or Parquet; or a `Corpus`.
        train: Training questions: they say where documents move.
        validation: Validation questions: they say how far (γ). Not needed if the method has one fixed γ.
        method: `NudgeN()` if not given.
        refit: Solve once more on training and validation questions together, with the γ chosen; without validation questions it changes nothing.
        device: Where to compute: "cpu", "cuda", "mps". Without it CUDA if present, else the CPU.
        progress: Whether a pass over the corpus that takes longer than two seconds shows a bar.

    Returns:
        The new vectors of the documents that moved.

    Raises:
        InputError: Empty or missing question sets, dimensions that differ, rows with NaN, infinity or zeros only. With one fixed γ only
            the labelled documents are read.
        UnknownIdError: Labels that name documents that the corpus does not hold.

    Example:
        >>> import numpy as np
        >>> from nudge_core import NudgeN, QuerySet, finetune
        >>> rng = np.random.default_rng(0)
        >>> X, Q = rng.normal(size=(50, 8)), rng.normal(size=(20, 8))
        >>> train, validation = QuerySet(Q, [[i] for i in range(20)]).split(0.5)
        >>> finetune(X, train, validation, method=NudgeN()).method
        'NUDGE-N'
    """
    method = NudgeN() if method is None else method
    expect(method, Method, "method", "for example method=NudgeN()")
    expect(train, QuerySet, "train", "call finetune(corpus, train, validation) with QuerySet(embeddings, relevant)")
    documents = open_corpus(corpus)
    check(documents, train, validation)
    if isinstance(method, Learned):
        if validation is None:
            check_enough(documents, train)
        place = pick_device(device)
        return Lesson(documents, train, validation, method, refit=refit, device=place, progress=progress).nudge()
    if not isinstance(method, Bounded):
        raise InputError(f"{method!r} neither bounds moves by γ nor learns: make it a Bounded or a Learned method")
    if validation is None and method.fixed_gamma is None:
        raise InputError(
            f"{method.name} needs validation questions to choose γ: split them off with "
            "train, validation = questions.split(0.8), or fix γ with gammas=0.1"
        )
    place = pick_device(device)
    clock = Clock()

    with clock("labelled documents"):
        problem = _problem(documents, train, validation, place)
        if method.fixed_gamma is not None:
            problem = _read(documents, problem, None, progress)
    if method.fixed_gamma is None:
        with clock("background"):
            problem = _read(documents, problem, min(method.validation.k, len(documents)), progress)
        with clock("choice of γ"):
            choice = method.choose(problem)
    else:
        choice = Choice(method.fixed_gamma)
    with clock("move"):
        refit = refit and problem.validation is not None
        labels = (
            Labels.concat(problem.train, problem.validation)
            if refit and problem.validation is not None
            else problem.train
        )
        tuned = build(documents, method, problem, labels, choice, refit=refit)
    return replace(tuned, seconds=clock.seconds)


def build(corpus: Corpus, method: Bounded, problem: Problem, labels: Labels, choice: Choice, *, refit: bool) -> Nudge:
    """Move the pool by the γ chosen, and keep what changed."""
    moved = method.move(problem.documents, labels, choice.gamma)
    changed = torch.nonzero((moved != problem.documents).any(1)).reshape(-1)
    rows = problem.rows[changed].cpu().numpy()
    return Nudge(
        ids=corpus.names(rows),
        rows=rows,
        vectors=moved[changed].cpu().numpy(),
        docs=len(corpus),
        method=method.name,
        gamma=choice.gamma,
        gamma_unit=method.gamma_unit,
        angle=method.angle(choice.gamma),
        metric=method.metric,
        before=choice.before,
        after=choice.after,
        curve=choice.curve,
        refit=refit,
        angles=turned(problem.documents[changed], moved[changed]),
    )


def check(corpus: Corpus, train: QuerySet, validation: QuerySet | None) -> None:
    """Refuse question sets that are none, are empty or of another dimension than the documents."""
    for name, queries in (("training", train), ("validation", validation)):
        if queries is None:
            continue
        expect(queries, QuerySet, name, "call finetune(corpus, train, validation) with QuerySet(embeddings, relevant)")
        if not len(queries):
            raise InputError(f"the {name} set holds no questions: label at least one")
        if queries.dim != corpus.dim:
            raise InputError(
                f"the {name} questions have dimension {queries.dim}, the documents {corpus.dim}: embed both with one model"
            )


def check_enough(corpus: Corpus, train: QuerySet) -> None:
    """Refuse a single question where some are to be learned from and others held out, once it is known that the corpus holds its documents."""
    if not train.different.any():
        corpus.find(train.relevance.documents)
        raise InputError(
            "one question cannot be learned from and held out at once: label more questions, or give validation questions"
        )


def _problem(corpus: Corpus, train: QuerySet, validation: QuerySet | None, device: torch.device) -> Problem:
    sets = [train] if validation is None else [train, validation]
    found = [corpus.find(queries.relevance.documents) for queries in sets]
    rows = distinct(np.concatenate(found))
    labels = [Labels.of(queries, np.searchsorted(rows, at), device) for queries, at in zip(sets, found, strict=True)]
    return Problem(
        torch.empty(0, corpus.dim, device=device),
        torch.from_numpy(rows).to(device),
        labels[0],
        labels[1] if validation is not None else None,
    )


def _read(corpus: Corpus, problem: Problem, k: int | None, progress: bool) -> Problem:
    """The same problem with its documents, and with the k nearest others of each validation question if k is given."""
    rows, background = problem.rows.cpu().numpy(), None
    if k is None or problem.validation is None:
        vectors = corpus.rows(rows)
    else:
        vectors, background = corpus.rows_and_background(rows, problem.validation.queries, k, progress=progress)
    documents, _ = pool(corpus, rows, vectors)
    return replace(problem, documents=documents.to(problem.rows.device), background=background)


def pool(corpus: Corpus, rows: NDArray[np.int64], vectors: Tensor) -> tuple[Tensor, Tensor]:
    """The labelled documents at unit length, and the lengths that they have."""
    return unit(vectors), check_finite(vectors, corpus.names(rows), "document")
