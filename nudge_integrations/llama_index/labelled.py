"""The one place where labels meet nodes: labels by id stay as they are, labels by text or answer span become ids of the nodes that hold it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from llama_index.core import VectorStoreIndex
from llama_index.core.schema import BaseNode, MetadataMode

from nudge_core.errors import InputError
from nudge_integrations.labels import LabelledQuestions, Questions, read_labels, read_questions
from nudge_integrations.labels.matching import match
from nudge_integrations.stores.registry import adapter_of_index
from nudge_integrations.training import read_both

Given: TypeAlias = Questions | LabelledQuestions
Document: TypeAlias = tuple[str, str, Mapping[str, Any]]

PAGE = 1000
_log = logging.getLogger(__name__)


def read(questions: Any, validation: Any = None) -> tuple[Given | None, Given | None]:
    """Training and validation questions, in any of the forms that people have them in; read once, and checked as far as that needs no nodes."""
    labels, others = (_labels(each) for each in (questions, validation))
    train, held = read_both(None if labels else questions, None if others else validation)
    if labels and validation is None and {"train", "dev"} <= labels.splits:
        return _part(labels, "train"), _part(labels, "dev")
    return labels or train, others or held


def read_test(questions: Any) -> Given:
    """Questions to be measured by: of labels that name their splits those of the test."""
    labels = _labels(questions)
    if labels is None:
        return read_questions(questions, "test")
    return _part(labels, "test") if "test" in labels.splits else labels


def _labels(given: Any) -> LabelledQuestions | None:
    """What is labelled by more than ids."""
    if isinstance(given, str | Path) and Path(given).is_file():
        given = read_labels(given)
    return given if isinstance(given, LabelledQuestions) else None


def _part(labels: LabelledQuestions, split: str) -> LabelledQuestions:
    return replace(labels, questions=tuple(question for question in labels if (question.split or "train") == split))


def by_id(questions: Given, documents: Callable[[], Iterable[Document]]) -> Questions:
    """Questions by the ids of nodes; what was matched to none is told in the log.

    Args:
        questions: Labelled by id, text, answer span or metadata.
        documents: Called for id, text and metadata of each node, where labels are not all ids.

    Raises:
        InputError: None of the questions matches a node.
    """
    if isinstance(questions, Questions):
        return questions
    if all(answer.id is not None for question in questions for answer in question.answers if answer.relevant):
        return read_questions(
            replace(questions, questions=tuple(replace(question, split=None) for question in questions))
        )
    matched = match(questions, documents())
    if not len(matched.questions):
        raise InputError(
            f"none of the {len(questions)} questions could be matched to a node: print match(labels, index_documents(index)).report, which has the "
            "closest nodes; match is in nudge_integrations.labels.matching"
        )
    level = (
        logging.INFO if len(matched.questions) == len({question.text for question in questions}) else logging.WARNING
    )
    _log.log(level, "%r", matched)
    return matched.questions


def documents_of(nodes: Iterable[BaseNode]) -> Iterator[Document]:
    """Id, text without metadata, and metadata of each node."""
    return ((node.node_id, node.get_content(metadata_mode=MetadataMode.NONE), node.metadata) for node in nodes)


def index_documents(index: VectorStoreIndex) -> Iterator[Document]:
    """Id, text and metadata of each node of an index: what `nudge_integrations.labels.matching.match` looks through.

    Texts come from the vector store if it keeps them, else from the docstore.
    """
    store = index.vector_store
    if not store.stores_text:
        there = list(dict.fromkeys(index.index_struct.nodes_dict.values()))
        yield from documents_of(index.docstore.get_nodes(there, raise_error=False))
    elif "lancedb" in type(store).__module__:  # which fails to find nodes by id
        yield from documents_of(store.get_nodes(node_ids=None))
    else:
        for ids, _ in adapter_of_index(index).walk(PAGE):
            yield from documents_of(store.get_nodes(node_ids=ids))
