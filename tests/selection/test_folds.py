"""Folds: what is held out, what is hidden, and that nothing which is measured was learned from."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nudge_core import Contrastive, QuerySet
from nudge_core.data.labels import Labels
from nudge_core.methods.problem import Part
from nudge_core.selection import split as module
from nudge_core.selection.search import Search
from nudge_core.selection.split import cut, growth, unseen_share


def labels_of(answers):
    questions = QuerySet(np.ones((len(answers), 2)), answers)
    rows = np.unique(questions.relevance.documents)
    return Labels.of(questions, np.searchsorted(rows, questions.relevance.documents), torch.device("cpu"))


def objective_of(problem, folds, share):
    """The objective of contrastive steps on some folds."""
    method = Contrastive()
    return Search(
        problem,
        folds,
        method.chains,
        method.validation,
        unseen_weight=method.unseen_weight,
        share=share,
        growth=1.0,
        plain=False,
        progress=False,
    ).objective


def sets_of(labels):
    """The documents of each question."""
    return [set(part.tolist()) for part in torch.tensor_split(labels.documents, labels.offsets[1:-1])]


def check(labels, group, folds):
    """What must hold of every fold."""
    answers = sets_of(labels)
    for fold in folds:
        learned, held = fold.train.questions.tolist(), fold.validation.tolist()
        assert learned, "there is something to learn from"
        assert not set(learned) & set(held)
        assert not set(group[learned]) & set(group[held]), "the same text is not learned from and measured"
        shown = sets_of(fold.train.labels)
        assert all(part and part <= answers[i] for i, part in zip(learned, shown, strict=True))
        known = set().union(*shown)
        assert fold.seen.tolist() == [bool(answers[i] & known) for i in held]
        assert not fold.seen[fold.hidden].any(), "who stands for unseen questions is unseen"


ANSWERS = st.lists(st.sets(st.integers(0, 12), min_size=1, max_size=3).map(sorted), min_size=2, max_size=40)


@given(ANSWERS, st.integers(0, 3), st.integers(2, 6), st.data())
def test_by_cross_validation(answers, seed, count, data):
    labels = labels_of(answers)
    group = np.asarray(data.draw(st.lists(st.integers(0, 8), min_size=len(answers), max_size=len(answers))))
    group = np.unique(group, return_inverse=True)[1]
    kinds = int(group.max()) + 1
    if kinds < 2:
        return
    folds = cut(labels, group, folds=min(count, kinds), validation=None, seed=seed)
    check(labels, group, folds)
    drawn = np.concatenate([fold.validation[~fold.hidden].numpy() for fold in folds]).tolist()
    assert len(drawn) == len(set(drawn)), "a question is held out once"
    again = cut(labels, group, folds=min(count, kinds), validation=None, seed=seed)
    assert [fold.validation.tolist() for fold in folds] == [fold.validation.tolist() for fold in again]


@given(ANSWERS, st.integers(0, 3))
def test_with_validation_questions(answers, seed):
    labels, group = labels_of(answers), np.arange(len(answers))
    held = np.arange(len(answers)) >= len(answers) - max(1, len(answers) // 3)
    first, *more = cut(labels, group, folds=5, validation=held, seed=seed)
    check(labels, group, [first, *more])
    assert first.validation.tolist() == np.flatnonzero(held).tolist(), "all validation questions, and nothing hidden"
    assert first.train.questions.tolist() == np.flatnonzero(~held).tolist()
    assert not first.hidden.any()
    assert all(fold.hidden.all() and len(fold.validation) for fold in more)


def test_both_kinds_are_measured():
    """Forty documents of five questions each: held out by question they are all seen, so documents are hidden too."""
    labels = labels_of([[i % 40] for i in np.random.default_rng(7).permutation(200)])
    folds = cut(labels, np.arange(200), folds=5, validation=None, seed=0)
    check(labels, np.arange(200), folds)
    assert len(folds) == 5
    for fold in folds:
        hidden = set(labels.documents.tolist()) - set(fold.train.labels.documents.tolist())
        assert len(hidden) == 4
        unseen = fold.validation[fold.hidden]
        assert len(unseen) == 4 * 5
        assert {next(iter(sets_of(labels)[i])) for i in unseen.tolist()} == hidden
    seen = sum(int((~fold.hidden).sum()) for fold in folds)
    assert 160 <= seen <= 200


def test_questions_about_documents_of_their_own_are_unseen_as_they_are():
    labels = labels_of([[i] for i in range(30)])
    folds = cut(labels, np.arange(30), folds=5, validation=None, seed=0)
    drawn = np.sort(np.concatenate([fold.validation[~fold.hidden].numpy() for fold in folds]))
    assert drawn.tolist() == list(range(30))
    assert not any(fold.seen.any() for fold in folds)


def test_as_many_folds_as_give_enough_questions(monkeypatch):
    labels = labels_of([[i % 20] for i in range(100)])
    monkeypatch.setattr(module, "ENOUGH", 35)
    assert 2 <= len(cut(labels, np.arange(100), folds=5, validation=None, seed=0)) <= 3


@pytest.mark.parametrize("answers", [[[0], [0]], [[0], [1]], [[0, 1], [0, 1]], [[0]] * 9, [list(range(9))] * 2])
def test_few_questions_or_documents(answers):
    group = np.arange(len(answers))
    check(labels_of(answers), group, cut(labels_of(answers), group, folds=2, validation=None, seed=0))


def test_the_share_of_unseen_questions_leaves_each_one_out():
    #                         alone   shared   shared  text of 3 again, so still alone; a shared document makes it seen
    relevant = [[0], [1], [1, 2], [3], [3], [4, 1]]
    group = np.asarray([0, 1, 2, 3, 3, 4])
    labels = labels_of(relevant)
    assert unseen_share(labels, group) == pytest.approx(3 / 6)
    assert unseen_share(labels, group, np.arange(6) < 2) == pytest.approx(1 / 2)


def test_growth_is_how_many_more_labels_are_learned_from_in_the_end():
    rng = np.random.default_rng(0)
    labels, group = labels_of(rng.integers(0, 300, (900, 2)).tolist()), np.arange(900)
    everything = Part(torch.arange(900), labels)
    by_question = cut(labels, group, folds=5, validation=None, seed=0)
    assert growth(by_question, everything) == pytest.approx(1 / (0.8 * 0.9), rel=0.05), (
        "a fifth is held out, a tenth hidden"
    )
    held = group >= 600
    by_set = cut(labels, group, folds=5, validation=held, seed=0)
    first = Part(torch.arange(600), labels.take(torch.arange(600)))
    assert growth(by_set, first) == pytest.approx(1 / 0.8, rel=0.05), "two tenths are hidden from the second fold"
    assert growth(by_set, everything) == pytest.approx(1.5 / 0.8, rel=0.05)


def test_without_unseen_questions_nothing_grows():
    labels, group = labels_of([[0]] * 20), np.arange(20)
    folds = cut(labels, group, folds=5, validation=None, seed=0)
    assert growth(folds, Part(torch.arange(20), labels)) == 1


def test_very_many_questions_are_not_all_held_out():
    rng = np.random.default_rng(0)
    labels, group = labels_of([rng.integers(0, 4000, 2) for _ in range(20_000)]), np.arange(20_000)
    folds = cut(labels, group, folds=5, validation=None, seed=0)
    assert len(folds) == 2
    assert all(module.ENOUGH < int((~fold.hidden).sum()) < 3 * module.ENOUGH for fold in folds)


@pytest.mark.parametrize(
    ("documents", "unseen", "weight", "share"),
    [
        (40, 0.5, 0.0, 0.5),
        (40, 0.0, 0.0, 0.0),
        (41, 0.0, 3.0, 0.1),
        (400, 0.06, 3.0, 0.1),
        (400, 0.4, 3.0, 0.4),
    ],
)
def test_unseen_questions_count_where_there_are_documents_without_labels(plain, documents, unseen, weight, share):
    rng = np.random.default_rng(0)
    questions = QuerySet(rng.normal(size=(200, 6)), [[i % 40] for i in range(200)])
    ground = plain.ground(rng.normal(size=(documents, 6)), questions)
    folds = cut(ground.labels, np.arange(200), folds=5, validation=None, seed=0)
    value = objective_of(ground, folds, unseen)
    assert value.unseen_weight == pytest.approx(weight)
    assert value.share == share


def test_few_documents_without_labels_count_less(plain):
    rng = np.random.default_rng(0)
    questions = QuerySet(rng.normal(size=(995, 3)), [[i] for i in range(995)])
    ground = plain.ground(rng.normal(size=(1000, 3)), questions)
    folds = cut(ground.labels, np.arange(995), folds=5, validation=None, seed=0)
    value = objective_of(ground, folds, 0.2)
    assert value.unseen_weight == pytest.approx(1.5)
    assert value.share == pytest.approx(0.2)
