"""Sources whose objects have keys of the user's own choice: which of them is the question, which the contexts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.forms.contexts import answers_of, known
from nudge_integrations.labels.labelled import Answer
from nudge_integrations.labels.questions import RELEVANT, TEXT
from nudge_integrations.labels.values import absent, first, object_of

TEXTS = ("reference_contexts", "contexts", "context", "reference_context", "source_documents", "passages", "passage")
IDS = tuple(key for key in RELEVANT if key not in ("documents", "relevant"))
PROVENANCE = ("source", "page", "file", "file_name", "file_path", "url", "title")


def question_in(inputs: Any, key: str | None, where: str) -> Any:
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


def answers_in(
    parts: list[Any], where: str, texts: str | None, ids: str | None, spans: str | None, metadata: Any = None
) -> list[Answer]:
    """Answers under the keys named, in whichever part holds them (outputs, then inputs, then metadata)."""
    held = [part for part in map(object_of, parts) if part]

    def under(key: str | None, usual: tuple[str, ...]) -> Any:
        keys = usual if key is None else (key,)
        return next((value for part in held if not absent(value := first(part, *keys))), None)

    facts = known({key: value for key, value in object_of(metadata).items() if key in PROVENANCE})
    labels = answers_of(where, under(texts, TEXTS), under(ids, IDS), under(spans, ()), facts or None)
    return labels or ([Answer(metadata=facts)] if facts else [])


def refuse_absent(rows: Any, key: str | None, name: str, option: str) -> None:
    """Refuse a key that no row has.

    Raises:
        FileFormatError: It lists the keys that are there.
    """
    if key is None:
        return
    seen: dict[str, None] = {}
    for parts in rows:
        for part in map(object_of, parts):
            seen |= dict.fromkeys(map(str, part))
            if isinstance(part, Mapping) and key in part:
                return
    raise FileFormatError(f"{name}: no entry has the key {option}={key!r}; there are {', '.join(map(repr, seen))}")
