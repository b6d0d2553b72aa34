"""Auto: the choice between ways to move documents, and that it leaves documents alone where nothing helps."""

import numpy as np
import pytest

from nudge_core import Auto, Contrastive, LinearMap, Nudge, NudgeN, QuerySet, evaluate, finetune
from nudge_core.errors import InputError, UnknownIdError
from nudge_core.methods import problem as grounds
from nudge_core.selection import fit as lessons
from nudge_core.selection.candidate import Candidate
from nudge_core.selection.objective import FURTHER, Objective, pick_candidate
from nudge_core.selection.split import cut
from nudge_core.trial import trial


@pytest.fixture(scope="module")
def repeated():
    """Thirty of 300 documents with eight questions each, which lie off their document, all in one direction."""
    rng = np.random.default_rng(0)
    unit = lambda matrix: matrix / np.linalg.norm(matrix, axis=1, keepdims=True)  # noqa: E731
    X = unit(rng.normal(size=(300, 16)))
    answers = np.repeat(np.arange(30), 8)
    off = unit(rng.normal(size=(30, 16)))
    Q = unit(X[answers] + 1.2 * off[answers] + 0.8 * unit(rng.normal(size=(240, 16))))
    order = rng.permutation(240)
    questions = QuerySet(Q[order], [[int(answers[i])] for i in order])
    return X.astype(np.float32), questions.take(range(160)), questions.take(range(160, 240))


