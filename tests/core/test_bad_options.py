"""Options that cannot be used: γ out of range, unknown measures, nothing to choose by."""

import numpy as np
import pytest
import torch

from nudge_core import NudgeM, NudgeN, QuerySet, evaluate, finetune, open_corpus
from nudge_core.compat import NUDGEM, NUDGEN
from nudge_core.errors import InputError
from nudge_core.evaluation import Measure

X = np.eye(4, dtype=np.float32)
QUERIES = QuerySet(X, [[0], [1], [2], [3]])


@pytest.mark.parametrize(
    "gammas", [-0.1, 4.01, np.nan, np.inf, True, [0.1, -1], [0.1, 5.0], (0.2, np.nan), [None], ["0.1"], 1j]
)
def test_gammas_of_nudge_n_out_of_range(gammas):
    with pytest.raises(
        InputError, match=r"gammas holds .*; expected a number from 0 to 4, several of them, or one of 'paper', 'fine'"
    ):
        NudgeN(gammas=gammas)


@pytest.mark.parametrize("gammas", [-1e-9, 1e7, np.nan, [1.0, -1.0], [True], [[0.1]]])
def test_gammas_of_nudge_m_out_of_range(gammas):
    with pytest.raises(
        InputError, match=r"gammas holds .*; expected a number from 0 to 1e\+06, several of them, or one of 'exact'"
    ):
        NudgeM(gammas=gammas)


@pytest.mark.parametrize(("method", "name"), [(NudgeN, "exact"), (NudgeM, "paper"), (NudgeN, "")])
def test_names_of_grids_that_a_method_does_not_know(method, name):
    with pytest.raises(InputError, match=rf"gammas is '{name}'; expected"):
        method(gammas=name)


@pytest.mark.parametrize("method", [NudgeN, NudgeM])
def test_no_gamma_at_all(method):
    with pytest.raises(InputError, match="gammas is empty"):
        method(gammas=[])


@pytest.mark.parametrize(
    "gammas", [0, 4, np.float32(0.5), np.int64(1), [0], (0.0, 4.0), range(3), torch.tensor([0.1, 0.2])]
)
def test_gammas_that_are_taken(gammas):
    assert NudgeN(gammas=gammas).gammas is not None


@pytest.mark.parametrize(
    "measure", ["nDCG", "nDCG@0", "nDCG@-1", "hits@10", "@10", "", "nDCG@1.5", "R @ 5", "10", None, 10]
)
def test_unknown_measures(measure):
    for call in (
        lambda: NudgeN(measure=measure),
        lambda: evaluate(X, QUERIES, [measure]),
        lambda: Measure.parse(measure),
    ):
        with pytest.raises(
            InputError, match=rf"unknown measure {measure!r}; expected one of nDCG@k, R@k.*for example nDCG@10"
        ):
            call()


def test_no_measure():
    with pytest.raises(InputError, match=r'no measure given; for example measures=\["nDCG@10"\]'):
        evaluate(X, QUERIES, [])


@pytest.mark.parametrize("measure", ["nDCG@10", "Success@5", "R@1", "RR@1"])
def test_the_exact_search_knows_success_at_1_only(measure):
    with pytest.raises(
        InputError, match=rf"maximises Success@1, not {measure}: give the γ to try, for example NudgeM\(gammas="
    ):
        NudgeM(measure=measure)
    assert NudgeM(gammas=[0.1], measure=measure).validation == Measure.parse(measure)


def test_the_exact_search_takes_success_at_1_in_any_capitals():
    assert NudgeM(measure="success@1") == NudgeM(measure="success@1", gammas="exact")


@pytest.mark.parametrize("method", [NudgeN(), NudgeM(), NudgeN(gammas=[0.1])])
def test_nothing_to_choose_gamma_by(method):
    with pytest.raises(
        InputError, match=rf"{method.name} needs validation questions.*questions.split\(0.8\), or fix γ with gammas=0.1"
    ):
        finetune(X, QUERIES, method=method)


@pytest.mark.parametrize("val_k", [0, -1, 1.5, True, None, "3"])
def test_val_k_of_compat(val_k):
    part = {"q_embs": X, "q_ans_indx": [[0]] * 4}
    with pytest.raises(InputError, match=r"val_k is .*; expected a whole number from 1 up"):
        NUDGEN("cpu").finetune_embeddings(X, part, part, val_k=val_k)


@pytest.mark.parametrize("solver", [NUDGEN, NUDGEM])
def test_gamma_of_compat(solver):
    part = {"q_embs": X, "q_ans_indx": [[0]] * 4}
    with pytest.raises(InputError, match="gammas holds -0.5"):
        solver("cpu").finetune_embeddings(X, part, part, gamma=-0.5)


def test_ids_beside_a_corpus_that_has_its_own():
    with pytest.raises(InputError, match=r"brings its own ids, so ids=… is not taken"):
        open_corpus(open_corpus(X), ids=list("abcd"))


@pytest.mark.parametrize("solver", [NUDGEN, NUDGEM])
@pytest.mark.parametrize(
    ("train", "validation", "says"),
    [
        (
            {"q_embs": X, "q_ans_index": [[0]] * len(X)},
            True,
            r"train_set has no 'q_ans_indx', only 'q_embs', 'q_ans_index'",
        ),
        (True, None, r"val_set is missing; expected .*it chooses γ: hold some questions out"),
        (True, {"q_embs": X}, r"val_set has no 'q_ans_indx'"),
        (QuerySet(X, [[0]] * len(X)), True, r"train_set is a QuerySet; expected \{\"q_embs\""),
        ({"q_embs": X, "q_ans_indx": [[0]]}, True, r"train_set has \d+ questions and 1 lists of answers"),
        (
            {"q_embs": X, "q_ans_indx": [0] * len(X)},
            True,
            r"train_set\['q_ans_indx'\]\[0\] is 0; expected a list of row numbers",
        ),
    ],
)
def test_sets_of_compat(solver, train, validation, says):
    part = {"q_embs": X, "q_ans_indx": [[0]] * len(X)}
    sets = [part if one is True else one for one in (train, validation)]
    with pytest.raises(InputError, match=says):
        solver("cpu").finetune_embeddings(X, *([sets[0]] if sets[1] is None else sets))
