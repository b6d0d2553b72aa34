"""Questions labelled by ids are learned from as they come; others are refused with what to do."""

import json
from dataclasses import replace

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from nudge_core.errors import InputError, UnknownIdError
from nudge_integrations.collection.matching import resolve
from nudge_integrations.collection.questions import read_both, read_test
from nudge_integrations.labels import Answer, LabelledQuestion, LabelledQuestions, read_labels, split
from nudge_integrations.langchain import NudgeVectorStore

pytestmark = pytest.mark.usefixtures("closed_form")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 8))
KNOWN = {f"document {i}": X[i] for i in range(40)} | {
    f"question {i}": X[i % 40] + RNG.normal(size=8) for i in range(120)
}


class Known(Embeddings):
    def embed_query(self, text):
        vector = KNOWN.get(text, np.ones(8))  # the wrapper asks how a text of its own is embedded
        return (vector / np.linalg.norm(vector)).tolist()

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


@pytest.fixture
def store(tmp_path):
    inner = InMemoryVectorStore(Known())
    inner.add_texts([f"document {i}" for i in range(40)], ids=[f"d{i}" for i in range(40)])
    return NudgeVectorStore(inner, journal=tmp_path / "journal.sqlite")


ROWS = [{"question": f"question {i}", "ids": [f"d{i % 40}"], "split": "dev" if i % 3 else "train"} for i in range(120)]


def test_labelled_questions_files_and_rows_give_the_same(store, tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    expected = store.nudge(
        *([(row["question"], row["ids"]) for row in ROWS if row["split"] == name] for name in ("train", "dev"))
    )
    assert expected.applied
    moved = dict(store.inner.store)
    for given in (path, str(path), read_labels(path)):
        store.restore()
        report = store.nudge(given)
        assert (report.tuned.gamma, report.after.values.keys()) == (expected.tuned.gamma, expected.after.values.keys())
        assert report.trial.folds == 1  # the dev questions of the file are the validation
        assert store.inner.store == moved
    train, test = split(read_labels(path), 0.5)
    store.restore()
    assert store.nudge(train, validation=test).trial.folds == 1
    assert len(store.evaluate(test)) == len(test)


def test_unknown_ids_are_counted_and_listed(store):
    rows = [{"question": f"question {i}", "ids": [f"x{i}"]} for i in range(12)]
    with pytest.raises(UnknownIdError, match=r"'x0'.*… and 2 more"):
        store.nudge(read_labels(rows))
    assert store.history() == []


def test_thumbs_down_are_not_learned_from():
    up, down = Answer("a"), Answer("b", relevant=False, grade=0.0)
    labelled = LabelledQuestions((LabelledQuestion("Why?", (up, down)), LabelledQuestion("How?", (down,))), "feedback")
    read = resolve(labelled, None, [], None).train
    assert (read.texts, read.relevant) == (("Why?", "How?"), ({"a": 1.0}, {}))


def test_other_splits_are_refused_with_those_that_are_there():
    one = LabelledQuestion("Why?", (Answer("a"),), split="test")
    alone = LabelledQuestions((one,), "columns")
    assert read_both(alone) == (alone, None)
    two = LabelledQuestions((one, replace(one, text="How?", split=None)), "columns")
    assert [question.text for question in read_both(two)[0]] == ["How?"]
    assert [question.text for question in read_test(two)] == ["Why?"]
    with pytest.raises(InputError, match="has no dev questions; it has test, train"):
        read_both(alone, two)


def test_a_beir_folder_is_read_split_by_split(tmp_path):
    (tmp_path / "qrels").mkdir()
    for name, count in (("corpus", 5), ("queries", 6)):
        lines = [json.dumps({"_id": f"{name[0]}{i}", "text": f"{name} {i}"}) + "\n" for i in range(count)]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    for name, lines in {"train": ["q0\tc0\t2", "q0\tc1\t0", "q1\tc1\t1"], "dev": ["q2\tc2\t1"]}.items():
        text = "\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n"
        (tmp_path / "qrels" / f"{name}.tsv").write_text(text, encoding="utf-8")
    read = read_labels(tmp_path)
    assert (read.form, len(read), read.splits) == ("BEIR folder", 3, {"train", "dev"})
    assert read[0].answers == (
        Answer("c0", "corpus 0", grade=2.0),
        Answer("c1", "corpus 1", relevant=False, grade=0.0),
    )
    train, dev = read_both(tmp_path)
    resolved = resolve(train, dev, [(name, text, {}) for name, text in read.documents.items()])
    assert (resolved.train.relevant, resolved.validation.relevant) == (({"c0": 2.0}, {"c1": 1.0}), ({"c2": 1.0},))
    assert read.documents["c3"] == "corpus 3"
    with pytest.raises(InputError, match="takes no options; there are ids"):
        read_labels(tmp_path, ids="x")


TEXTS = [{"question": f"question {i}", "context": f"document {i % 40}"} for i in range(120)]
PAIRS = [(row["question"], row["ids"]) for row in ROWS]


def test_texts_are_matched_to_the_store(store):
    expected = store.nudge(PAIRS)
    moved = dict(store.inner.store)
    store.restore()
    report = store.nudge(TEXTS)
    assert report.applied
    assert store.inner.store == moved
    assert report.match.by_rule == {"exact": 120}
    assert "120 of 120 questions matched to 40 stored documents, by exact 120." in repr(report)
    assert (expected.match, expected.remarks) == (None, ())
    assert store.evaluate(TEXTS).mean("nDCG@10") == store.evaluate(PAIRS).mean("nDCG@10")


async def test_texts_are_matched_asynchronously(store):
    report = await store.anudge([*TEXTS, {"question": "What?", "context": "Nobody wrote this text anywhere."}])
    assert report.match.of("nothing")[0].text == "What?"
    assert len(await store.aevaluate(TEXTS)) == 120


def test_texts_that_match_nothing_touch_nothing(store):
    with pytest.raises(InputError, match="none of the 1 questions could be matched to a stored document"):
        store.nudge([{"question": "question 1", "context": "Nobody wrote this text anywhere."}])
    assert store.history() == []
    assert not store.journal.is_file()


def test_training_by_text_and_validation_by_id_and_what_readers_left_out(store):
    train = read_labels([*TEXTS[:60], {"question": "", "context": "document 1"}])
    report = store.nudge(train, PAIRS[60:])
    assert report.trial.folds == 1
    assert "empty text" in report.problems[0]
    assert report.match.problems == report.problems
    bare = store.nudge(read_labels([{"question": text, "ids": ids} for text, ids in [*PAIRS, ("", ["d1"])]]))
    assert bare.match is None
    assert "The labels have 1 problems, in report.problems: the question is an empty text" in repr(bare)


def test_validation_questions_that_were_learned_from_are_told(store):
    report = store.nudge(PAIRS[:80], PAIRS[70:])
    assert report.remarks[0].startswith(
        "10 of 50 validation questions were learned from too: 'question 70', 'question 71'"
    )
    assert report.remarks[0] in repr(report)


def test_labels_that_are_wrong_are_told(store):
    shuffled = RNG.permutation(40)
    report = store.nudge([(f"question {i}", [f"d{shuffled[i % 40]}"]) for i in range(120)])
    assert "no nearer to the documents that answer them" in report.to_dict()["remarks"][0]
    assert "no nearer to the documents that answer them" in repr(report)
