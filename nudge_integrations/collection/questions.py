"""What a nudge is given: questions and feedback, read, matched and embedded once for every framework; and the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nudge_core import Auto, QuerySet
from nudge_core.apply import Journal
from nudge_core.apply.memory import feedback
from nudge_core.arguments import expect
from nudge_core.corpus import Corpus
from nudge_core.errors import FileFormatError, InputError
from nudge_core.evaluation.measures import Measure
from nudge_core.methods.base import Method
from nudge_integrations.collection.embedding import Embedder, query_set
from nudge_integrations.collection.matching import ResolvedLabels
from nudge_integrations.labels import LabelledQuestions, read_labels
from nudge_integrations.labels.forms import pairs
from nudge_integrations.labels.values import TEXT
from nudge_integrations.stores import StoreAdapter

NO_LABELS = (
    "embed_query",
    "get_query_embedding",
    "similarity_search",
    "as_retriever",
    "postprocess_nodes",
    "add_texts",
)
"""Methods of embedding models, stores, indexes and postprocessors."""


def read_both(questions: Any, validation: Any = None) -> tuple[LabelledQuestions | None, LabelledQuestions | None]:
    """Training and validation questions; a source that names its splits brings both."""
    train = _read(questions)
    _refuse_measure(validation)
    try:
        held_out = _read(validation, "validation")
    except InputError as error:
        raise type(error)(str(error) if str(error).startswith("validation") else f"validation: {error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"validation, the second argument: {error}") from error
    if held_out is None and train is not None and {"train", "dev"} <= {one.split or "train" for one in train.questions}:
        held_out = train
    return _of_split(train, "train"), _of_split(held_out, "dev")


def read_test(questions: Any) -> LabelledQuestions:
    """Questions to be measured by."""
    test = _of_split(_read(questions), "test")
    return pairs.read(None) if test is None else test  # which refuses None


def _refuse_measure(validation: Any) -> None:
    """Refuse the name of a measure where questions held out are expected."""
    try:
        measure = Measure.parse(validation) if isinstance(validation, str) else None
    except InputError:
        return
    if measure is not None:
        raise InputError(
            f"validation, the second argument, is {validation!r}, which is a measure; expected questions held out: give measure={validation!r}"
        )


def _read(given: Any, role: str = "questions") -> LabelledQuestions | None:
    """Labelled questions; the second text of a pair is the id of a document here."""
    if given is None:
        return None
    if any(hasattr(type(given), name) for name in NO_LABELS):
        which = "first" if role == "questions" else "second"
        raise InputError(
            f"{role}, the {which} argument, is a {type(given).__name__}; expected {pairs.EXPECTED}: give what else there is by its name"
        )
    given = list(given) if isinstance(given, Iterator) else given
    given = (
        sorted(given, key=repr) if isinstance(given, set | frozenset) else given
    )  # in the same order in every process
    if isinstance(given, Mapping):
        plain = all(isinstance(answers, str | int | list | tuple) for answers in given.values())
        by_ids = plain and not given.keys() & set(TEXT)
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes | LabelledQuestions) and given:
        by_ids = isinstance(given[0], str | Sequence)
    else:
        by_ids = isinstance(given, list | tuple | bytes | np.ndarray | int | float)
    return read_labels(given, form=pairs.NAME if by_ids else None)


def _of_split(given: LabelledQuestions | None, split: str) -> LabelledQuestions | None:
    """The questions of a split, or all where there is but one; those without a split are training questions."""
    if given is None or len(splits := dict.fromkeys([one.split or "train" for one in given.questions])) == 1:
        return given
    if split not in splits:
        raise InputError(f"{given!r} has no {split} questions; it has {', '.join(splits)}")
    return replace(given, questions=tuple([one for one in given.questions if (one.split or "train") == split]))


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Embedded questions by the ids of documents.

    Attributes:
        train: Training questions, or those of an evaluation.
        validation: Validation questions; None where there are none.
        model: The number of the embedding model in the journal.
    """

    train: QuerySet
    validation: QuerySet | None
    model: int | None


