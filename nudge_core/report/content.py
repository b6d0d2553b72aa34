"""A report as data: for the page every question in a line, the results and texts of those that changed most, within a bound of bytes; as a frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.display import Texts, frame_of
from nudge_core.errors import InputError, MissingExtraError
from nudge_core.evaluation import Comparison
from nudge_core.report.report import Report
from nudge_core.report.trials import axis

TOP = 10
"""How many results of a question are shown."""

LONGEST, QUESTION, NAME = 1000, 400, 200
"""How many characters of a document, of a question and of an id are shown."""

MOVED = 500
"""How many of the documents that moved most are listed."""

BYTES = {"questions": 5_000_000, "results": 4_000_000, "texts": 5_000_000}
"""How much of the file each part may take. What changed most goes in first; the page says what was left out."""

KINDS = ("measures", "questions", "documents")
"""What the rows of a frame can be."""

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
"""Control characters show as their pictures: ␀ for NUL."""


def content(report: Report) -> dict[str, Any]:
    """All data of the page, for JSON."""
    documents = Documents()
    moves = _moves(report, documents)
    found: dict[str, Any] = {"moves": moves, "curve": _curve(report)}
    if report.comparison is not None:
        found |= {
            "lines": [line for line in report.comparison.to_dict()["lines"] if line["questions"]],
            "questions": _questions(report, report.comparison, documents),
        }
    documents.read(report.texts)
    return found | {"documents": documents.to_dict()}


def as_script(values: dict[str, Any]) -> str:
    """JSON that can stand in a script element: no text in it can end the element."""
    return _json(values).replace("<", "\\u003c")


class Documents:
    """The documents that a page names: each once, by number, in the order of their weight."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.known: dict[int, tuple[str, int]] = {}

    def number(self, name: Any) -> int:
        """The number of a document."""
        return self.numbers.setdefault(name, len(self.numbers))

    def read(self, texts: Texts | None) -> None:
        """Take the texts, as many as there is room for."""
        if texts is None:
            return
        if not isinstance(texts, Mapping) and not callable(texts):
            raise InputError(
                f"texts is a {type(texts).__name__}; expected {{document id: text}}, or a function that gives it for a list of ids"
            )
        given = texts if isinstance(texts, Mapping) else texts(list(self.numbers))
        room = BYTES["texts"]
        for name, number in self.numbers.items():
            text = given.get(name)
            if text is None:
                continue
            short = clean(text, LONGEST)
            room -= _size(short)
            if room < 0:
                break
            self.known[number] = (short, len(text))

    def to_dict(self) -> dict[str, Any]:
        """Ids; texts by number; the full length of texts that were cut."""
        return {
            "id": [clean(name, NAME) for name in self.numbers],
            "text": {number: text for number, (text, _) in self.known.items()},
            "length": {number: length for number, (_, length) in self.known.items() if length > LONGEST},
            "longest": LONGEST,
        }


def _questions(report: Report, comparison: Comparison, documents: Documents) -> dict[str, Any]:
    """The questions, those that changed most first."""
    before, after, texts = comparison.before, comparison.after, question_texts(report, comparison)
    main = comparison.measures[0]
    order = np.argsort(-abs(after.values[main] - before.values[main]), kind="stable")
    names, room = after.ids.tolist(), BYTES["questions"]
    shown: list[int] = []
    short: dict[int, tuple[str, str]] = {}
    for row in order.tolist():
        short[row] = clean(texts[row], QUESTION), clean(names[row], NAME)
        room -= sum(map(_size, short[row])) + 12 * len(comparison.measures) + 4
        if room < 0:
            break
        shown.append(row)
    named = any(text != name for text, name in (short[row] for row in shown))
    chosen = np.asarray(shown, dtype=np.int64)
    return {
        "count": len(after),
        "text": [short[row][0] for row in shown],
        "id": [short[row][1] for row in shown] if named else None,
        "seen": None if after.seen is None else after.seen[chosen].astype(int).tolist(),
        "measures": list(comparison.measures),
        "before": [_points(before.values[measure][chosen]) for measure in comparison.measures],
        "after": [_points(after.values[measure][chosen]) for measure in comparison.measures],
        "found": list(_found(comparison, shown, documents)),
        "top": TOP,
    }


