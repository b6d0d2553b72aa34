"""A store as a search under a filter sees it: of many tenants in one collection, say, the documents of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError, first_few
from nudge_integrations.stores.base import Ids, StoreAdapter, Texts

PAGE = 2000


class FilteredAdapter(StoreAdapter):
    """The documents of a collection that pass a filter; it reads and never searches.

    Attributes:
        inner: The adapter of the whole collection.
        ids: The documents that pass.
    """

    def __init__(self, inner: StoreAdapter, given: Any) -> None:
        """Ask the store which documents pass, in its own words where it has some.

        Args:
            inner: The adapter of the whole collection.
            given: {key: value} of metadata, a list of values meaning any of them; a function of a document's metadata, or of a document; or
                what the adapter's own `passing` understands.

        Raises:
            InputError: A filter that cannot be applied, or that no document passes.
        """
        passing, keys = _passing(inner, given)
        self.inner, self.ids = inner, frozenset(passing)
        self.kind, self.metric, self.dim, self.dtype = inner.kind, inner.metric, inner.dim, inner.dtype
        self.batch, self.fingerprint = inner.batch, inner.fingerprint
        self.spelled = inner.spelled  # type: ignore[method-assign]
        if not self.ids:
            there = f"; metadata there has {_listed(keys)}" if keys else ""
            raise InputError(
                f"no document of the {self.kind} collection passes the filter {_told(given)}: look at its keys and values{there}"
            )

    def count(self) -> int:
        """Number of documents that pass."""
        return len(self.ids)

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that pass."""
        return self.inner.fetch([name for name in ids if name in self.ids])

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> None:
        """Nothing is written through a filter."""
        raise NotImplementedError

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document that passes, in pages."""
        for names, vectors in self.inner.walk(size):
            kept = [row for row, name in enumerate(names) if name in self.ids]
            if kept:
                yield [names[row] for row in kept], vectors[kept]

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and metadata of all documents that pass, in pages."""
        for names, texts, metadata in self.inner.texts(size):
            kept = [row for row, name in enumerate(names) if name in self.ids]
            if kept:
                yield [names[row] for row in kept], [texts[row] for row in kept], [metadata[row] for row in kept]

    def nearest(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[list[str]]:  # noqa: ARG002
        """A search under a filter is not asked for here."""
        raise InputError("a filter goes with background='exact' only: leave background out, or say background='exact'")


class Seen(dict[str, Any]):
    """The metadata of a document, for a function that filters; some functions ask for LangChain's document, which it stands in for too.

    Attributes:
        id: The id.
        page_content: The text.
        metadata: Itself.
    """

    def __init__(self, metadata: Mapping[str, Any], name: str, text: str) -> None:
        super().__init__(metadata)
        self.id, self.page_content, self.metadata = name, text, metadata


def _passing(adapter: StoreAdapter, given: Any) -> tuple[list[str], list[str]]:
    """The documents that pass, and the keys that metadata have, as far as they were looked at."""
    if isinstance(given, Mapping) and not given:
        raise InputError("filter is {}, which lets every document pass: leave it out, or give {key: value}")
    own = adapter.passing(given)
    if own is not None:
        return list(own), []
    passes = _test(adapter.kind, given)
    kept: list[str] = []
    keys: dict[str, None] = {}
    for names, texts, metadata in adapter.texts(PAGE):
        for name, text, data in zip(names, texts, metadata, strict=True):
            keys.update(dict.fromkeys(data))
            try:
                if passes(Seen(data, name, text)):
                    kept.append(name)
            except Exception as error:
                raise InputError(
                    f"the filter fails at document {name!r} ({type(error).__name__}: {error}), whose metadata has {_listed(data)}: a filter is "
                    "called with the metadata of each document; where some lack a key take metadata.get(key)"
                ) from error
    return kept, list(keys)


def _listed(keys: Iterable[str]) -> str:
    return f"the keys {first_few(keys, 20)}" if keys else "no keys"


def _told(given: Any) -> str:
    """A filter in words; a function without its address."""
    return f"that the function {given.__name__} is" if isinstance(given, FunctionType) else repr(given)


def _test(kind: str, given: Any) -> Callable[[Mapping[str, Any]], bool]:
    """A filter as a function of metadata."""
    if callable(given):
        return given  # type: ignore[no-any-return]
    plain = isinstance(given, Mapping) and not any(
        str(key).startswith("$") or isinstance(value, Mapping) for key, value in given.items()
    )
    if not plain:
        raise InputError(
            f"filter is {given!r}, which this package cannot apply to {kind}: give {{key: value}}, where a list of values means any of them, or a "
            "function of a document's metadata"
        )
    wanted = {key: value if isinstance(value, list | tuple | set) else [value] for key, value in given.items()}
    return lambda metadata: all(metadata.get(key) in values for key, values in wanted.items())
