"""Question sets that cannot be used, refused before anything is computed."""

from __future__ import annotations

from nudge_core.arguments import expect
from nudge_core.corpus import Corpus
from nudge_core.data.queries import QuerySet
from nudge_core.errors import InputError


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