@pytest.fixture(scope="module")
def found_already():
    """Questions that find their document as it is: nothing can be won."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 16)).astype(np.float32)
    answers = rng.integers(0, 200, 80)
    return X, QuerySet(X[answers] + 0.1 * rng.normal(size=(80, 16)), [[int(i)] for i in answers])


@pytest.mark.parametrize("allow_map", [False, True])
def test_it_helps_where_there_is_something_to_learn(repeated, allow_map):
    X, train, test = repeated
    done = trial(X, train, method=Auto(allow_map=allow_map))
    assert done.improves
    before, after = (evaluate(X, test, tuned=tuned).mean("nDCG@10") for tuned in (None, done.tuned))
    assert after > before + 0.2
    assert done.after.mean("nDCG@10") == pytest.approx(after, abs=0.1), "folds foretell it"
    assert [candidate.name for candidate in done.candidates] == [
        *("none", "NUDGE-N", "contrastive"),
        *(("linear map", "linear map + contrastive") if allow_map else ()),
    ]
    assert done.tuned.method in [candidate.name for candidate in done.candidates[1:]]
    assert (done.tuned.matrix is None) == ("linear map" not in done.tuned.method)


@pytest.mark.parametrize("allow_map", [False, True])
def test_nothing_moves_where_nothing_helps(found_already, allow_map):
    X, questions = found_already
    done = trial(X, questions, method=Auto(allow_map=allow_map))
    assert not done.improves
    assert (done.tuned.method, len(done.tuned), done.tuned.matrix) == ("none", 0, None)
    assert done.tuned.settings == {}
    assert done.tuned.apply_to(X).tobytes() == X.tobytes()
    assert done.after.mean("nDCG@10") == done.before.mean("nDCG@10")


def test_a_result_without_moves_can_be_kept_and_read(found_already, tmp_path):
    X, questions = found_already
    tuned = trial(X, questions, method=Auto()).tuned
    tuned.save(tmp_path / "tuned.safetensors")
    again = Nudge.load(tmp_path / "tuned.safetensors", dim=16)
    assert (len(again), again.method, again.docs) == (0, "none", 200)
    assert "none: 0 of 200 documents moved" in repr(again)


def test_the_result_is_that_of_the_way_that_was_chosen(repeated):
    X, train, _ = repeated
    done = trial(X, train, method=Auto(allow_map=True))
    alone = {method.name: trial(X, train, method=method) for method in (Contrastive(), LinearMap())}
    for candidate in done.candidates:
        if candidate.name in alone:
            (leg,), (same,) = candidate.stages, alone[candidate.name].candidates[1].stages
            assert (leg.setting, leg.point) == (same.setting, same.point)
            np.testing.assert_array_equal(candidate.scores, alone[candidate.name].candidates[1].scores)
    chosen = next(candidate for candidate in done.candidates if candidate.name == done.tuned.method)
    settings = {leg.steps.name: {**leg.setting, "point": leg.point} for leg in chosen.stages}
    assert done.tuned.settings == settings
    assert chosen.worth > 0


def test_the_figures_are_those_of_vectors_that_did_not_learn_from_the_question(repeated):
    """Each fold by hand: learn the same way from the others, and evaluate."""
    X, train, _ = repeated
    train = QuerySet(train.embeddings, train.relevance, ids=np.arange(len(train)))
    method = Contrastive(0.1, 0.3, 0.0, 0.0, 0.0, steps=6)
    done = trial(X, train, method=method, measures=["nDCG@10"])
    steps = done.tuned.settings["contrastive"]["point"]
    labels = _labels(train)
    rows = np.unique(train.relevance.documents)
    found = {}
    for fold in cut(labels, train.different, folds=5, validation=None, seed=0):
        learned = fold.train
        part = QuerySet(
            learned.labels.queries,
            [rows[d.numpy()].tolist() for d in learned.labels.documents.tensor_split(learned.labels.offsets[1:-1])],
        )
        fixed = Contrastive(0.1, 0.3, 0.0, 0.0, 0.0, steps=int(steps))
        held = train.take(fold.validation[~fold.hidden].numpy())
        tuned = _last(X, part, fixed)
        values = evaluate(X, held, ["nDCG@10"], tuned=tuned).values["nDCG@10"]
        found |= dict(zip(fold.validation[~fold.hidden].tolist(), values.tolist(), strict=True))
    ours = dict(zip(done.after.ids.tolist(), done.after.values["nDCG@10"].tolist(), strict=True))
    assert found == pytest.approx(ours, abs=1e-6)


def _labels(questions):
    import torch

    from nudge_core.data.labels import Labels

    rows = np.unique(questions.relevance.documents)
    return Labels.of(questions, np.searchsorted(rows, questions.relevance.documents), torch.device("cpu"))


def _last(X, questions, method):
    """The moves at the end of the path, whatever validation says."""
    import torch

    from nudge_core.methods.problem import Part, Problem, State

    labels, rows = _labels(questions), np.unique(questions.relevance.documents)
    ground = Problem(
        _open(X), rows, labels, depth=10, temperatures=method.temperatures, whole=False, device=torch.device("cpu")
    )
    (setting,) = method.settings()
    *_, (point, state) = method.path(ground, Part(torch.arange(len(labels)), labels), setting, State(ground.pool))
    assert point == method.steps
    return Nudge(rows, rows, state.pool.numpy(), len(X), "by hand", 4.0, "squared distance", 180.0, "cosine")


def _open(X):
    from nudge_core import open_corpus

    return open_corpus(X)


def test_the_simplest_within_one_standard_error_is_taken():
    def given(worth, noise=0.0, stages=("a",)):
        rng = np.random.default_rng(round(1000 * abs(worth)))
        drawn = rng.normal(size=100)
        scores = worth + noise * (drawn - drawn.mean())
        return Candidate(stages, float(scores.mean()), 0.0, 0.0, scores)

    objective = Objective(np.zeros(100), np.ones(100, bool), 0.0, 3.0)

    def taken(*candidates):
        return pick_candidate(candidates, objective)

    none, simple, better, surely = given(0.0, stages=()), given(0.2, 0.5), given(0.21, 0.5), given(0.4, 0.1)
    assert taken(none, simple, better) is simple
    assert taken(none, simple, surely) is surely
    assert taken(none, given(-0.1), given(-0.2)) is none
    noisy, top = given(-0.1, 2.0), given(0.3, 0.1)
    assert taken(none, noisy, top) is top, "what is worse than nothing is not taken, however uncertain"
    assert taken(none, simple) is simple, "a method that knows one way takes it"
    better, further = given(0.28, 0.5), given(0.28, 0.5, stages=("a", "b"))
    assert objective.error(better.scores, simple.scores) < 0.08 < 2 * objective.error(better.scores, simple.scores)
    assert taken(none, simple, better) is better
    assert taken(none, simple, further) is simple, "one way after another has to be better by two errors"


def test_the_report_says_by_the_numbers_of_the_run_why_it_was_chosen(repeated):
    X, train, _ = repeated
    done = trial(X, train, method=Auto(unseen_weight=5))
    rule, why = done.notes
    assert "less 5 times what unseen questions lose beyond 1 point" in rule
    assert f"or {FURTHER:g} where the best goes on from it" in rule
    chosen = next(one for one in done.candidates if one.name == done.tuned.method)
    assert why.startswith(f"{chosen.name} was taken: it is worth {100 * chosen.worth:+.1f} points, ")
    assert f"unseen questions {100 * chosen.unseen:+.1f}" in why
    (section,) = done.report().sections
    assert section.lines[1:] == done.notes


def test_validation_questions_choose_where_they_are_given(repeated):
    X, train, test = repeated
    learn, judge = train.split(0.75)
    done = trial(X, learn, judge, method=Auto())
    assert (done.folds, len(done.after)) == (1, len(judge))
    assert set(done.tuned.rows) <= set(learn.relevance.documents.tolist())
    np.testing.assert_allclose(
        done.after.values["nDCG@10"],
        evaluate(X, judge, ["nDCG@10"], tuned=done.tuned, train=learn).values["nDCG@10"],
        atol=1e-6,
    )
    tuned = finetune(X, learn, judge, method=Auto())
    assert tuned.vectors.tobytes() == done.tuned.vectors.tobytes()
    refitted = finetune(X, learn, judge, method=Auto(), refit=True)
    assert refitted.settings == tuned.settings
    after = [evaluate(X, test, tuned=one).mean("nDCG@10") for one in (tuned, refitted)]
    assert after[1] > after[0] - 0.02


def test_few_validation_questions_are_cut_in_folds_with_the_others(repeated, monkeypatch):
    """They choose no better alone; what is learned in the end is learned from the training questions, with refit from all."""
    X, train, _ = repeated
    learn, judge = train.split(0.75)
    monkeypatch.setattr(lessons, "FEW", len(judge) + 1)
    done = trial(X, learn, judge, method=Auto())
    assert done.folds == 5
    assert len(judge) < len(done.after) <= len(train)
    assert set(done.tuned.rows) <= set(learn.relevance.documents.tolist())
    monkeypatch.setattr(lessons, "FEW", len(judge))
    assert trial(X, learn, judge, method=Auto()).folds == 1


def test_without_validation_questions_finetune_cuts_folds(repeated):
    X, train, _ = repeated
    tuned = finetune(X, train, method=Auto())
    assert tuned.vectors.tobytes() == trial(X, train, method=Auto()).tuned.vectors.tobytes()


def test_the_same_for_the_same_seed(repeated):
    X, train, _ = repeated
    one, other = (trial(X, train, method=Auto(allow_map=True), seed=4) for _ in range(2))
    assert one.tuned.vectors.tobytes() == other.tuned.vectors.tobytes()
    assert [candidate.worth for candidate in one.candidates] == [candidate.worth for candidate in other.candidates]


def test_harm_to_unseen_questions_counts_by_its_weight(repeated):
    """The same candidates are worth less the more a loss counts, and one that harms nobody keeps its worth."""
    X, train, _ = repeated
    mixed = train + QuerySet(X[100:130] + 0.3, [[i] for i in range(100, 130)])
    worth = {weight: trial(X, mixed, method=Auto(unseen_weight=weight)).candidates for weight in (0.0, 1.0, 1000.0)}
    for name, (low, middle, high) in zip(
        ("NUDGE-N", "contrastive"), list(zip(*worth.values(), strict=True))[1:], strict=True
    ):
        assert low.name == middle.name == high.name == name
    careful = worth[1000.0]
    assert all(candidate.worth <= free.worth + 1e-9 for candidate, free in zip(careful, worth[0.0], strict=True))
    chosen = trial(X, mixed, method=Auto(unseen_weight=1000.0))
    lost = chosen.unseen[1].mean("nDCG@10") - chosen.unseen[0].mean("nDCG@10")
    assert lost > -0.03


def test_seen_and_unseen_figures_are_there(repeated):
    X, train, _ = repeated
    done = trial(X, train, method=Auto())
    before, after = done.unseen
    assert len(before) == len(after) > 20
    assert not before.seen.any()
    assert not after.seen.any()
    for candidate in done.candidates:
        assert np.isfinite([candidate.worth, candidate.seen, candidate.unseen]).all()
    assert done.candidates[0].worth == done.candidates[0].seen == done.candidates[0].unseen == 0


FEW = {
    "two questions": ([[0], [1]], 20),
    "two questions about one document": ([[0], [0]], 20),
    "all about one document": ([[3]] * 12, 20),
    "every document has a label": ([[i % 5] for i in range(10)], 5),
    "one document": ([[0]] * 4, 1),
    "all answer all": ([list(range(6))] * 6, 6),
}


@pytest.mark.parametrize("allow_map", [False, True])
@pytest.mark.parametrize("case", FEW)
def test_few_questions_or_documents(case, allow_map):
    answers, docs = FEW[case]
    rng = np.random.default_rng(0)
    X, questions = rng.normal(size=(docs, 6)), QuerySet(rng.normal(size=(len(answers), 6)), answers)
    for judge in (None, questions):
        done = trial(X, questions, judge, method=Auto(allow_map=allow_map))
        assert np.isfinite(done.tuned.vectors).all()
        assert np.isfinite(done.after.mean("nDCG@10"))
        done.tuned.apply_to(X)
        finetune(X, questions, judge, method=Auto(allow_map=allow_map))
    for method in (Contrastive(guard=1.0), LinearMap()):
        assert np.isfinite(trial(X, questions, method=method).tuned.vectors).all()


@pytest.mark.parametrize("method", [Auto(), Contrastive(), LinearMap()])
def test_one_question_cannot_be_learned_from_and_held_out(method):
    X, one = np.eye(4), QuerySet([[1.0, 1, 0, 0]], [[0]])
    for call in (trial, finetune):
        with pytest.raises(InputError, match="one question cannot be learned from and held out at once"):
            call(X, one, method=method)
        with pytest.raises(UnknownIdError, match="row numbers outside the corpus of 4 documents: 9"):
            call(X, QuerySet(one.embeddings, [[9]]), method=method)
    call(X, one, one, method=method)


def test_the_same_text_is_never_learned_from_and_measured(repeated):
    """Every question twice, in other words in white space only: the figures are those of questions held out."""
    X, train, _ = repeated
    texts = [f"Question {i}" for i in range(len(train))]
    twice = QuerySet(
        np.concatenate([train.embeddings, train.embeddings]),
        [[int(train.relevance.documents[i])] for i in range(len(train))] * 2,
        texts=texts + [f" question  {i} " for i in range(len(train))],
    )
    one, other = (trial(X, part, method=Contrastive(0.1, 0.1, 0.0)) for part in (train, twice))
    assert other.after.mean("nDCG@10") == pytest.approx(one.after.mean("nDCG@10"), abs=0.03)


def test_a_corpus_larger_than_is_held(repeated, monkeypatch):
    X, train, test = repeated
    exact = trial(X, train, method=Auto(allow_map=True))
    monkeypatch.setattr(grounds, "HELD", 100)
    ours = trial(X, train, method=Auto(allow_map=True))
    found = [evaluate(X, test, tuned=done.tuned).mean("nDCG@10") for done in (exact, ours)]
    assert found[0] == pytest.approx(found[1], abs=0.03)
    monkeypatch.setattr(grounds, "HELD", 299)
    same = trial(X, train, method=Auto())
    assert same.tuned.settings == trial(X, train, method=Auto()).tuned.settings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"unseen_weight": -1}, "unseen_weight is -1; expected a number from 0"),
        ({"unseen_weight": None}, "unseen_weight is None; expected a number"),
        ({"measure": "nDCG"}, "nDCG"),
        ({"allow_map": "no"}, "allow_map is a str; expected a bool"),
    ],
)
def test_options_that_cannot_be_used(options, said):
    with pytest.raises(InputError, match=said):
        Auto(**options)


def test_the_measure_is_that_of_auto(repeated):
    X, train, _ = repeated
    done = trial(X, train, method=Auto(measure="RR@5"))
    assert next(iter(done.after.values)) == "RR@5"
    assert done.tuned.curve.measure == "RR@5"
    assert NudgeN("angles").measure == "Success@1", "and not those of the ways it tries"
