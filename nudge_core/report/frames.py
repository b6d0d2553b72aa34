"""A report as a pandas DataFrame."""

from __future__ import annotations

from typing import Any

from nudge_core.display import frame_of
from nudge_core.errors import InputError, MissingExtraError
from nudge_core.report.report import Report

KINDS = ("measures", "questions", "documents")


@frame_of.register
def frame(report: Report, rows: str | None) -> Any:
    """One row for each of the measures, questions or documents; see `Reported.to_frame`."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("pandas", "report", "a report as a DataFrame") from error
    wanted = rows or ("documents" if report.comparison is None else "measures")
    if wanted not in KINDS:
        raise InputError(f"rows is {rows!r}; expected one of {', '.join(KINDS)}")
    if wanted == "documents":
        return pd.DataFrame(_documents(report))
    if report.comparison is None:
        raise InputError(f"no questions were measured, so there are no {wanted}: make it of after.compare(before)")
    return pd.DataFrame(report.comparison.to_dict()["lines"] if wanted == "measures" else _questions(report))


def _questions(report: Report) -> dict[str, Any]:
    assert report.comparison is not None  # noqa: S101  # for mypy
    before, after = report.comparison.before, report.comparison.after
    texts = question_texts(report)
    columns: dict[str, Any] = {"question": after.ids, "text": texts}
    if after.seen is not None:
        columns["seen"] = after.seen
    for measure in report.comparison.measures:
        one, other = before.values[measure], after.values[measure]
        columns |= {f"{measure} before": one, f"{measure} after": other, f"{measure} change": other - one}
    found = {"found before": before.ranking, "found after": after.ranking}
    return columns | {name: [row.tolist() for row in ranking] for name, ranking in found.items()}


def question_texts(report: Report) -> list[str]:
    """The questions as texts; their names where no text is known."""
    assert report.comparison is not None  # noqa: S101  # for mypy
    after = report.comparison.after
    known = after.texts or report.comparison.before.texts
    names = after.ids.tolist()
    if report.questions is not None:
        given = report.questions
        return [given.get(name, name if known is None else known[i]) for i, name in enumerate(names)]
    return [str(name) for name in names] if known is None else list(known)


def _documents(report: Report) -> dict[str, Any]:
    tuned = report.tuned
    if tuned is None:
        raise InputError("there are no moves to list: make the report with Report(comparison, tuned)")
    return {"document": tuned.ids, "row": tuned.rows} | ({} if tuned.angles is None else {"angle": tuned.angles})