def with_feedback(labels: ResolvedLabels, adapter: StoreAdapter, journal: Journal) -> ResolvedLabels:
    """The labels together with the feedback kept on documents that are in the store."""
    said, gone = present(adapter, journal)
    train = labels.train.judged(said)
    if not any(train.relevant):
        given = (
            f"none of the {len(train)} questions has a relevant document"
            if len(train)
            else "there are no questions to learn from"
        )
        raise InputError(
            f"{given}{labels.why_none()}: label at least one, or keep feedback with add_feedback(question, relevant=[ids])"
        )
    return replace(labels, train=train, gone=gone)


def read_training_set(
    labels: ResolvedLabels, corpus: Corpus, embedder: Embedder | None, journal: Journal | None, *, progress: bool
) -> TrainingSet:
    """Embed questions, once all their documents are known to be in the corpus."""
    for part in (labels.train, labels.validation):
        if part is not None:
            corpus.find(np.asarray([name for answers in part.relevant for name in answers], dtype=object))
    train, model = query_set(labels.train, embedder, journal, corpus.dim, progress=progress)
    validation = None
    if labels.validation is not None:
        validation, _ = query_set(labels.validation, embedder, journal, corpus.dim, progress=progress)
    return TrainingSet(train, validation, model)


def judged(question: str, relevant: Sequence[str], irrelevant: Sequence[str]) -> dict[str, bool]:
    """{document id: whether it answers}."""
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"question is {question!r}; expected the text of a question")
    if isinstance(relevant, str) or isinstance(irrelevant, str):
        raise InputError('relevant and irrelevant are lists of document ids, for example relevant=["a"]')
    if both := set(map(str, relevant)) & set(map(str, irrelevant)):
        raise InputError(f"{sorted(both)} are given as relevant and as irrelevant: decide for one")
    judgements = {str(name): True for name in relevant} | {str(name): False for name in irrelevant}
    if not judgements:
        raise InputError("neither relevant nor irrelevant documents are given: name at least one")
    return judgements


def present(adapter: StoreAdapter, journal: Journal) -> tuple[dict[str, dict[str, bool]], tuple[str, ...]]:
    """The feedback on documents that are in the store, and those documents that no longer are."""
    said = feedback(journal)
    if not said:
        return {}, ()
    named = list(dict.fromkeys(adapter.spelled(name) for judgements in said.values() for name in judgements))
    there = adapter.fetch(named)
    kept = {
        question: {name: good for name, good in judgements.items() if adapter.spelled(name) in there}
        for question, judgements in said.items()
    }
    gone = tuple(name for name in named if name not in there)
    return {question: judgements for question, judgements in kept.items() if judgements}, gone


def as_labels(journal: Journal | None) -> list[dict[str, Any]]:
    """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
    return [
        {
            "question": question,
            "relevant": [name for name, good in judgements.items() if good],
            "irrelevant": [name for name, good in judgements.items() if not good],
        }
        for question, judgements in ({} if journal is None else feedback(journal)).items()
    ]


def chosen_method(method: Method | None, measure: str | None, *, allow_map: bool) -> Method:
    """The method, with another measure if one is given."""
    expect(allow_map, bool, "allow_map", "True lets a method move every document")
    method = Auto(allow_map=allow_map) if method is None else method
    expect(method, Method, "method", "for example method=Auto()")
    method = method if measure is None else replace(method, measure=measure)  # type: ignore[type-var]
    _ = method.validation  # an unknown measure is refused here
    return method


def check_map(method: Method, *, allow_map: bool, given: bool) -> None:
    """Refuse a method that maps all documents where that is not allowed, and one that was given and never does where it is."""
    maps = any(steps.maps for chain in method.chains for steps in chain)
    if given and allow_map and not maps:
        raise InputError(
            f"allow_map=True lets every document move, and {method!r} moves labelled documents only: leave out allow_map=True; or leave out the "
            "method, so that maps are tried too; or give Auto(allow_map=True) or LinearMap()"
        )
    if not allow_map and maps:
        raise InputError(
            f"{method!r} moves every document, so the whole collection would be written anew: allow it with allow_map=True, or use "
            "Contrastive() or Auto(), which move labelled documents only"
        )
