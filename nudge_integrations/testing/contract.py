"""The contract of every store adapter: what is read, what is written, and what outlives the process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from nudge_core.apply.equality import near
from nudge_core.errors import InputError, UnknownIdError
from nudge_integrations.stores import Metric, StoreAdapter, adapter_of
from nudge_integrations.testing.searching import DIM, DOCS, Filled, SearchContract, same_bits, unit


class StoreContract(SearchContract):
    """Subclass it, write `make` and `payloads`, and pytest runs the whole contract on a real store.

    Attributes:
        metrics: Those that the store knows; everything runs once for each.
        keeps_length: Whether a cosine collection returns vectors of the length they were given with. False where it scales them to one.
    """

    metrics: ClassVar[Sequence[Metric]] = ("cosine", "dot", "l2")
    keeps_length: ClassVar[bool] = True

    def make(
        self,
        folder: Path,
        metric: Metric,
        ids: list[str],
        vectors: NDArray[np.float64],
        texts: list[str],
        metadatas: list[dict[str, Any]],
    ) -> Any:
        """A new store that holds these documents with these vectors, (docs, dim).

        Args:
            folder: An empty folder for its files. Called twice in one test with different folders, it makes two stores apart.
            metric: One of `metrics`.
            ids: One for each document.
            vectors: One row for each document.
            texts: One for each document.
            metadatas: One for each document.
        """
        raise NotImplementedError

    def adapt(self, store: Any) -> StoreAdapter:
        """The adapter under test; that of the registry if not overridden."""
        return adapter_of(store)

    def payloads(self, store: Any) -> dict[str, tuple[str, dict[str, Any]]]:
        """Text and metadata of every document, read by other means than the adapter."""
        raise NotImplementedError

    def reopen(self, folder: Path, metric: Metric, store: Any) -> Any:
        """The same collection, opened anew as after a restart; skips where nothing outlives the process."""
        pytest.skip("this store lives in memory only")

    def ids(self, count: int) -> list[str]:
        """Ids such as users have; override where the store takes another kind only."""
        odd = [
            "it's",
            'say "no"',
            "50%_off",
            "back\\slash",
            "a,b;c",
            "ünïcode-文档",
            "spaces in it",
            "123",
            "-1",
            "x" * 200,
        ]
        return [*odd, *(f"doc-{i}" for i in range(count - len(odd)))]

    # What follows is not to be overridden.

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the contract once for each metric."""
        if "metric" in metafunc.fixturenames:
            metafunc.parametrize("metric", self.metrics, indirect=True)

    @pytest.fixture
    def metric(self, request: pytest.FixtureRequest) -> Metric:
        """Each metric of the store."""
        return request.param  # type: ignore[no-any-return]

    @pytest.fixture
    def filled(self, tmp_path: Path, metric: Metric) -> Filled:
        """A store with DOCS documents of unit length."""
        return Filled(self, tmp_path / "first", metric, self.ids(DOCS), unit(np.random.default_rng(3), DOCS))

    def test_it_says_what_it_is(self, filled: Filled, metric: Metric) -> None:
        adapter = filled.adapter
        assert (adapter.count(), adapter.dim, adapter.metric) == (DOCS, DIM, metric)
        assert adapter.dtype in (np.float16, np.float32, np.float64)
        assert adapter.batch is None or adapter.batch > 0
        assert adapter.kind
        assert f"docs={DOCS}, dim={DIM}" in repr(adapter)

    def test_vectors_are_fetched_bit_for_bit_by_id(self, filled: Filled) -> None:
        found = filled.adapter.fetch([*filled.ids[::-1], "not-there"])
        assert set(found) == set(filled.ids)
        assert {v.dtype for v in found.values()} == {filled.adapter.dtype}
        stacked = np.stack([found[name] for name in filled.ids])
        if self.keeps_length or filled.metric != "cosine":
            assert same_bits(stacked, filled.vectors.astype(filled.adapter.dtype))
        np.testing.assert_allclose(stacked, filled.vectors, atol=2e-3 if filled.adapter.dtype == np.float16 else 1e-6)

    def test_nothing_is_fetched_for_no_ids_or_strange_ones(self, filled: Filled) -> None:
        assert filled.adapter.fetch([]) == {}
        assert filled.adapter.fetch(["not-there", "7f3e", ""]) == {}

    def test_reading_keeps_the_order_asked_and_repeats(self, filled: Filled) -> None:
        wanted = [filled.ids[i] for i in (9, 3, 9, 0, 59)]
        rows = filled.adapter.read(wanted)
        found = filled.adapter.fetch(wanted)
        assert same_bits(rows, np.stack([found[name] for name in wanted]))
        assert filled.adapter.read([]).shape == (0, DIM)

    def test_reading_names_the_ids_that_are_missing(self, filled: Filled) -> None:
        with pytest.raises(UnknownIdError, match="not-there"):
            filled.adapter.read([filled.ids[0], "not-there"])

    @pytest.mark.parametrize("size", [1, 7, 60, 1000])
    def test_walking_gives_every_document_once(self, filled: Filled, size: int) -> None:
        pages = list(filled.adapter.walk(size))
        assert max(len(ids) for ids, _ in pages) <= size
        ids = [name for names, _ in pages for name in names]
        assert sorted(ids) == sorted(filled.ids)
        assert same_bits(np.concatenate([vectors for _, vectors in pages]), filled.adapter.read(ids))

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_texts_are_those_of_the_documents(self, filled: Filled, size: int) -> None:
        if type(filled.adapter).texts is StoreAdapter.texts:
            with pytest.raises(InputError, match="gives no texts"):
                list(filled.adapter.texts(size))
            pytest.skip("this adapter gives no texts")
        pages = list(filled.adapter.texts(size))
        assert all(1 <= len(ids) <= size and len(ids) == len(texts) == len(data) for ids, texts, data in pages)
        ids, texts, data = ([each for page in pages for each in page[part]] for part in range(3))
        assert len(ids) == DOCS
        assert dict(zip(ids, zip(texts, data, strict=True), strict=True)) == self.payloads(filled.store)

    def test_replacing_changes_these_vectors_only(self, filled: Filled) -> None:
        before = filled.adapter.read(filled.ids)
        payloads = self.payloads(filled.store)
        new = unit(np.random.default_rng(4), 20).astype(filled.adapter.dtype)
        new[0, :3] = [-0.0, 1e-30 if new.dtype != np.float16 else 0, 1 / 3]
        new[0] /= np.linalg.norm(new[0])
        filled.replace(filled.ids[5:25], new)
        after = filled.adapter.read(filled.ids)
        if self.keeps_length or filled.metric != "cosine":
            assert same_bits(after[5:25], new)
        np.testing.assert_allclose(after[5:25], new, atol=1e-6)
        assert same_bits(np.delete(after, slice(5, 25), 0), np.delete(before, slice(5, 25), 0))
        assert self.payloads(filled.store) == payloads
        assert filled.adapter.count() == DOCS

    def test_originals_come_back_bit_for_bit(self, filled: Filled) -> None:
        before = filled.adapter.read(filled.ids)
        for seed in range(3):
            filled.replace(filled.ids, unit(np.random.default_rng(seed), DOCS).astype(filled.adapter.dtype))
        filled.replace(filled.ids[::-1], before[::-1])
        assert same_bits(filled.adapter.read(filled.ids), before)

    def test_what_was_read_can_be_written_any_number_of_times(self, filled: Filled) -> None:
        before = filled.adapter.read(filled.ids)
        for _ in range(3):
            filled.replace(filled.ids, filled.adapter.read(filled.ids))
        assert same_bits(filled.adapter.read(filled.ids), before)

    def test_a_vector_is_written_only_over_the_one_that_it_was_computed_from(self, filled: Filled) -> None:
        before = filled.adapter.read(filled.ids)
        payloads, strange = self.payloads(filled.store), self.ids(DOCS + 1)[-1]
        new = unit(np.random.default_rng(11), 11).astype(filled.adapter.dtype)
        must = dict(zip(filled.ids[:10], before[:10], strict=True))
        other = before[20].copy()
        other[3] = np.nextafter(other[3], other.dtype.type(9))  # one bit beside
        must |= {filled.ids[2]: before[21], filled.ids[5]: other, filled.ids[6]: -before[6], strange: before[0]}
        assert not list(filled.adapter.replace(must, new) or ())
        after = filled.adapter.read(filled.ids)
        left = [2, 5, 6, *range(10, DOCS)]
        assert same_bits(after[left], before[left])
        done = [0, 1, 3, 4, 7, 8, 9]
        np.testing.assert_allclose(after[done], new[done], atol=1e-6)
        assert filled.adapter.count() == DOCS
        assert self.payloads(filled.store) == payloads
        assert not list(filled.adapter.replace(dict(zip(filled.ids, after, strict=True)), before) or ())
        assert same_bits(filled.adapter.read(filled.ids), before)

    def test_what_is_read_lies_within_the_rounding_of_what_was_written(self, filled: Filled) -> None:
        new = unit(np.random.default_rng(12), DOCS).astype(filled.adapter.dtype)
        filled.replace(filled.ids, new)
        held = filled.adapter.fetch(filled.ids)
        assert all(near(held[name], row, filled.adapter.rounding) for name, row in zip(filled.ids, new, strict=True))

    def test_unknown_ids_are_never_added(self, filled: Filled) -> None:
        strange = self.ids(DOCS + 2)[-2:]
        new = unit(np.random.default_rng(5), 3).astype(filled.adapter.dtype)
        filled.replace([strange[0], filled.ids[0], strange[1]], new)
        assert filled.adapter.count() == DOCS
        assert filled.adapter.fetch(strange) == {}
        np.testing.assert_allclose(filled.adapter.read(filled.ids[:1])[0], new[1], atol=1e-6)

    def test_nothing_happens_for_no_ids(self, filled: Filled) -> None:
        before = filled.adapter.read(filled.ids)
        filled.adapter.replace([], np.zeros((0, DIM), filled.adapter.dtype))
        assert same_bits(filled.adapter.read(filled.ids), before)

    def test_vectors_of_other_lengths(self, tmp_path: Path, metric: Metric) -> None:
        rng = np.random.default_rng(6)
        vectors = unit(rng, DOCS) * rng.uniform(0.5, 2, size=(DOCS, 1))
        filled = Filled(self, tmp_path / "first", metric, self.ids(DOCS), vectors)
        before = filled.adapter.read(filled.ids)
        filled.replace(filled.ids, before[::-1].copy())
        assert same_bits(filled.adapter.read(filled.ids), before[::-1])

    def test_a_fingerprint_belongs_to_one_collection(self, filled: Filled, tmp_path: Path) -> None:
        first = filled.adapter.fingerprint
        if first is None:
            pytest.skip("this store lives in memory only")
        assert self.adapt(filled.store).fingerprint == first
        other = Filled(self, tmp_path / "second", filled.metric, filled.ids, filled.vectors)
        assert other.adapter.fingerprint != first

    def test_a_mark_stays_with_the_collection(self, filled: Filled, tmp_path: Path) -> None:
        adapter = filled.adapter
        if not adapter.keeps_mark:
            assert adapter.mark() is None
            pytest.skip("this store keeps no mark")
        assert adapter.mark() is None
        before, payloads = adapter.read(filled.ids), self.payloads(filled.store)
        for mark in ("5f0c", "0b7a9c"):
            adapter.put_mark(mark)
            assert adapter.mark() == mark
        filled.replace(filled.ids[:3], before[3:6])
        filled.replace(filled.ids[:3], before[:3])
        assert self.adapt(filled.store).mark() == "0b7a9c"
        assert same_bits(adapter.read(filled.ids), before)
        assert self.payloads(filled.store) == payloads
        other = Filled(self, tmp_path / "second", filled.metric, filled.ids, filled.vectors)
        assert other.adapter.mark() is None
        assert self.adapt(self.reopen(filled.folder, filled.metric, filled.store)).mark() == "0b7a9c"

    def test_what_was_written_outlives_the_process(self, filled: Filled) -> None:
        new = unit(np.random.default_rng(10), DOCS).astype(filled.adapter.dtype)
        filled.replace(filled.ids, new)
        written, print_ = filled.adapter.read(filled.ids), filled.adapter.fingerprint
        payloads = self.payloads(filled.store)
        again = self.reopen(filled.folder, filled.metric, filled.store)
        adapter = self.adapt(again)
        assert same_bits(adapter.read(filled.ids), written)
        assert adapter.fingerprint == print_
        assert self.payloads(again) == payloads
