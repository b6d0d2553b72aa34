"""The snippets of the README and of the page on coming from something else run, with the store, the index and the vectors that they speak of."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for module in ("langchain_chroma", "llama_index.core", "rapidfuzz", "pandas", "scipy"):
    pytest.importorskip(module)

from langchain_core.embeddings import Embeddings
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, TextNode

ROOT = Path(__file__).resolve().parent.parent
IDS = [f"doc-{i}" for i in range(30)]
TEXTS = {
    name: f"Paragraph {i} of the terms of sale says what holds in the case numbered {i}." for i, name in enumerate(IDS)
}


def own_id(i, document):
    return document.doc_id


class Known(dict):
    """Vectors by text; any other text, such as that by which a model is told from another, lies elsewhere."""

    def __missing__(self, text):
        return [1.0] + 7 * [0.0]


class ForLlamaIndex(BaseEmbedding):
    known: Any

    def _get_text_embedding(self, text):
        return self.known[text]

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query):
        return self.known[query]


class ForLangChain(Embeddings):
    def __init__(self, known):
        self.known = known

    def embed_query(self, text):
        return self.known[text]

    def embed_documents(self, texts):
        return [self.known[text] for text in texts]


class DataSet:
    """The data set of llama-index-finetuning, as far as it writes its file."""

    def __init__(self, questions):
        self.questions = questions

    def save_json(self, path):
        queries = {f"q{i}": text for i, (text, _) in enumerate(self.questions)}
        relevant = {f"q{i}": ids for i, (_, ids) in enumerate(self.questions)}
        file = {"queries": queries, "corpus": TEXTS, "relevant_docs": relevant, "mode": "text"}
        Path(path).write_text(json.dumps(file))


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the reader has: stores, an index, vectors, questions and files."""
    import chromadb
    from langchain_chroma import Chroma

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 8)).astype("float32")
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    asked = rng.integers(0, 25, size=120)
    wording = rng.normal(size=(25, 8))[asked] / 4  # people ask in words that the document lacks
    Q = (0.5 * X[asked] + wording + rng.normal(size=(120, 8)) / 10).astype("float32")
    relevant = [[row] for row in asked.tolist()]
    questions = [(f"Question {i}?", [IDS[row] for row in rows]) for i, rows in enumerate(relevant)]
    known = Known(zip(TEXTS.values(), X.tolist(), strict=True))
    known.update((text, vector.tolist()) for (text, _), vector in zip(questions, Q, strict=True))
    model = ForLlamaIndex(known=known)
    settings = chromadb.Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(tmp_path / "store"), settings)
    chroma = Chroma("docs", ForLangChain(known), client=client, collection_metadata={"hnsw:space": "cosine"})
    chroma.add_texts(list(TEXTS.values()), ids=IDS)
    pairs = [{"anchor": text, "positive": TEXTS[name]} for text, ids in questions for name in ids]
    contexts = [{"user_input": text, "reference_contexts": [TEXTS[name] for name in ids]} for text, ids in questions]
    with Path("testset.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_input", "reference_contexts"])
        rows.writerows([row["user_input"], json.dumps(row["reference_contexts"])] for row in contexts)
    return {
        "X": X,
        "Q": Q,
        "relevant": relevant,
        "questions": questions,
        "chroma": chroma,
        "embed_model": model,
        "index": VectorStoreIndex([TextNode(id_=name, text=text) for name, text in TEXTS.items()], embed_model=model),
        "splitter": SentenceSplitter(id_func=own_id),
        "documents": [Document(id_=name, text=text) for name, text in TEXTS.items()],
        "train_dataset": DataSet(questions),
        "pairs": pairs,
    }


@pytest.mark.parametrize(
    ("page", "count", "printed"),
    [
        ("README.md", 4, ["documents were moved", "questions held out", "questions matched"]),
        ("docs/coming_from.md", 4, ["documents were moved", "questions matched", "nDCG@10"]),
    ],
)
def test_the_snippets_run(names, capsys, page, count, printed):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```(?!\s*```text)", text, re.DOTALL)
    assert len(blocks) == count
    for code in blocks:
        exec(compile(code.partition("# now\n")[2] or code, page, "exec"), names)
    said = capsys.readouterr().out
    assert all(part in said for part in printed), said
