"""A store as a search under a filter sees it: of many tenants in one collection, say, the documents of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError
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
            given: {key: value} of metadata, a list of values meaning any of them; a function of a document's metadata; or what the adapter's own
                `passing` understands.

        Raises:
            InputError: A filter that cannot be applied, or that no document passes.
        """
        self.inner, self.ids = inner, frozenset(_passing(inner, given))
        self.kind, self.metric, self.dim, self.dtype = inner.kind, inner.metric, inner.dim, inner.dtype
        self.batch, self.fingerprint = inner.batch, inner.fingerprint
        self.spelled = inner.spelled  # type: ignore[method-assign]
        if not self.ids:
            raise InputError(
                f"no document of the {self.kind} collection passes the filter {given!r}: look at its keys and values"
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


def _passing(adapter: StoreAdapter, given: Any) -> Iterator[str]:
    own = adapter.passing(given)
    if own is not None:
        yield from own
        return
    passes = _test(adapter.kind, given)
    for names, _, metadata in adapter.texts(PAGE):
        yield from (name for name, data in zip(names, metadata, strict=True) if passes(data))


def _test(kind: str, given: Any) -> Callable[[Mapping[str, Any]], bool]:
    """A filter as a function of metadata."""
    if callable(given):
        return given  # type: ignore[no-any-return]
    plain = isinstance(given, Mapping) and not any(
        str(key).startswith("$") or isinstance(value, Mapping) for key, value in given.items()
    )
    if not plain or not given:
        raise InputError(
            f"filter is {given!r}, which this package cannot apply to {kind}: give {{key: value}}, where a list of values means any of them, or a "
            "function of a document's metadata"
        )
    wanted = {key: value if isinstance(value, list | tuple | set) else [value] for key, value in given.items()}
    return lambda metadata: all(metadata.get(key) in values for key, values in wanted.items())
