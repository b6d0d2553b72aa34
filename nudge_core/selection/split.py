"""Folds: which questions are learned from and which are held out, so that seen and unseen questions are both measured.

A question is *seen* where one of its documents is relevant to a question learned from. Holding out questions at random leaves nearly all of them
seen; so each fold also holds out some documents, with all their labels, and the questions about nothing else stand for unseen ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.data.labels import Labels
from nudge_core.data.vectors import distinct
from nudge_core.methods.problem import Part

ENOUGH = 1500
"""Once so many questions have been held out, no further fold is needed; nor need one hold out more than twice as many."""

HIDDEN = 0.1
"""The share of the labelled documents whose labels a fold hides."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One cut of the questions.

    Attributes:
        learned: What is learned from.
        held: (held,) numbers of the questions held out.
        seen: (held,) whether a document of theirs is learned about.
        drawn: (held,) whether they were held out as questions; the others stand for unseen ones.
    """

    learned: Part
    held: Tensor
    seen: Tensor
    drawn: Tensor

    def without_drawn(self) -> Fold:
        """Only the questions that stand for unseen ones."""
        kept = ~self.drawn
        return Fold(self.learned, self.held[kept.to(self.held.device)], self.seen[kept], self.drawn[kept])


def cut(
    labels: Labels, group: NDArray[np.int64], *, folds: int, validation: NDArray[np.bool_] | None, seed: int
) -> list[Fold]:
    """The folds of a question set.

    Args:
        labels: Labels of all questions over the pool.
        group: (queries,) questions of one number, the same text, are never parted.
        folds: Into how many parts the questions are cut, more where they are very many; as many are returned as give enough questions held out.
        validation: (queries,) which questions are held out; the others are learned from. A second fold hides documents then.
        seed: Seed of the cut.
    """
    rng = np.random.default_rng(seed)
    kinds = int(group.max(initial=0)) + 1
    folds = max(folds, kinds // (2 * ENOUGH))
    fold_of = (rng.permutation(kinds) % folds)[group]
    documents = distinct(labels.documents.cpu().numpy())
    hidden_in = np.full(int(documents.max(initial=0)) + 1, -1)
    hidden_in[documents] = rng.permutation(len(documents)) % max(folds, round(1 / HIDDEN))
    if validation is not None:
        unseen = _fold(labels, group, validation, (hidden_in == 0) | (hidden_in == 1))
        return [
            _fold(labels, group, validation, hidden_in == -2),
            *([unseen.without_drawn()] if not unseen.drawn.all() else []),
        ]
    done: list[Fold] = []
    for number in range(folds):
        done.append(_fold(labels, group, fold_of == number, hidden_in == number))
        if sum(int(fold.drawn.sum()) for fold in done) >= ENOUGH and len(done) >= 2:
            break
    return [fold for fold in done if len(fold.held)]


def unseen_share(labels: Labels, group: NDArray[np.int64], asked: NDArray[np.bool_] | None = None) -> float:
    """The share of the questions about whose documents no other question is; of those `asked` for, or of all."""
    pairs, who = labels.documents.cpu().numpy(), labels.pair_queries.cpu().numpy()
    about = np.unique(np.stack([pairs, group[who]]), axis=1)[0]  # each document once for each different question
    alone = np.bincount(about, minlength=int(pairs.max(initial=0)) + 1) < 2
    unseen = ~_any(who, ~alone[pairs], len(labels))
    return float((unseen if asked is None else unseen[asked]).mean())


def growth(folds: Sequence[Fold], last: Part) -> float:
    """How many times the labels that the folds' unseen questions were measured after are learned from in the end; 1 where there are none."""
    unseen = np.asarray([int((~fold.seen).sum()) for fold in folds])
    pairs = np.asarray([len(fold.learned.labels.documents) for fold in folds])
    return len(last.labels.documents) * int(unseen.sum()) / int(unseen @ pairs) if unseen.any() else 1.0


def _fold(labels: Labels, group: NDArray[np.int64], held: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> Fold:
    pairs, who = labels.documents.cpu().numpy(), labels.pair_queries.cpu().numpy()
    count = len(labels)
    naturally = _any(who, np.isin(pairs, pairs[~held[who]]), count)  # seen, had no document been hidden
    shown = ~hidden[pairs]
    learned = ~held & _any(who, shown, count)
    if not learned.any():  # too few documents to hide any
        shown, learned = np.ones(len(pairs), dtype=bool), ~held
    about = _any(who, np.isin(pairs, pairs[learned[who] & shown]), count)
    drawn = held & (naturally == about)
    tested = drawn | ~(learned | about | np.isin(group, group[learned]))
    device = labels.documents.device
    chosen = torch.from_numpy(np.flatnonzero(learned)).to(device)
    numbers = torch.from_numpy(np.flatnonzero(tested)).to(device)
    return Fold(
        Part(chosen, labels.take(chosen, torch.from_numpy(shown).to(device))),
        numbers,
        torch.from_numpy(about[tested]),
        torch.from_numpy(drawn[tested]),
    )


def _any(who: NDArray[np.int64], holds: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """(queries,) whether any pair of a question holds."""
    return np.bincount(who, weights=holds, minlength=count) > 0
