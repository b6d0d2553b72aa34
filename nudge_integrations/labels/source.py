"""Source: what a file or an object holds, as rows that know where they stand, whatever it was written in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from nudge_core.errors import FileFormatError, InputError
from nudge_integrations.labels.dataset import SPLITS
from nudge_integrations.labels.values import TEXT, plain

LISTS = ("data", "examples", "rows", "items", "goldens", "samples", "questions", "annotations", "spans", "qrels")
"""Names under which exports keep their list of rows."""
NAMES_OF_SPLITS = {name: name for name in SPLITS} | dict.fromkeys(("validation", "valid", "val", "eval"), "dev")


@dataclass(frozen=True)
class Row:
    """One entry of a source.

    Attributes:
        values: {column: value}.
        where: The file and line, or the place in the list.
        split: "train", "dev" or "test" where the source says.
        judged: The grades that the row gives its documents, one for each or one for all; 0 and below says not relevant, None nothing.
    """

    values: Mapping[str, Any]
    where: str
    split: str | None = None
    judged: tuple[float | None, ...] = ()


@dataclass(frozen=True, eq=False)
class Source:
    """What a file or an object holds: its entries, if it is a table or a list of objects, and the object at its top, if it is one."""

    name: str
    rows: tuple[Row, ...] = ()
    tree: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of all rows, in the order in which they occur."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.values))

    def named(self, usual: Iterable[str], taken: Collection[str | None] = ()) -> str | None:
        """The first of these names that a column has which is not taken for something else."""
        there = set(self.columns).difference(taken)
        return next((name for name in usual if name in there), None)

    def column(self, option: str, given: str | None, usual: Iterable[str] = (), *, needed: bool = False) -> str | None:
        """The column that the user gave for an option, which must be there, else one of the usual names."""
        found, there = self.named(usual) if given is None else given, ", ".join(map(repr, self.columns))
        if given is not None and given not in self.columns:
            raise FileFormatError(f"{self.name} has no column {option}={given!r}; there are {there}")
        if needed and found is None:
            raise FileFormatError(f"{self.name}: which of the columns {there} is the {option}? Say {option}='…'")
        return found

    @property
    def shape(self) -> str:
        """What was seen, for messages."""
        if self.rows:
            return f"{len(self.rows)} rows with the columns {', '.join(map(repr, self.columns))}"
        return f"an object with the keys {', '.join(map(repr, self.tree))}" if self.tree else "nothing"


def source_of(given: Any, name: str = "", place: str = "entry {}") -> Source:
    """Take an object for a source: a list of rows, a data frame, a `datasets` set, or a JSON object that holds a list."""
    name = name or f"the {type(given).__name__}"
    tree = plain(given)
    if isinstance(tree, Mapping):
        return _of_object(tree, name, place)
    if isinstance(tree, Sequence) and not isinstance(tree, str | bytes):
        return Source(name, tuple(rows_of(tree, name, place)))
    raise InputError(
        f"{name} cannot be read as labelled questions: expected a path, a list of rows, a data frame, or a JSON object"
    )


def _of_object(tree: Mapping[str, Any], name: str, place: str) -> Source:
    splits = {key: NAMES_OF_SPLITS.get(str(key).lower()) for key in tree}
    if tree and all(splits.values()):
        parts = [(key, source_of(part, f"{name}[{key!r}]", place)) for key, part in tree.items()]
        return Source(name, tuple(replace(row, split=splits[key]) for key, part in parts for row in part.rows))
    if any(tree.values()) and all(isinstance(key, str) and (value == [] or _ids(value)) for key, value in tree.items()):
        rows = enumerate(tree.items(), 1)
        return Source(name, tuple(_pair(pair, f"{name}, {place.format(number)}") for number, pair in rows))
    key = next((key for key in LISTS if _objects(tree.get(key))), None)
    if key is None and any(isinstance(tree.get(name), str) for name in TEXT):
        return Source(name, tuple(rows_of([tree], name, place)))  # the only question of a file
    if key is None:
        return Source(name, (), tree)
    return Source(name, tuple(rows_of(tree[key], f"{name}, {key}", place)), tree)


def rows_of(entries: Iterable[Any], name: str, place: str = "entry {}") -> Iterator[Row]:
    """Rows of objects, or of lists whose columns have no names but an order."""
    for number, entry in enumerate(entries, 1):
        where = f"{name}, {place.format(number)}"
        entry = plain(entry)
        if isinstance(entry, Mapping):
            yield Row({str(key): value for key, value in entry.items()}, where)
        elif isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[0], str) and _ids(entry[1]):
            yield _pair((entry[0], entry[1]), where)
        elif isinstance(entry, list | tuple) and len(entry) > 1:
            yield Row({f"column {i}": value for i, value in enumerate(entry, 1)}, where)
        else:
            raise FileFormatError(
                f"{where}, is {str(entry)[:80]!r}: expected an object with named columns, {{'question': …}}"
            )


def _pair(pair: tuple[str, Any], where: str) -> Row:
    return Row({"question": pair[0], "relevant": pair[1]}, where)


def _ids(value: Any) -> bool:
    """Whether this is a list of document ids, or {id: grade}."""
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(grade, int | float) for grade in value.values())
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, str | int) for item in value)


def _objects(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(plain(item), Mapping) for item in value)
