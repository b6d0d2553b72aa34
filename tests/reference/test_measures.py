"""Measures equal `ir_measures` (trec_eval) on graded judgements to 1e-6; CR@k, which it does not know, by its definition."""

import brute_force
import numpy as np
import pytest

from nudge_core import QuerySet, evaluate

CUT_OFFS = (1, 2, 5, 10, 20, 50)  # the corpus holds 20 documents
NAMES = ("nDCG", "R", "RR", "AP", "P", "Success")
MEASURES = [f"{name}@{k}" for name in NAMES for k in CUT_OFFS]


def graded(seed, docs=20, questions=15):
    rng = np.random.default_rng(seed)
    X, Q = rng.normal(size=(docs, 6)), rng.normal(size=(questions, 6))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    qrels = {}
    for i in range(questions):
        judged = rng.choice(docs, size=rng.integers(1, docs), replace=False)
        grades = rng.integers(0, 4, size=len(judged))
        grades[0] = rng.integers(1, 4)
        qrels[f"q{i}"] = {f"d{d}": int(g) for d, g in zip(judged, grades, strict=True)}
    return X, Q, qrels


@pytest.mark.parametrize("seed", range(4))
def test_every_measure_equals_ir_measures_for_every_question(seed):
    ir_measures = pytest.importorskip("ir_measures")
    from nudge_core import open_corpus

    X, Q, qrels = graded(seed)
    names = [f"d{j}" for j in range(len(X))]
    ours = evaluate(open_corpus(X, ids=names), QuerySet.from_qrels(Q, list(qrels), qrels), MEASURES)
    run = {q: dict(zip(names, line.tolist(), strict=True)) for q, line in zip(qrels, Q @ X.T, strict=True)}
    theirs = {
        (metric.query_id, str(metric.measure)): metric.value
        for metric in ir_measures.iter_calc([ir_measures.parse_measure(m) for m in MEASURES], qrels, run)
    }
    assert len(theirs) == len(qrels) * len(MEASURES)
    for measure in MEASURES:
        assert ours.values[measure] == pytest.approx([theirs[q, measure] for q in qrels], abs=1e-6), measure


@pytest.mark.parametrize("measure", [*MEASURES, *(f"CR@{k}" for k in CUT_OFFS)])
def test_every_measure_equals_its_definition(measure):
    X, Q, qrels = graded(9)
    queries = QuerySet(Q, [{int(d[1:]): g for d, g in of_question.items()} for of_question in qrels.values()])
    assert evaluate(X, queries, [measure]).mean(measure) == pytest.approx(
        brute_force.mean(measure, X, queries), abs=1e-6
    )


@pytest.mark.parametrize(("k", "expected"), [(1, 1.0), (2, 0.5), (3, 2 / 3), (4, 2 / 3), (9, 1.0)])
def test_capped_recall_by_hand(k, expected):
    """The documents stand in the order 0, 1, 2, 3, 4; relevant are 0, 2 and 4."""
    X = np.eye(5, dtype=np.float32)
    queries = QuerySet([[5.0, 4.0, 3.0, 2.0, 1.0]], [[0, 2, 4]])
    assert evaluate(X, queries, [f"CR@{k}"]).mean(f"CR@{k}") == pytest.approx(expected)


def test_ndcg_takes_the_grade_itself_as_gain():
    X = np.eye(2, dtype=np.float32)
    queries = QuerySet([[2.0, 1.0]], [{0: 1, 1: 3}])
    ideal = 3 + 1 / np.log2(3)
    assert evaluate(X, queries, ["nDCG@10"]).mean("nDCG@10") == pytest.approx((1 + 3 / np.log2(3)) / ideal)


def test_of_equal_scores_the_lower_row_ranks_first():
    X = np.ones((4, 1), dtype=np.float32)
    values = evaluate(X, QuerySet(np.ones((4, 1)), [[0], [1], [2], [3]]), ["RR@10"]).values["RR@10"]
    assert values.tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
