"""Arguments in the wrong order or of another kind: one sentence each, never a traceback from inside."""

from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch

from nudge_core import Nudge, NudgeN, QuerySet, evaluate, finetune, open_corpus
from nudge_core.corpus import NpyCorpus
from nudge_core.errors import InputError
from nudge_core.trial import trial

X = np.eye(6, dtype=np.float32)
QUERIES = QuerySet(X[:3] + 0.3 * X[3:], [[0], [1], [2]])
TUNED = finetune(X, QUERIES, method=NudgeN(gammas=0.1))


def copy_at(path):
    with TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", X)
        TUNED.copy_files(f"{folder}/x.npy", path)


MISTAKES = {
    "method by name": (lambda: finetune(X, QUERIES, QUERIES, method="nudge-n"), r"method is a str.*NudgeN\(\)"),
    "method as class": (lambda: finetune(X, QUERIES, QUERIES, method=NudgeN), "the class NudgeN itself"),
    "corpus and questions swapped": (lambda: finetune(QUERIES, X, QUERIES), "train is a ndarray.*QuerySet"),
    "vectors as questions": (lambda: finetune(X, X, QUERIES), "train is a ndarray"),
    "vectors as validation": (lambda: finetune(X, QUERIES, X), "validation is a ndarray"),
    "vectors to evaluate": (lambda: evaluate(X, X), "queries is a ndarray"),
    "several training sets": (
        lambda: evaluate(X, QUERIES, train=(QUERIES, QUERIES)),
        r"train is a tuple.*train \+ validation",
    ),
    "path of moves": (lambda: evaluate(X, QUERIES, tuned="t.safetensors"), r"tuned is a str.*Nudge\.load"),
    "moves as an evaluation": (lambda: evaluate(X, QUERIES).compare(TUNED), "before is a Nudge"),
    "no such device": (lambda: finetune(X, QUERIES, QUERIES, device="gpu"), "device is 'gpu'"),
    "an integer as labels": (lambda: QuerySet(X[:3], 5), "relevant is a int.*list of documents"),
    "qrels as labels": (lambda: QuerySet(X[:1], {"q": {"d": 1}}), "from_qrels"),
    "no labels": (lambda: QuerySet(X[:1], [None]), r"relevant\[0\] is None.*\[3, 17\]"),
    "an unknown choice": (lambda: QuerySet(X[:1], [[]], on_empty="drop"), "on_empty is 'drop'.*skip"),
    "a split in three": (lambda: QUERIES.split([0.8, 0.1, 0.1]), "one number between 0 and 1"),
    "texts as questions": (lambda: QuerySet(["who", "why"], [[0], [1]]), "texts.*embed texts first"),
    "a bar by a text": (lambda: evaluate(X, QUERIES, progress="no"), "progress is 'no'; expected True or False"),
    "overwriting by a text": (
        lambda: TUNED.copy_files("a.npy", "b.npy", overwrite="no"),
        "overwrite is 'no'; expected True or False",
    ),
    "no path to load": (lambda: Nudge.load(None), "the path is a NoneType; expected a text or a Path"),
    "bytes to load": (lambda: Nudge.load(b"t"), "the path is a bytes; expected a text or a Path"),
    "no path to save": (lambda: TUNED.save(None), "the path is a NoneType; expected a text or a Path"),
    "a page at a number": (lambda: TUNED.to_html(3), "the path is a int; expected a text or a Path"),
    "a copy at no path": (lambda: copy_at(None), "the path is a NoneType; expected a text or a Path"),
    "files at a number": (lambda: NpyCorpus(3), "the path is a int; expected a text or a Path"),
    "moves under another ending": (lambda: TUNED.save("t.npy"), "of the format .safetensors; give a name that ends so"),
    "no questions": (lambda: QuerySet([], []), "the question embeddings are empty: give at least one vector"),
    "judgements as rows": (
        lambda: QuerySet.from_qrels(X[:1], ["q"], [("q", "d", 1)]),
        "qrels is a list; expected a mapping",
    ),
    "questions and a list": (lambda: QUERIES + ["who"], "the other set is a list; expected a QuerySet"),
    "questions and another thing": (lambda: QuerySet.concat([QUERIES, X]), "one of the sets is a ndarray"),
    "a trial that is called": (
        lambda: trial(X, QUERIES, QUERIES, method=NudgeN(gammas=0.1))(),
        "a Trial is what was found, and cannot be called: leave out the brackets",
    ),
    "a text as ids": (lambda: open_corpus(X, ids="abcdef"), "ids is the text 'abcdef'"),
}


@pytest.mark.parametrize(("call", "says"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_labels_from_a_generator():
    assert QuerySet(X[:3], ([i] for i in range(3))).relevance[2] == {2: 1.0}


def test_moves_into_other_vectors_are_refused():
    for other in (X[::-1].copy(), -X):
        with pytest.raises(InputError, match=r"document 0 lies .* more than γ allows.*in another order"):
            TUNED.apply_to(other)
        with pytest.raises(InputError, match="more than γ allows"):
            evaluate(other, QUERIES, tuned=TUNED)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_moves_into_rounded_vectors_are_taken(kind):
    assert TUNED.apply_to(torch.from_numpy(X).to(kind)).dtype == kind


def test_cosine_and_dot_product_are_not_compared():
    mixed = X * np.asarray([1, 2, 1, 2, 1, 2], dtype=np.float32)[:, None]
    after = evaluate(mixed, QUERIES, tuned=TUNED)
    with pytest.raises(InputError, match='metric="cosine"'):
        after.compare(evaluate(mixed, QUERIES))
    assert len(after.compare(evaluate(mixed, QUERIES, metric="cosine")).lines) == 3


def test_a_measure_of_a_huge_cut_off(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN(measure="nDCG@1000000"))
    assert tuned.curve.measure == "nDCG@1000000"


def test_a_saved_file_is_readable_as_other_files_are(tmp_path):
    TUNED.save(tmp_path / "t.safetensors")
    (tmp_path / "plain").touch()
    assert (tmp_path / "t.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert Nudge.load(tmp_path / "t.safetensors").gamma == 0.1


@pytest.mark.parametrize("shared", [30, 1])
def test_validation_questions_that_were_learned_from_are_told_of(sample, caplog, shared):
    drawn = sample(0)
    held_out = QuerySet.concat([drawn.validation, drawn.train.take(range(shared))])
    finetune(drawn.X, drawn.train, held_out, method=NudgeN())
    assert f"{shared} of {len(held_out)} validation questions are training questions too" in caplog.text
    caplog.clear()
    finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN())
    assert caplog.text == ""
