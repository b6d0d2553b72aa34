"""The page on LlamaIndex is true: its examples run, as they stand there."""

import csv
import json
import re
from pathlib import Path

from llama_base import Known
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import Document, TextNode

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "llama_index.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TEXTS = {
    f"node-{i}": f"Paragraph {i} of the terms of sale says what happens in the case numbered {i}." for i in range(30)
}


class DataSet:
    """The class of llama-index-finetuning, as far as it writes its file."""

    def __init__(self, labels):
        self.labels = labels

    def save_json(self, path):
        queries = {f"q{i}": text for i, (text, _) in enumerate(self.labels)}
        relevant = {f"q{i}": ids for i, (_, ids) in enumerate(self.labels)}
        Path(path).write_text(
            json.dumps({"queries": queries, "corpus": TEXTS, "relevant_docs": relevant, "mode": "text"})
        )


def test_the_examples_run(sample, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    X, asked = sample(docs=30).X, sample(docs=30).train
    known = {text: vector.tolist() for text, vector in zip(TEXTS.values(), X, strict=True)}
    known |= dict(zip(["How do I get my money back?", "Can I cancel within a week?"], X[16:18].tolist(), strict=True))
    known |= {f"{name}?": vector.tolist() for name, vector in zip(asked.ids, asked.embeddings, strict=True)}
    model = Known(known=known)
    labels = [(f"{name}?", [f"node-{row}" for row in asked.relevance[i]]) for i, name in enumerate(asked.ids)]
    with Path("testset.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_input", "reference_contexts"])
        rows.writerows([text, json.dumps([TEXTS[name] for name in ids])] for text, ids in labels)
    index = VectorStoreIndex([TextNode(id_=name, text=text) for name, text in TEXTS.items()], embed_model=model)
    names = {
        "index": index,
        "embed_model": model,
        "train_dataset": DataSet(labels[:20]),
        "val_dataset": DataSet(labels[20:]),
    }
    names["documents"] = [Document(id_=name, text=text) for name, text in TEXTS.items()]
    for block in BLOCKS:
        if "SentenceSplitter" in block:
            names["questions"] = [(text, [f"{name}-0" for name in ids]) for text, ids in labels]
        exec(compile(block.partition("# now\n")[2] or block, "docs/llama_index.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "NUDGE-N" in printed
    assert "30 of 30 questions matched" in printed
    assert [node.node_id for node in names["nodes"]] == [f"{name}-0" for name in TEXTS]
    assert Path("post.safetensors").is_file()
    assert len(BLOCKS) == 4


def test_the_page_names_everything():
    import nudge_integrations.llama_index
    from nudge_integrations.stores.registry import _LLAMA_INDEX

    for name in [*nudge_integrations.llama_index.__all__, *(path.rsplit(".", 1)[1] for path in _LLAMA_INDEX)]:
        assert f"`{name}" in PAGE or name in PAGE, name
