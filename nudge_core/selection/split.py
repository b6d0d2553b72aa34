"""Which questions are trained on and which are held out, so that seen and unseen questions are both measured; and sets that cannot be split.

A question is *seen* where one of its documents is relevant to a question learned from. Holding out questions at random leaves nearly all of them
seen; so each fold also holds out some documents, with all their labels, and the questions about nothing else stand for unseen ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.arguments import expect
from nudge_core.corpus import Corpus
from nudge_core.data.labels import Labels
from nudge_core.data.queries import QuerySet
from nudge_core.data.vectors import distinct
from nudge_core.errors import InputError
from nudge_core.methods.problem import Fold, Part

ENOUGH = 1500
"""Once so many questions have been held out, no further fold is needed; nor need one hold out more than twice as many."""

HIDDEN = 0.1
"""The share of the labelled documents whose labels a fold hides."""


def cut(
    labels: Labels,
    group: NDArray[np.int64],
    *,
    folds: int,
    validation: NDArray[np.bool_] | None,
    seed: int,
    hide: bool = True,
) -> list[Fold]:
    """The folds of a question set.

    Args:
        labels: Labels of all questions over the pool.
        group: (queries,) questions of one number, the same text, are never parted.
        folds: Into how many parts the questions are cut. With `hide` into more where they are very many, of which as many are returned as give enough
            validation questions.
        validation: (queries,) which questions are held out; the others are learned from. With `hide` a second fold hides documents then.
        seed: Seed of the cut.
        hide: Whether folds also hide documents.
    """
    rng = np.random.default_rng(seed)
    kinds = int(group.max(initial=0)) + 1
    if hide:
        folds = max(folds, kinds // (2 * ENOUGH))
    fold_of = (rng.permutation(kinds) % folds)[group]
    documents = distinct(labels.documents.cpu().numpy())
    hidden_in = np.full(int(documents.max(initial=0)) + 1, -1)
    if hide:
        hidden_in[documents] = rng.permutation(len(documents)) % max(folds, round(1 / HIDDEN))
    if validation is not None:
        plain, unseen = (
            _fold(labels, group, validation, hidden)
            for hidden in (hidden_in == -2, (hidden_in == 0) | (hidden_in == 1))
        )
        return [plain, *([unseen.only(unseen.hidden)] if unseen.hidden.any() else [])]
    done: list[Fold] = []
    for number in range(folds):
        done.append(_fold(labels, group, fold_of == number, hidden_in == number))
        if hide and sum(int((~fold.hidden).sum()) for fold in done) >= ENOUGH and len(done) >= 2:
            break
    return [fold for fold in done if len(fold.validation)]


def some(folds: Sequence[Fold], most: int, seed: int) -> list[Fold]:
    """The folds with some of their validation questions, the same share of each: all where there are at most so many."""
    share = most / sum(len(fold.validation) for fold in folds)
    if share >= 1:
        return list(folds)
    draw, parts = np.random.default_rng(seed), []
    for fold in folds:
        count = len(fold.validation)
        chosen = torch.zeros(count, dtype=torch.bool)
        chosen[draw.permutation(count)[: max(1, round(share * count))]] = True
        parts.append(fold.only(chosen))
    return parts


def unseen_share(labels: Labels, group: NDArray[np.int64], validation: NDArray[np.bool_] | None = None) -> float:
    """The share of the questions that share no document with another question; of the validation questions, or of all."""
    pairs, who = labels.documents.cpu().numpy(), labels.pair_queries.cpu().numpy()
    about = np.unique(np.stack([pairs, group[who]]), axis=1)[0]  # each document once for each different question
    alone = np.bincount(about, minlength=int(pairs.max(initial=0)) + 1) < 2
    unseen = ~_any(who, ~alone[pairs], len(labels))
    return float((unseen if validation is None else unseen[validation]).mean())


def growth(folds: Sequence[Fold], last: Part) -> float:
    """How many times the labels that the folds' unseen questions were measured after are learned from in the end; 1 where there are none."""
    unseen = np.asarray([int((~fold.seen).sum()) for fold in folds])
    pairs = np.asarray([len(fold.train.labels.documents) for fold in folds])
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
        torch.from_numpy(~drawn[tested]),
    )


def _any(who: NDArray[np.int64], holds: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """(queries,) whether any pair of a question holds."""
    return np.bincount(who, weights=holds, minlength=count) > 0


def check(corpus: Corpus, train: QuerySet, validation: QuerySet | None) -> None:
    """Refuse question sets that are none, are empty or of another dimension than the documents."""
    for name, queries in (("training", train), ("validation", validation)):
        if queries is None:
            continue
        expect(queries, QuerySet, name, "call finetune(corpus, train, validation) with QuerySet(embeddings, relevant)")
        if not len(queries):
            raise InputError(f"the {name} set holds no questions: label at least one")
        if queries.dim != corpus.dim:
            raise InputError(
                f"the {name} questions have dimension {queries.dim}, the documents {corpus.dim}: embed both with one model"
            )


def check_enough(corpus: Corpus, train: QuerySet) -> None:
    """Refuse a single question where some are to be learned from and others held out, once it is known that the corpus holds its documents."""
    if not train.different.any():
        corpus.find(train.relevance.documents)
        raise InputError(
            "one question cannot be learned from and held out at once: label more questions, or give validation questions"
        )
