"""StoreAdapter: all that this package asks of a vector store. One file a store, the same names inside each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError, UnknownIdError, counted, first_few
from nudge_integrations.stores.searching import Hits

Metric: TypeAlias = Literal["cosine", "dot", "l2"]
Texts: TypeAlias = tuple[list[str], list[str], list[Mapping[str, Any]]]
"""Ids, texts and metadata of some documents."""
Ids: TypeAlias = Sequence[str] | Mapping[str, NDArray[Any]]
"""Ids; or of each what it holds, as far as whoever asks knows."""
LookUp: TypeAlias = Callable[[str], tuple[str, Mapping[str, Any]]]
"""From an id to the text and metadata of its document; "" and {} where there is none."""


class StoreAdapter(ABC):
    """One collection of a vector store: read and replace vectors by id, walk all of them, search.

    An adapter is made of the store's native client, so that it serves every framework. It holds no vectors itself, and never touches texts,
    metadata or ids. Ids are strings here; an adapter turns them into the store's own kind and back.

    Attributes:
        kind: The name of the store in messages.
        remedy: What to do when an index no longer finds what was rewritten, as the end of a sentence.
        metric: How the collection ranks: "cosine", "dot" or "l2".
        dim: Dimension of the vectors.
        dtype: The number type in which the collection holds them: float16, float32 or float64.
        approximate: Whether its search goes through an index that may miss what it holds.
        batch: How many vectors one call of `replace` takes; None where it takes any number at once.
        rounding: How far, over its length, a vector may be read from what was written: 0 where every bit is kept, and more where the engine
            scales vectors itself.
        workers: How many searches may run at a time: 1 where the engine lives in this process or uses all of its cores by itself.
        fingerprint: What tells this collection from every other, as long as it lives; None where it lives in memory only.
        keeps_mark: Whether the store keeps a text beside a collection, by which its journal is found again wherever both are moved: then `mark` and
            `put_mark` are written too, and the fingerprint may be a place, where another collection is made later.
    """

    kind: str
    remedy: ClassVar[str] = "rebuild the index"
    metric: Metric
    dim: int
    dtype: np.dtype[Any] = np.dtype(np.float32)
    batch: int | None = 1000
    rounding: float = 0.0
    approximate: bool = True
    workers: int = 1
    fingerprint: str | None
    keeps_mark: ClassVar[bool] = False

    @abstractmethod
    def count(self) -> int:
        """Number of documents."""

    @abstractmethod
    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors, (dim,) of `dtype`, of those of the ids that are there; in any order, any number of ids."""

    @abstractmethod
    def replace(self, ids: Ids, vectors: NDArray[Any]) -> Iterable[str] | None:
        """Put vectors (len(ids), dim) of `dtype` in the place of those of documents that are there. Nothing else changes.

        Args:
            ids: Distinct, at most `batch` of them. An id that is not there is left out silently, never added. As a mapping they say what each
                must hold: one that holds another vector is left out too, compared as late as the engine allows; see `holding`.
            vectors: What `fetch` returns from now on, bit for bit.

        Returns:
            The ids, if any, of documents that somebody changed in the moment between that comparison and the write, as far as this can be seen
            afterwards, and whose own vectors were written over.
        """

    @abstractmethod
    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document once, in pages of at most `size`: ids, and vectors (len(ids), dim) of `dtype`."""

    @abstractmethod
    def nearest(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[list[str]]:
        """The ids of the k nearest documents of each vector by the store's own search, best first.

        Args:
            vectors: (queries, dim).
            k: How many; fewer come back where there are not as many.
            exclude: Documents that do not take part; perhaps thousands.
        """

    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """`nearest` with scores. Override where the search tells exact distances: here the vectors are read again to compute them.

        Args:
            vectors: (queries, dim).
            k: How many.
            exclude: Documents that do not take part.
        """
        return self.scored(vectors, self.nearest(vectors, k, exclude))

    def scored(self, vectors: NDArray[np.float32], found: Sequence[Sequence[str]]) -> list[Hits]:
        """What was found for each vector with scores, computed from the vectors of the documents."""
        names = list(dict.fromkeys(name for ids in found for name in ids))
        held, done = self.fetch(names), []
        for vector, ids in zip(vectors, found, strict=True):
            there = [name for name in ids if name in held]
            rows = np.asarray([held[name] for name in there], np.float32).reshape(len(there), self.dim)
            scores = rows @ vector
            if self.metric == "cosine":
                scores /= np.maximum(np.linalg.norm(rows, axis=1), np.finfo(np.float32).tiny)
            done.append(Hits(there, scores))
        return done

    def about(self) -> int:
        """About how many documents there are: override where `count` reads them all, and the store knows roughly at once."""
        return self.count()

    def texts(self, size: int) -> Iterator[Texts]:  # noqa: ARG002  # for those that override it
        """Every document once, in pages of at most `size`: ids, texts and metadata. Labels are matched to them; override where there are texts.

        A text that a document lacks is "", metadata that it lacks is {}.

        Raises:
            InputError: The store holds no texts, or not where this adapter looks for them.
        """
        raise InputError(
            f"this {self.kind} store gives no texts: give the documents as (id, text, metadata), or label with the ids that it holds"
        )

    def mark(self) -> str | None:
        """The text that `put_mark` left with the collection; None where there is none."""
        return None

    def put_mark(self, mark: str) -> None:
        """Keep a text with the collection, in the place of one that is there."""
        raise NotImplementedError(mark)

    def passing(self, given: Any) -> Iterable[str] | None:  # noqa: ARG002  # for those that override it
        """The ids of the documents that pass a filter in the store's own words; None where {key: value} of metadata is all that is known."""
        return None

    @staticmethod
    def spelled(name: str) -> str:
        """An id that somebody wrote as the store spells it; override where one id has several spellings."""
        return name

    def read(self, ids: Sequence[str]) -> NDArray[Any]:
        """The vectors of these documents in the order asked, (len(ids), dim) of `dtype`.

        Raises:
            UnknownIdError: Ids that the store does not hold.
        """
        ids = [self.spelled(name) for name in ids]
        found = self.fetch(list(dict.fromkeys(ids)))
        missing = list(dict.fromkeys([name for name in ids if name not in found]))
        if missing:
            raise UnknownIdError(
                f"{counted(len(missing), 'document is', 'documents are')} not in the {self.kind} collection of {self.count()}: {first_few(missing)}. "
                "Name documents by ids that the store holds, or add these first"
            )
        return np.stack([found[name] for name in ids]) if len(ids) else np.zeros((0, self.dim), self.dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(docs={self.count()}, dim={self.dim}, metric={self.metric!r}, dtype={self.dtype})"


class ScoringAdapter(StoreAdapter):
    """A store whose own search tells scores: write `hits`, and `nearest` follows."""

    @abstractmethod
    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """The nearest documents of each vector with their scores, best first."""

    def nearest(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[list[str]]:
        """The ids of `hits`."""
        return [list(found.ids) for found in self.hits(vectors, k, exclude)]


def holding(ids: Ids, held: Mapping[str, NDArray[Any]]) -> list[int]:
    """The places of those ids that are there, and hold what they must where `ids` is a mapping.

    Args:
        ids: As `replace` takes them.
        held: What `fetch` gives now.
    """
    must = ids if isinstance(ids, Mapping) else held
    return [
        i
        for i, name in enumerate(ids)
        if name in held and (must is held or must[name].tobytes() == held[name].tobytes())
    ]


def pages(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    """Consecutive pieces of at most `size` ids."""
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])


def texts_by(look_up: LookUp, ids: Sequence[str], size: int) -> Iterator[Texts]:
    """The texts and metadata of these documents, in pages."""
    for page in pages(ids, size):
        found = [look_up(name) for name in page]
        yield page, [text for text, _ in found], [data for _, data in found]


PARENT = ("doc_id", "document_id", "ref_doc_id")
"""Under which LlamaIndex keeps, in stores that hold metadata, the id of the document that a node was cut from."""


def with_parent(parent: str | None, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of a node, with the id of that document as such stores hold it."""
    return {**dict.fromkeys(PARENT, parent), **metadata} if parent else metadata


def node_in(docstore: Any) -> LookUp:
    """Looks up nodes in LlamaIndex's docstore, which holds the texts of vector stores that hold none."""

    def look_up(name: str) -> tuple[str, Mapping[str, Any]]:
        node = docstore.get_document(name, raise_error=False)
        if node is None:
            return "", {}
        return node.get_content(), with_parent(node.ref_doc_id, node.metadata)

    return look_up
