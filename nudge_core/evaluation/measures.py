"""Measures of a ranking, named in the field's own terms: nDCG@10, R@10, RR@10, AP@10, P@10, Success@1, CR@10.

Values equal those of `ir_measures` (trec_eval): a document is relevant when its grade is above zero, and nDCG takes the grade itself as gain.
CR@k is the capped recall that the NUDGE paper reports: relevant documents in the top k, divided by min(k, number relevant).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from nudge_core.errors import InputError


@dataclass(frozen=True)
class Ranked:
    """The grades met down each ranking, and those that an ideal ranking would meet.

    All on the CPU, where float64 is to be had.

    Attributes:
        gains: (…, queries, depth) grade of the document at each rank, 0 where it is not relevant.
        ideal: (queries, depth) the question's grades in falling order, 0 beyond the last.
        counts: (queries,) number of relevant documents.
    """

    gains: Tensor
    ideal: Tensor
    counts: Tensor

    def top(self, k: int) -> Tensor:
        """(…, queries, ≤k) 1 where the document at that rank is relevant, float64."""
        return (self.gains[..., :k] > 0).to(torch.float64)


def _ndcg(ranked: Ranked, k: int) -> Tensor:
    return _dcg(ranked.gains[..., :k]) / _dcg(ranked.ideal[:, :k])


def _dcg(gains: Tensor) -> Tensor:
    ranks = torch.arange(2, gains.shape[-1] + 2, dtype=torch.float64)
    return (gains.to(torch.float64) / torch.log2(ranks)).sum(-1)


def _average_precision(ranked: Ranked, k: int) -> Tensor:
    hits = ranked.top(k)
    ranks = torch.arange(1, hits.shape[-1] + 1, dtype=torch.float64)
    return (hits * hits.cumsum(-1) / ranks).sum(-1) / ranked.counts


def _reciprocal_rank(ranked: Ranked, k: int) -> Tensor:
    hits = ranked.top(k)
    ranks = torch.arange(1, hits.shape[-1] + 1, dtype=torch.float64)
    return (hits / ranks).amax(-1)


_MEASURES: dict[str, Callable[[Ranked, int], Tensor]] = {
    "nDCG": _ndcg,
    "R": lambda ranked, k: ranked.top(k).sum(-1) / ranked.counts,
    "RR": _reciprocal_rank,
    "AP": _average_precision,
    "P": lambda ranked, k: ranked.top(k).sum(-1) / k,
    "Success": lambda ranked, k: ranked.top(k).amax(-1),
    "CR": lambda ranked, k: ranked.top(k).sum(-1) / ranked.counts.clamp(max=k),
}


_OTHER_NAMES = {"mrr": "RR", "recall": "R", "map": "AP", "precision": "P", "hit": "Success", "accuracy": "Success"}


@dataclass(frozen=True)
class Measure:
    """A measure and its cut-off.

    Example:
        >>> Measure.parse("ndcg@10")
        Measure(name='nDCG', k=10)
    """

    name: str
    k: int

    @classmethod
    def parse(cls, text: str | Measure) -> Measure:
        """Read a name such as nDCG@10; capitals do not matter.

        Raises:
            InputError: An unknown name, or no cut-off.
        """
        if isinstance(text, Measure):
            return text
        found = re.fullmatch(r"\s*([A-Za-z]+)@([1-9]\d*)\s*", str(text))
        name = dict(zip(map(str.lower, _MEASURES), _MEASURES, strict=True)).get(found[1].lower()) if found else None
        if not found or name is None:
            meant = _OTHER_NAMES.get(found[1].lower()) if found else None
            hint = f" (did you mean {meant}@{found[2]}?)" if meant and found else ""
            raise InputError(
                f"unknown measure {text!r}{hint}; expected one of {', '.join(f'{name}@k' for name in _MEASURES)} with a cut-off, for example nDCG@10"
            )
        return cls(name, int(found[2]))

    def __str__(self) -> str:
        return f"{self.name}@{self.k}"

    def __call__(self, ranked: Ranked) -> Tensor:
        """(…, queries) float64, each value from 0 to 1."""
        return _MEASURES[self.name](ranked, self.k)


def parse_all(measures: Iterable[str | Measure]) -> tuple[Measure, ...]:
    """Several measures, at least one.

    Raises:
        InputError: None given, or an unknown name.
    """
    given = [measures] if isinstance(measures, str | Measure) else measures
    if not isinstance(given, Iterable):
        raise InputError(f'measures is {measures!r}; expected names of measures, for example measures=["nDCG@10"]')
    parsed = tuple(dict.fromkeys(map(Measure.parse, given)))
    if not parsed:
        raise InputError('no measure given; for example measures=["nDCG@10"]')
    return parsed
