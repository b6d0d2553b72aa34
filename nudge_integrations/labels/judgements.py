"""Judgements: what a cell says of a document as an answer to a question: that it is relevant, how much, or that it is not.

One rule for every form. Words say yes or no. Whole numbers are grades, and a document graded 0 or below is not relevant. Other numbers from -1 to 1
count from 0.5 on. What may be read in two ways is refused, and the refusal says how to say it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.source import Row, Source
from nudge_integrations.labels.values import absent, list_of, plain

OF_DOCUMENT = (
    *("relevance", "relevancy", "relevant", "is_relevant", "rel", "grade", "grades", "qrel"),
    *("judgement", "judgment", "judgements", "judgments", "label", "labels"),
    *("is_selected", "has_answer", "is_positive", "is_gold", "is_correct"),
)
"""Names under which rows and documents carry a judgement."""
NAMES = (*OF_DOCUMENT, "score", "scores")
"""Those of columns too; the score of a single document is mostly that of a search."""
UP = (
    *("up", "thumbs up", "thumbsup", "👍", "yes", "true", "good", "positive", "like", "liked"),
    *("relevant", "correct", "helpful", "highly relevant", "very relevant"),
)
DOWN = (
    *("down", "thumbs down", "thumbsdown", "👎", "no", "false", "bad", "negative", "dislike", "disliked"),
    *("irrelevant", "not relevant", "non relevant", "unrelated", "incorrect", "unhelpful", "not helpful"),
)
_FREE = ("label", "labels", "score", "scores", "grade", "grades")
"""Names that also mean other things, such as a topic: without any word of a judgement they are none."""
_NO_JUDGEMENT = re.compile(
    r"(.*[ _.-])?(ids?|pages?|page_label|page_number|page_no|rows?|lines?|index|idx|no|num|number|position|place|starts?|ends?|offsets?|lengths?"
    r"|size|tokens?|words|chars|chunks?|chunk_index|time|timestamp|date|at|year|month|day|hour|version|level_\d+|index_level_\d+__|count|cost"
    r"|latency|duration|temperature|seed|turns?|impossible|(pos|neg)_scores?)|unnamed: ?\d+|",
    re.IGNORECASE,
)
_MOST_GRADE = 3


def said(value: Any, where: str, what: str, meaning: Mapping[str, bool] | None = None) -> bool | float | None:
    """Yes, no, a number, or None where nothing is said.

    Args:
        value: What stands in the cell.
        where: File and line.
        what: What it is called.
        meaning: What other words mean; None where the reader does not take them.

    Raises:
        FileFormatError: A word that is not known.
    """
    value = plain(value)
    if absent(value):
        return None
    if isinstance(value, bool):
        return value
    given = str(value).strip()
    if meaning and given in meaning:
        return meaning[given]
    word = given.casefold().replace("_", " ").replace("-", " ").strip()
    if isinstance(value, str) and word in (*UP, *DOWN):
        return word in UP
    number = _number(given)
    if number is None:
        raise FileFormatError(
            f"{where}: the {what} is {value!r}; expected a number, true or false, or a word such as 'up', 'down', 'relevant'"
            + ("" if meaning is None else f"; say what it means with meaning={{{given!r}: True}}")
        )
    return number


def is_up(value: Any, where: str, threshold: float | None, meaning: Mapping[str, bool]) -> bool | None:
    """Whether a vote is for the document; None where nothing is said."""
    number = said(value, where, "vote", meaning)
    if number is None or isinstance(number, bool):
        return number
    if threshold is None and not -1 <= number <= 1:
        raise FileFormatError(
            f"{where}: the vote is {value!r}, a number beyond -1 to 1: say from which on it is for the document, threshold=…"
        )
    return number >= (0.5 if threshold is None else threshold)


@dataclass(frozen=True)
class Scale:
    """How the judgements of one column are read.

    Attributes:
        name: What the column is called.
        threshold: From which number on a document is relevant; every number above 0 where it is None.
        meaning: What words mean that are not the usual ones.
    """

    name: str
    threshold: float | None = None
    meaning: Mapping[str, bool] = field(default_factory=dict)

    @classmethod
    def of(
        cls, name: str, cells: Iterable[tuple[Any, str]], threshold: float | None, meaning: Mapping[str, bool]
    ) -> Scale:
        """The scale that cells, each with its place, are on, if the user does not say it.

        Raises:
            FileFormatError: Numbers that may be read in two ways.
        """
        if threshold is not None:
            return cls(name, threshold, meaning)
        numbers = [
            (number, where)
            for cell, where in cells
            for one in list_of(cell, where)
            if (number := said(one, where, name, meaning)) is not None and not isinstance(number, bool)
        ]
        least, most = (edge(numbers, default=(0.0, "")) for edge in (min, max))
        if all(number.is_integer() for number, _ in numbers):
            if least[0] < 1 or most[0] <= _MOST_GRADE:
                return cls(name, None, meaning)
            what = f"runs from {least[0]:g} to {most[0]:g} and is never 0"
        elif least[0] >= -1 and most[0] <= 1:
            return cls(name, 0.5, meaning)
        else:
            what = f"has numbers beyond -1 to 1 that are no whole grades ({most[0]:g}, {most[1]})"
        raise FileFormatError(f"{name} {what}: say from which number on a document is relevant, threshold=…")

    def grade(self, value: Any, where: str) -> float | None:
        """The grade of a document, above 0 where it is relevant; None where nothing is said."""
        number = said(value, where, self.name, self.meaning)
        if number is None or isinstance(number, bool):
            return number if number is None else float(number)
        if self.threshold is None:
            return number
        return (number if number > 0 else 1.0) if number >= self.threshold else min(number, 0.0)


def grade_of(value: Any, where: str, what: str = "judgement of a document") -> float | None:
    """The grade of one document, which says so itself."""
    number = said(value, where, what)
    if number is None or isinstance(number, bool) or number.is_integer():
        return None if number is None else float(number)
    return number if number >= 0.5 else 0.0


def judged(
    source: Source,
    name: str | None,
    threshold: float | None = None,
    meaning: Mapping[str, bool] | None = None,
) -> Source:
    """The source with the judgements of a column in its rows."""
    if name is None:
        return source
    scale = Scale.of(name, ((row.values.get(name), row.where) for row in source.rows), threshold, meaning or {})

    def grades(row: Row) -> tuple[float | None, ...]:
        cell = row.values.get(name)
        return (None,) if absent(cell) else tuple(scale.grade(one, row.where) for one in list_of(cell, row.where))

    return replace(source, rows=tuple(replace(row, judged=grades(row)) for row in source.rows))


def judgement_column(source: Source, taken: Collection[str | None], names: Iterable[str] = NAMES) -> str | None:
    """The column of judgements, by its usual names, among those that nothing else is read from."""
    there = set(source.columns) - set(taken)
    for name in names:
        if name in there:
            values = [one for row in source.rows for one in list_of(row.values.get(name), row.where)]
            if judges(name, values):
                return name
    return None


def judges(name: str, values: list[Any]) -> bool:
    """Whether what stands under a name judges documents: a topic may be called a label, and ids may be called relevant."""
    if name == "relevant":
        return bool(values) and all(_said_number(value) in (0.0, 1.0) for value in values)
    if name in _FREE:
        return any(_said_number(value) is not None for value in values)
    return bool(values) and not any(isinstance(plain(value), Mapping) for value in values)


def own_judgement(held: Mapping[str, Any]) -> Any:
    """What an object says of its documents under one of the usual names; None where it says nothing."""
    return next((held[name] for name in OF_DOCUMENT if name in held and judges(name, list_of(held[name], ""))), None)


def refuse_unread(source: Source, read: Collection[str | None], ignore: Collection[str] = ()) -> None:
    """Refuse a column that may say that documents are not relevant, and that nothing reads.

    Raises:
        FileFormatError: A column of yes and no, or of small numbers, zero or less among them.
    """
    for name in source.columns:
        if name in read or name in ignore or _NO_JUDGEMENT.fullmatch(name):
            continue
        values = [value for row in source.rows if not absent(value := plain(row.values.get(name)))]
        numbers = [float(value) if isinstance(value, bool) else _said_number(value) for value in values]
        known = [number for number in numbers if number is not None]
        if known and len(known) == len(values) and min(known) <= 0 and max(known) <= 10:
            raise FileFormatError(
                f"{source.name}: the column {name!r} holds {_few(values)}, and nothing says what it means. If it judges documents, say "
                f"form='columns', relevance={name!r}; if it does not, ignore=[{name!r}]"
            )


def _few(values: list[Any]) -> str:
    return ", ".join(map(str, list(dict.fromkeys(map(str, values)))[:4]))


def _said_number(value: Any) -> float | None:
    try:
        number = said(value, "", "")
    except FileFormatError:
        return None
    return None if number is None else float(number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