def _found(comparison: Comparison, rows: Sequence[int], documents: Documents) -> Iterable[list[list[int]]]:
    """Per question the documents found before, found after, and labelled, while there is room."""
    room, relevance = BYTES["results"], comparison.after.relevance or comparison.before.relevance
    for row in rows:
        labelled: Iterable[Any] = [] if relevance is None else list(relevance[row])[: 2 * TOP]
        lists = [_names(comparison.before.ranking[row]), _names(comparison.after.ranking[row]), list(labelled)]
        new = {name for names in lists for name in names if name not in documents.numbers}
        room -= sum(7 * len(names) + 3 for names in lists) + sum(_size(clean(name, NAME)) for name in new)
        if room < 0:
            return
        yield [[documents.number(name) for name in names] for names in lists]


def _names(ranking: NDArray[Any]) -> list[Any]:
    """The documents found; a place that none took is -1 or ""."""
    return [name for name in ranking[:TOP].tolist() if name not in (-1, "")]


def _moves(report: Report, documents: Documents) -> dict[str, Any] | None:
    tuned = report.tuned
    if tuned is None or tuned.angles is None or not len(tuned):
        return None
    counts, edges = histogram(tuned.angles)
    most = np.argsort(-tuned.angles, kind="stable")[:MOVED]
    return {
        "count": len(tuned),
        "counts": counts.tolist(),
        "edges": [round(float(edge), 3) for edge in edges],
        "document": [documents.number(name) for name in tuned.ids[most].tolist()],
        "angle": [round(float(angle), 2) for angle in tuned.angles[most]],
    }


def histogram(angles: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and edges of at most 30 bins of equal, round width in degrees, from zero."""
    top = max(float(angles.max()), 1e-3)
    step = 10.0 ** np.floor(np.log10(top / 12))
    width = next(step * factor for factor in (1, 2, 2.5, 5, 10) if top / (step * factor) <= 24)
    counts, edges = np.histogram(angles, bins=np.arange(0, np.ceil(top / width + 1e-9) + 1) * width)
    return counts, edges


def _curve(report: Report) -> dict[str, Any] | None:
    tuned = report.tuned
    if tuned is None or tuned.curve is None:
        return None
    name, chosen = axis(tuned)
    return {
        "axis": name,
        "measure": tuned.curve.measure,
        "x": [round(float(x), 6) for x in tuned.curve.gamma],
        "y": [round(100 * float(y), 3) for y in tuned.curve.score],
        "chosen": chosen,
    }


def _points(values: NDArray[np.float64]) -> list[int]:
    """Scores in hundredths of a point, which are short as text."""
    return np.rint(10_000 * values).astype(int).tolist()  # type: ignore[no-any-return]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _size(text: str) -> int:
    """Bytes that a text takes in the file."""
    return len(_json(text).encode()) + 5 * text.count("<") + 1


def clean(value: Any, limit: int | None = None) -> str:
    """A text that any browser shows: no control characters, line ends as line feeds, halves of surrogate pairs joined or replaced by �."""
    text = (value if isinstance(value, str) else str(value))[:limit]
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_PICTURES)


@frame_of.register
def frame(report: Report, rows: str | None) -> Any:
    """One row for each of the measures, questions or documents; see `Reported.to_frame`."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("pandas", "report", "a report as a DataFrame") from error
    comparison, tuned = report.comparison, report.tuned
    wanted = rows or ("documents" if comparison is None else "measures")
    if wanted not in KINDS:
        raise InputError(f"rows is {rows!r}; expected one of {', '.join(KINDS)}")
    if wanted == "documents":
        if tuned is None:
            raise InputError("there are no moves to list: make the report with Report(comparison, tuned)")
        angles = {} if tuned.angles is None else {"angle": tuned.angles}
        return pd.DataFrame({"document": tuned.ids, "row": tuned.rows, **angles})
    if comparison is None:
        raise InputError(f"no questions were measured, so there are no {wanted}: make it of after.compare(before)")
    if wanted == "measures":
        return pd.DataFrame(comparison.to_dict()["lines"])
    before, after = comparison.before, comparison.after
    columns: dict[str, Any] = {"question": after.ids, "text": question_texts(report, comparison)}
    if after.seen is not None:
        columns["seen"] = after.seen
    for measure in comparison.measures:
        one, other = before.values[measure], after.values[measure]
        columns |= {f"{measure} before": one, f"{measure} after": other, f"{measure} change": other - one}
    found = {"found before": before.ranking, "found after": after.ranking}
    return pd.DataFrame(columns | {name: [row.tolist() for row in ranking] for name, ranking in found.items()})


def question_texts(report: Report, comparison: Comparison) -> list[str]:
    """The questions as texts; their names where no text is known."""
    names, given = comparison.after.ids.tolist(), report.questions
    known = comparison.after.texts or comparison.before.texts
    if given is not None:
        return [given.get(name, name if known is None else known[i]) for i, name in enumerate(names)]
    return [str(name) for name in names] if known is None else list(known)
