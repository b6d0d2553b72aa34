"""Questions in the form of SQuAD: a question, the text it is about, and the words of that text which answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form, answers_of, known
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.source import Row, Source
from nudge_integrations.labels.values import absent, first, list_of, number_of, object_of, plain, text_of


def _fits(source: Source) -> bool:
    """Whether it has paragraphs, or rows with question, context and answers."""
    columns, answered = set(source.columns), source.named(("answers", "answer"))
    return "paragraphs" in columns or ({"question", "context"} <= columns and answered is not None)


def _read(source: Source) -> LabelledQuestions:
    """Questions labelled by the text of a context and by the span in it that answers; the place of the span stands in metadata["answer_start"].

    Args:
        source: Nested as in SQuAD 1.1 and 2.0 (data, paragraphs, qas), or flat rows as on the Hugging Face hub. Questions marked as impossible are
            left out and told.
    """
    collector = Collector(SQUAD.NAME, source)
    for row in _flat(source):
        values = row.values
        if values.get("is_impossible") in (True, "True", "true"):
            collector.odd("the question is marked as impossible to answer and was left out", row.where)
            continue
        context, title = text_of(values.get("context")), text_of(values.get("title"))
        answers = []
        for span, start in _spans(first(values, "answers", "answer"), row.where):
            if context is not None and span not in context:
                collector.odd("the answer does not stand in its context", row.where)
            answers += [
                replace(answer, metadata=known({"title": title, "answer_start": start}))
                for answer in answers_of(row.where, context and [context], spans=[span], judged=row.judged)
            ]
        if not answers and row.judged != (None,):
            collector.odd("the question has no answer, as impossible ones have it, and was left out", row.where)
            continue
        collector.add(values.get("question"), answers, id=values.get("id"), split=row.split, where=row.where)
    return collector.done()


def _flat(source: Source) -> Iterator[Row]:
    for row in source.rows:
        if "paragraphs" not in row.values:
            yield row
            continue
        for number, paragraph in enumerate(_objects(row.values["paragraphs"], f"{row.where}, paragraphs"), 1):
            where = f"{row.where}, paragraph {number}"
            for place, question in enumerate(_objects(paragraph.get("qas"), f"{where}, qas"), 1):
                shared = {"title": row.values.get("title"), "context": paragraph.get("context")}
                yield Row({**shared, **question}, f"{where}, question {place}", row.split)


def _objects(value: Any, where: str) -> list[Mapping[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return value
    raise FileFormatError(f"{where} is {str(value)[:60]!r}; expected a list of objects")


def _spans(value: Any, where: str) -> Iterator[tuple[str, int | None]]:
    """(text, start) of {"text": […], "answer_start": […]}, [{"text": …, "answer_start": …}], ["…"] or "…"."""
    held = object_of(value)
    if held:
        texts, starts = list_of(held.get("text"), where), list_of(held.get("answer_start"), where)
        pairs = zip_longest(texts, starts[: len(texts)])
        entries: list[Any] = [{"text": text, "answer_start": start} for text, start in pairs]
    else:
        entries = list_of(value, where)
    for entry in map(plain, entries):
        start = entry.get("answer_start") if isinstance(entry, Mapping) else None
        text = text_of(entry.get("text") if isinstance(entry, Mapping) else entry)
        if text is not None:
            yield text, None if absent(start) else int(number_of(start, f"{where}: answer_start"))


SQUAD = Form("SQuAD", _fits, _read)
