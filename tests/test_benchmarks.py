"""What the accuracy benchmarks are made of: sets read with other embeddings and drawn by seed, batches without false negatives."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
TOPICS = ["money", "parcel", "shoe", "login", "receipt", "colour", "battery", "garden"]


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    yield
    for name in ("labelled", "peers"):
        sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path):
    """A folder in BEIR form without dev.tsv and without vectors: 8 documents, 48 questions."""
    (tmp_path / "qrels").mkdir()
    documents = [{"_id": f"d{i}", "text": f"{topic} is about {topic} and thing{i}"} for i, topic in enumerate(TOPICS)]
    queries = [{"_id": f"q{i}", "text": f"what of {TOPICS[i % 8]} number{i}"} for i in range(48)]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for split, numbers in (("train", range(40)), ("test", range(40, 48))):
        rows = [f"q{i}\td{i % 8}\t1" for i in numbers]
        (tmp_path / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]))
    return tmp_path


def test_a_folder_without_vectors_and_dev_questions_is_read(benchmarks, folder):
    from labelled import load

    labelled = load(folder, "TF-IDF")
    assert labelled.describe() == {"documents": 8, "questions": [35, 5, 8]}
    np.testing.assert_allclose(np.linalg.norm(labelled.X, axis=1), 1, atol=1e-5)
    figures = labelled.measure(labelled.X)
    assert figures["Success@1"] == 100.0  # a word of each question stands in its document only
    assert figures["seen"]["questions"] == 8


def test_a_draw_is_the_same_for_the_same_seed(benchmarks, folder):
    from labelled import load

    labelled = load(folder, "TF-IDF")
    one, same, other = (labelled.sample(0.5, seed) for seed in (1, 1, 2))
    assert one.train.ids.tolist() == same.train.ids.tolist() != other.train.ids.tolist()
    assert len(one.train) == 18
    assert set(one.train.ids) < set(labelled.train.ids)


def test_an_epoch_holds_every_question_once_and_no_document_twice_in_a_batch(benchmarks, folder):
    from labelled import load
    from peers import batches

    train = load(folder, "TF-IDF").train
    epoch = list(batches(train, seed=0, size=6))
    assert sorted(question for questions, _ in epoch for question in questions) == list(range(len(train)))
    for questions, rows in epoch:
        assert len(rows) == len(set(rows)) <= 6
        assert all(row in train.relevance[question] for question, row in zip(questions, rows, strict=True))
