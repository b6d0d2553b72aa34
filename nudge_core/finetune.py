"""The façade: a corpus and labelled questions in, a `Nudge` out. It joins corpus and method."""

from __future__ import annotations

from dataclasses import replace

import torch

from nudge_core.arguments import expect, pick_device
from nudge_core.clock import Clock
from nudge_core.corpus import open_corpus
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.labels import Labels
from nudge_core.data.queries import QuerySet
from nudge_core.errors import InputError
from nudge_core.methods.base import Bounded, Choice, Learned, Method
from nudge_core.methods.nudge_n import NudgeN
from nudge_core.methods.problem import labelled_problem, read_problem
from nudge_core.result import Nudge
from nudge_core.selection.checks import check, check_enough
from nudge_core.selection.fit import Lesson, build


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
        problem = labelled_problem(documents, train, validation, place)
        if method.fixed_gamma is not None:
            problem = read_problem(documents, problem, None, progress)
    if method.fixed_gamma is None:
        with clock("background"):
            problem = read_problem(documents, problem, min(method.validation.k, len(documents)), progress)
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
