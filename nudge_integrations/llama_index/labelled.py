"""The one place where labels meet nodes: labels by id stay as they are, labels by text or answer span become ids of the nodes that hold it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from llama_index.core.schema import BaseNode, MetadataMode

from nudge_integrations.collection import read_both
from nudge_integrations.labels import Questions
from nudge_integrations.labels.labelled import LabelledQuestions

Given: TypeAlias = Questions | LabelledQuestions
Document: TypeAlias = tuple[str, str, Mapping[str, Any]]


def read(questions: Any, validation: Any = None) -> tuple[Given | None, Given | None]:
    """Training and validation questions, in any of the forms that people have them in; read once, and checked as far as that needs no nodes."""
    kept = [given if isinstance(given, Questions | LabelledQuestions) else None for given in (questions, validation)]
    train, held = read_both(None if kept[0] else questions, None if kept[1] else validation)
    first, second = kept[0] or train, kept[1] or held
    if second is None and isinstance(first, LabelledQuestions) and any(each.split == "dev" for each in first):
        first, second = (
            replace(first, questions=tuple(each for each in first if (each.split or "train") == split))
            for split in ("train", "dev")
        )
    return first, second


def documents_of(nodes: Iterable[BaseNode]) -> Iterator[Document]:
    """Id, text without metadata, and metadata of each node."""
    return ((node.node_id, node.get_content(metadata_mode=MetadataMode.NONE), node.metadata) for node in nodes)


def by_id(questions: Given, documents: Iterable[Document]) -> Questions:
    """Questions labelled by the ids of these documents, which are not looked at where labels are ids already."""
    if isinstance(questions, Questions):
        return questions
    from nudge_integrations.labels.matching import match

    return match(questions, documents).questions
