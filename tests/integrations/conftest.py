"""A small labelled set in BEIR form, made here, with vectors in which fine-tuning has something to find."""

import json
import os
import tempfile

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["HF_HOME"] = tempfile.mkdtemp(
    prefix="nudge-hf-"
)  # before `datasets` is imported: no cache of the user's own is touched

SPLITS = {"train": range(40), "dev": range(40, 60), "test": range(60, 90)}


def write_beir(folder, splits=SPLITS):
    """90 questions on 30 documents; question i asks about document i % 25, so that five documents are never asked about."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{i}", "title": f"Title {i}", "text": f"Text of document {i}."} for i in range(30)]
    queries = [{"_id": f"q{i}", "text": f"Question {i}?"} for i in range(90)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for split, questions in splits.items():
        lines = [f"q{i}\td{i % 25}\t1" for i in questions]
        (folder / "qrels" / f"{split}.tsv").write_text(
            "\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n", encoding="utf-8"
        )
    rng = np.random.default_rng(3)
    documents = rng.normal(size=(30, 12))
    asked = np.arange(90) % 25
    queries = 0.5 * documents[asked] + rng.normal(size=(25, 12))[asked] + 0.3 * rng.normal(size=(90, 12))
    np.savez(
        folder / "embeddings.npz",
        documents=documents.astype("float32"),
        queries=queries.astype("float32"),
        document_ids=np.asarray([row["_id"] for row in corpus]),
        query_ids=np.asarray([f"q{i}" for i in range(90)]),
    )
    return folder


@pytest.fixture
def beir(tmp_path):
    return write_beir(tmp_path / "set")


@pytest.fixture
def make_beir(tmp_path):
    return lambda **splits: write_beir(tmp_path / "other", {**SPLITS, **splits})
