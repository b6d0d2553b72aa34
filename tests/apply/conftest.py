"""A dictionary as a store, its journal, and what every test of safe writing asks of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from nudge_core.apply import Journal, survey

DTYPES = (np.float16, np.float32, np.float64)


class DictTarget:
    """Vectors in a dictionary. `on_replace` and `on_fetch` are called before anything happens, and may raise."""

    kind = "Dict"
    rounding = 0.0

    def __init__(self, vectors: dict[str, np.ndarray], batch: int | None = None) -> None:
        first = next(iter(vectors.values()))
        self.dim, self.dtype, self.batch = len(first), first.dtype, batch
        self.held = {name: vector.copy() for name, vector in vectors.items()}
        self.writes: list[list[str]] = []
        self.on_replace: Callable[[Sequence[str]], None] = lambda ids: None
        self.on_fetch: Callable[[Sequence[str]], None] = lambda ids: None
        self.takes: Callable[[str, np.ndarray], np.ndarray | None] = lambda name, vector: vector

    def fetch(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        self.on_fetch(ids)
        return {name: self.held[name].copy() for name in ids if name in self.held}

    def replace(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        self.on_replace(ids)
        assert len(set(ids)) == len(ids) <= (self.batch or len(ids))
        there = [not isinstance(ids, dict) or self._holds(name, ids[name]) for name in ids]
        assert (vectors.shape, vectors.dtype) == ((len(ids), self.dim), self.dtype)
        self.writes.append(list(ids))
        for name, vector, fits in zip(ids, vectors, there, strict=True):
            taken = self.takes(name, vector)
            if fits and name in self.held and taken is not None:
                self.held[name] = taken.copy()

    def _holds(self, name: str, vector: np.ndarray) -> bool:
        return name in self.held and self.held[name].tobytes() == vector.tobytes()

    def bits(self) -> dict[str, bytes]:
        """What it holds, to the last bit."""
        return {name: vector.tobytes() for name, vector in self.held.items()}


@dataclass
class World:
    """A store with documents d0, d1, … and its journal; `fresh` makes more of the same kind."""

    folder: Path
    dtype: np.dtype = np.dtype(np.float32)
    docs: int = 9
    dim: int = 3
    batch: int | None = 2
    target: DictTarget = field(init=False)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.dtype = np.dtype(self.dtype)
        self.ids = [f"d{i}" for i in range(self.docs)]
        self.target = DictTarget(dict(zip(self.ids, self.vectors(0), strict=True)), self.batch)
        self.original = self.target.bits()
        self.journal = self.open()

    def open(self, name: str = "journal.sqlite", **options: object) -> Journal:
        """The journal opened once more, as after a restart."""
        about = {"kind": "Dict", "fingerprint": "this", "dim": self.dim, "dtype": self.dtype} | options
        return Journal(self.folder / name, **about)

    def vectors(self, seed: int, count: int | None = None) -> np.ndarray:
        """(count, dim) other vectors for each seed."""
        return np.random.default_rng(seed).normal(size=(count or self.docs, self.dim)).astype(self.dtype)

    def known_originals(self) -> dict[str, bytes]:
        """What a restore would put back, and where nothing is moved what stands."""
        found = survey(self.target, self.journal).originals
        return self.target.bits() | {name: vector.tobytes() for name, vector in found.items()}

    def stopping(self, after: int, error: BaseException) -> Callable[[Sequence[str]], None]:
        """For `on_replace` or `on_fetch`: goes well so many times, then fails for ever."""
        left = iter(range(after))

        def call(ids: Sequence[str]) -> None:
            if next(left, None) is None:
                raise error

        return call


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., World]:
    """A store and its journal: make(dtype, docs=…, dim=…, batch=…, folder=…)."""
    return lambda *args, folder="", **options: World(tmp_path / folder, *args, **options)


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    """Nine documents in float32, two a write."""
    return make()
