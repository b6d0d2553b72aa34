"""Sources whose objects have keys of the user's own choice: which of them is the question, which the contexts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.contexts import answers_of, known
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.values import RELEVANT, TEXT, absent, first, object_of

TEXTS = ("reference_contexts", "contexts", "context", "reference_context", "source_documents", "passages", "passage")
IDS = tuple(key for key in RELEVANT if key not in ("documents", "relevant"))
PROVENANCE = ("source", "page", "file", "file_name", "file_path", "url", "title")


@dataclass(frozen=True)
class Entry:
    """One entry of such a source.

    Attributes:
        where: File and line.
        id: Its id.
        asked: What holds the question.
        parts: What may hold the answers, the likeliest first.
        metadata: What may say where the answer stands.
        split: "train", "dev" or "test" in any of their names, if it says.
    """

    where: str
    id: Any
    asked: Any
    parts: Sequence[Any]
    metadata: Any
    split: Any


@dataclass(frozen=True)
class Keys:
    """The keys that the user names; None for the usual ones."""

    question: str | None
    texts: str | None
    ids: str | None
    spans: str | None


def read_keyed(collector: Collector, entries: Sequence[Entry], keys: Keys) -> LabelledQuestions:
    """Questions labelled by what stands under the keys.

    Raises:
        FileFormatError: A key that no entry has, or questions that cannot be told.
    """
    for option, key in (("texts", keys.texts), ("ids", keys.ids), ("spans", keys.spans)):
        _refuse_absent(entries, key, collector.source.name, option)
    for entry in entries:
        asked = _question_in(entry.asked, keys.question, entry.where)
        collector.add(asked, _answers_in(entry, keys), id=entry.id, split=entry.split, where=entry.where)
    return collector.done()


def _question_in(inputs: Any, key: str | None, where: str) -> Any:
    """The question: the input itself where it is a text, else what stands under the key, or under one that says so, or under the only one.

    Raises:
        FileFormatError: The key is not there, or none is named and several could be meant.
    """
    held = object_of(inputs)
    if not held:
        return _unquoted(inputs)
    if key is not None:
        if key not in held:
            raise FileFormatError(f"{where}: the input has no key {key!r}; it has {', '.join(map(repr, held))}")
        return held[key]
    found = first(held, *TEXT)
    if found is not None:
        return found
    texts = [value for value in held.values() if isinstance(value, str)]
    if len(texts) == 1:
        return texts[0]
    raise FileFormatError(
        f"{where}: which of the input's keys {', '.join(map(repr, held))} is the question? Say question='…'"
    )


def _unquoted(text: Any) -> Any:
    """Without the quotes of JSON, which CSV exports leave around a text."""
    if isinstance(text, str) and len(text) > 1 and text.startswith('"') and text.endswith('"'):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _answers_in(entry: Entry, keys: Keys) -> list[Answer]:
    """Answers under the keys named, in whichever part holds them."""
    held = [part for part in map(object_of, entry.parts) if part]

    def under(key: str | None, usual: tuple[str, ...]) -> Any:
        names = usual if key is None else (key,)
        return next((value for part in held if not absent(value := first(part, *names))), None)

    facts = known({key: value for key, value in object_of(entry.metadata).items() if key in PROVENANCE})
    found = (under(keys.texts, TEXTS), under(keys.ids, IDS), under(keys.spans, ()))
    return answers_of(entry.where, *found, facts or None) or ([Answer(metadata=facts)] if facts else [])


def _refuse_absent(entries: Sequence[Entry], key: str | None, name: str, option: str) -> None:
    """Refuse a key that no entry has.

    Raises:
        FileFormatError: It lists the keys that are there.
    """
    parts = [part for entry in entries for part in map(object_of, entry.parts)]
    if key is not None and not any(key in part for part in parts):
        seen = dict.fromkeys(str(name) for part in parts for name in part)
        raise FileFormatError(f"{name}: no entry has the key {option}={key!r}; there are {', '.join(map(repr, seen))}")
