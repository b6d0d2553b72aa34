"""How results are shown: as text, in a terminal with rich, in a notebook; and, with their reports, as a page and as a frame.

Reports stand above results. So `nudge_core.report` registers here how a report is made of each result, and the forms that only reports have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

Block: TypeAlias = "str | list[list[str]]"
"""A sentence, or a table whose first row is its head."""

Texts: TypeAlias = "Mapping[Any, str] | Callable[[Sequence[Any]], Mapping[Any, str]]"
"""The texts of documents by id; or what gives those of some ids."""

_CELL = "padding:.2em .8em;text-align:{};white-space:nowrap"


class Shown(ABC):
    """What has a text, a rich and an HTML form, all of the same blocks."""

    @abstractmethod
    def blocks(self) -> Iterable[Block]:
        """Sentences and tables, in order."""

    def __repr__(self) -> str:
        return "\n".join(block if isinstance(block, str) else table(block) for block in self.blocks())

    def _repr_html_(self) -> str:
        return "".join(map(_html, self.blocks()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What `rich.print` shows."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        for block in self.blocks():
            if isinstance(block, str):
                yield Text(block)
                continue
            (head, *rows), drawn = block, Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
            for i, name in enumerate(head):
                drawn.add_column(Text(name), justify="left" if i < 2 else "right", no_wrap=True)
            grouped = len({row[0] for row in rows}) < len(rows)
            for row, following in zip(rows, [*rows[1:], head], strict=True):
                drawn.add_row(*map(Text, row), end_section=grouped and following[0] != row[0])
            yield drawn


class Reported(Shown):
    """What a report can be made of."""

    def report(self) -> Any:
        """A `nudge_core.report.Report`: the whole content, which all forms show."""
        return report_of(self)

    def to_html(
        self,
        path: str | Path,
        *,
        texts: Texts | None = None,
        questions: Mapping[Any, str] | None = None,
        title: str | None = None,
    ) -> Path:
        """Write one HTML file that holds everything and opens without a network.

        Args:
            path: The file, for example "report.html". An existing file is replaced at once, when the new one is complete.
            texts: {document id: text}, or what gives such a mapping for a list of ids. Without it those of the store, where there is one.
            questions: {question id: text}, where questions are named by other ids than their texts.
            title: The heading of the page.

        Returns:
            The file.

        Raises:
            InputError: The file cannot be written there.
            MissingExtraError: jinja2 is not installed.
        """
        given = {"texts": texts, "questions": questions, "title": title}
        report = replace(self.report(), **{name: value for name, value in given.items() if value is not None})
        return write_page(report, path)

    def to_frame(self, rows: Literal["measures", "questions", "documents"] | None = None) -> Any:
        """A pandas DataFrame.

        Args:
            rows: One for each of the "measures" and subsets, the "questions", or the "documents" that moved. Without it measures where there are
                some, else documents.

        Raises:
            InputError: There are no such rows.
            MissingExtraError: pandas is not installed.
        """
        return frame_of(self.report(), rows)


@singledispatch
def report_of(result: Any) -> Any:
    """The report of a result."""
    raise NotImplementedError(f"nothing makes a report of a {type(result).__name__}: register it with report_of")


@singledispatch
def write_page(report: Any, path: str | Path) -> Path:
    """A report as one HTML file."""
    raise NotImplementedError(f"nothing writes a page of a {type(report).__name__}: register it with write_page")


@singledispatch
def frame_of(report: Any, rows: str | None) -> Any:
    """A report as a pandas DataFrame."""
    raise NotImplementedError(f"nothing makes a frame of a {type(report).__name__}: register it with frame_of")


def _html(block: Block) -> str:
    if isinstance(block, str):
        return f"<p><bdi>{escape(block)}</bdi></p>"

    def cells(row: list[str], kind: str) -> str:
        return "".join(
            f'<{kind} style="{_CELL.format("left" if i < 2 else "right")}">{escape(cell)}</{kind}>'
            for i, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in block[1:])
    return f"<table><thead><tr>{cells(block[0], 'th')}</tr></thead><tbody>{body}</tbody></table>"


def table(rows: list[list[str]]) -> str:
    """Text columns: the first aligned to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def number_or_none(value: float) -> float | None:
    """None in place of NaN, which JSON does not know."""
    return None if value != value else value
