"""What a nudge did not write, find or learn from, told in a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from nudge_core.apply.records import Outcome
from nudge_core.errors import counted, first_few


class Told(Protocol):
    """What a report knows of it."""

    @property
    def outcome(self) -> Outcome | None:
        """The run; None where nothing was written."""

    @property
    def skipped(self) -> Sequence[str]:
        """Questions without a relevant document."""

    @property
    def unreachable(self) -> Sequence[str]:
        """Documents that the index no longer finds."""

    @property
    def remedy(self) -> str:
        """What to do about these."""

    @property
    def missing(self) -> Sequence[str]:
        """Documents of labels that are not in the store."""

    @property
    def filtered(self) -> bool:
        """Whether there was a filter."""

    @property
    def gone(self) -> Sequence[str]:
        """Documents of feedback that are no longer in the store."""


def left_out(report: Told) -> Iterator[str]:
    """What was not written, not found or not learned from, a sentence each."""
    done = Outcome(None, 0) if report.outcome is None else report.outcome
    for names, one, more in (
        (
            done.changed,
            "document changed meanwhile and was left alone",
            "documents changed meanwhile and were left alone",
        ),
        (
            done.missing,
            "document was deleted meanwhile and was left alone",
            "documents were deleted meanwhile and were left alone",
        ),
        (
            done.overwritten,
            "document was changed in the very moment of writing and may hold a vector of its text before: add it again",
            "documents were changed in the very moment of writing and may hold vectors of their texts before: add them again",
        ),
        (
            report.skipped,
            "question has no relevant document and was left out",
            "questions have no relevant document and were left out",
        ),
    ):
        if names:
            yield f"{counted(len(names), one, more)}: {first_few(names, 3)}."
    if report.unreachable:
        yield (
            f"The store's index no longer finds {len(report.unreachable)} of the documents tried by their own vector: "
            f"{first_few(report.unreachable, 3)}; {report.remedy}."
        )
    if report.missing:
        what = counted(len(report.missing), "document that is", "documents that are")
        where = "in the store" + (" or does not pass the filter" if report.filtered else "")
        yield f"Labels of {what} not {where} were left out: {first_few(report.missing, 3)}."
    if report.gone:
        what = counted(len(report.gone), "document that is", "documents that are")
        yield f"Feedback on {what} no longer in the store was left out: {first_few(report.gone, 3)}."
