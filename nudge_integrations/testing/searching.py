"""A store filled for tests, and the contract of its searches: nearest documents, scores, exclusion, and fine-tuning by them alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from nudge_core import Contrastive, NudgeN, QuerySet
from nudge_core.corpus import MemoryCorpus
from nudge_core.trial import trial
from nudge_integrations.stores import Metric, StoreAdapter
from nudge_integrations.stores.searched_corpus import SearchedCorpus

DOCS, DIM = 60, 8


class Maker(Protocol):
    """What makes a store and its adapter: a `StoreContract`."""

    def make(self, folder: Path, metric: Metric, *contents: Any) -> Any: ...
    def adapt(self, store: Any) -> StoreAdapter: ...


class Filled:
    """A store that holds documents, and its adapter."""

    def __init__(
        self, contract: Maker, folder: Path, metric: Metric, ids: list[str], vectors: NDArray[np.float64]
    ) -> None:
        self.folder, self.metric, self.ids, self.vectors = folder, metric, ids, vectors
        folder.mkdir()
        texts = [f"text of {name}" for name in ids]
        metadatas: list[dict[str, Any]] = [{"page": i, "source": f"file-{i % 3}"} for i in range(len(ids))]
        self.store = contract.make(folder, metric, ids, vectors, texts, metadatas)
        self.adapter = contract.adapt(self.store)

    def replace(self, ids: list[str], vectors: NDArray[Any]) -> None:
        """Replace in batches, as a run does."""
        step = self.adapter.batch or len(ids)
        for start in range(0, len(ids), step):
            self.adapter.replace(ids[start : start + step], vectors[start : start + step])


def unit(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, DIM) random directions."""
    vectors = rng.normal(size=(count, DIM))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # type: ignore[no-any-return]


def same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays are equal to the last bit, the sign of zero included."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


class SearchContract:
    """The part of `StoreContract` that searches."""

    def ids(self, count: int) -> list[str]:
        """Ids such as users have."""
        raise NotImplementedError

    def test_search_finds_the_nearest_in_order(self, filled: Filled) -> None:
        queries = unit(np.random.default_rng(7), 5).astype(np.float32)
        found = filled.adapter.nearest(queries, 10)
        scores = queries @ filled.vectors.T
        for ids, row in zip(found, scores, strict=True):
            assert ids == [filled.ids[i] for i in np.argsort(-row)[:10]]

    @pytest.mark.parametrize("dropped", [1, 10, 50, 58, 60])
    def test_search_leaves_out_what_is_excluded(self, filled: Filled, dropped: int) -> None:
        queries = unit(np.random.default_rng(8), 3).astype(np.float32)
        scores = queries @ filled.vectors.T
        out = [filled.ids[i] for i in np.argsort(-scores[0])[:dropped]]
        for ids, row in zip(filled.adapter.nearest(queries, 5, out), scores, strict=True):
            assert ids == [filled.ids[i] for i in np.argsort(-row) if filled.ids[i] not in out][:5]

    def test_scores_are_those_of_the_vectors(self, filled: Filled) -> None:
        queries = 3 * unit(np.random.default_rng(12), 4).astype(np.float32)
        held = filled.adapter.read(filled.ids).astype(np.float64)
        held /= np.linalg.norm(held, axis=1, keepdims=True)
        row = {name: place for place, name in enumerate(filled.ids)}
        out = [filled.ids[place] for place in np.argsort(-queries[0] @ held.T)[:7]]
        found = filled.adapter.hits(queries, 20, out)
        assert [list(hits.ids) for hits in found] == filled.adapter.nearest(queries, 20, out)
        for vector, hits in zip(queries, found, strict=True):
            assert len(hits.ids) == len(hits.scores) == 20
            assert not set(hits.ids) & set(out)
            near = 5e-3 if filled.adapter.dtype == np.float16 else 5e-6  # the question is rounded too
            np.testing.assert_allclose(hits.scores, held[[row[name] for name in hits.ids]] @ vector, atol=near)
        assert list(filled.adapter.hits(queries[:0], 20)) == []

    def test_tens_of_thousands_can_be_excluded(self, filled: Filled) -> None:
        queries = unit(np.random.default_rng(13), 2).astype(np.float32)
        order = np.argsort(-queries @ filled.vectors.T)
        out = [*self.ids(20_000)[DOCS:], *(filled.ids[place] for place in order[0][:30])]
        for hits, row in zip(filled.adapter.hits(queries, 5, out), order, strict=True):
            assert list(hits.ids) == [filled.ids[place] for place in row if filled.ids[place] not in set(out)][:5]

    def test_searches_stand_for_a_walk(self, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fine-tuning by the store's own searches: the same as over the vectors in memory, and nothing but labelled documents is read."""
        read: set[str] = set()
        fetch = type(filled.adapter).fetch
        held = MemoryCorpus(filled.adapter.read(filled.ids).astype(np.float32), np.asarray(filled.ids, dtype=object))

        def noted(adapter: StoreAdapter, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
            read.update(ids)
            return fetch(adapter, ids)

        for name in ("walk", "texts"):
            monkeypatch.setattr(type(filled.adapter), name, lambda *_: pytest.fail("the store is walked"))
        monkeypatch.setattr(type(filled.adapter), "fetch", noted)
        monkeypatch.setattr("nudge_integrations.stores.searched_corpus.LOOKED_AT", 10)
        rng = np.random.default_rng(14)
        answers = rng.integers(0, 15, 40)
        asked = (filled.vectors[answers] + unit(rng, 40)).astype(np.float32)
        questions = QuerySet(asked, [[filled.ids[place]] for place in answers])
        for method in (NudgeN("angles", "nDCG@10"), Contrastive(0.05, 0.3, 0, 0, 0, steps=4, unseen_weight=0)):
            exact = trial(held, questions, method=method, folds=3, progress=False)
            found = trial(SearchedCorpus(filled.adapter, {}), questions, method=method, folds=3, progress=False)
            assert found.tuned.settings == exact.tuned.settings, (found.tuned.settings, exact.tuned.settings)
            near = 1e-3 if filled.adapter.dtype == np.float16 else 1e-5
            assert found.tuned.gamma == pytest.approx(exact.tuned.gamma, rel=10 * near)
            order = [exact.tuned.ids.tolist().index(name) for name in found.tuned.ids]
            np.testing.assert_allclose(found.tuned.vectors, exact.tuned.vectors[order], atol=near)
        if type(filled.adapter).hits is not StoreAdapter.hits:  # which reads what it finds
            assert len(read) <= 15 + 2 * 10

    def test_about_how_many_there_are(self, filled: Filled) -> None:
        assert filled.adapter.about() == DOCS

    def test_search_for_more_than_there_are(self, filled: Filled) -> None:
        found = filled.adapter.nearest(filled.vectors[:2].astype(np.float32), DOCS + 40)
        assert [sorted(ids) for ids in found] == [sorted(filled.ids)] * 2

    def test_search_finds_what_was_replaced(self, filled: Filled) -> None:
        new = unit(np.random.default_rng(9), DOCS).astype(filled.adapter.dtype)
        filled.replace(filled.ids, new)
        found = filled.adapter.nearest(new.astype(np.float32), 1)
        assert [ids[0] for ids in found] == filled.ids
