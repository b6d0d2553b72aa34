"""Remarks: what a person should know of questions and vectors before believing the figures."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.functional import embedding_bag, normalize

from nudge_core import QuerySet
from nudge_core.corpus import Corpus
from nudge_core.data.queries import normal
from nudge_core.errors import first_few

FEWEST, CLEAR = 20, 3.0
"""From how many questions, and how many standard errors, it can be told whether their documents are near them."""


def remarks(corpus: Corpus, train: QuerySet, validation: QuerySet | None) -> tuple[str, ...]:
    """What a person should know before believing the figures."""
    return (*_both(train, validation), *_far(corpus, train))


def _both(train: QuerySet, validation: QuerySet | None) -> Iterator[str]:
    if validation is None or not train.texts or not validation.texts:
        return
    learned = set(map(normal, train.texts))
    both = [text for text in validation.texts if normal(text) in learned]
    if both:
        yield (
            f"{len(both)} of {len(validation)} validation questions were learned from too: {first_few(both, 3)}. "
            "Their figures say nothing of other questions."
        )


def _far(corpus: Corpus, train: QuerySet) -> Iterator[str]:
    """Whether questions are nearer to their own documents than to those of others, in the mean: else model or labels are wrong."""
    relevance = train.relevance
    rows, place = torch.unique(torch.as_tensor(corpus.find(relevance.documents)), return_inverse=True)
    if len(train) < FEWEST or len(rows) < FEWEST / 4:
        return
    documents = normalize(corpus.rows(rows.numpy()).to(torch.float32))
    questions = normalize(train.embeddings)
    answers = embedding_bag(
        place, documents, torch.as_tensor(relevance.offsets[:-1]), mode="mean"
    )  # each pair once, none held
    own = (questions * answers).sum(1)
    nearer = own - questions @ documents.mean(0)
    if float(nearer.mean()) < CLEAR * float(nearer.std()) / len(train) ** 0.5:
        yield (
            "Questions are no nearer to the documents that answer them than to others: they are embedded by another model than the documents, "
            "or the labels are wrong."
        )
