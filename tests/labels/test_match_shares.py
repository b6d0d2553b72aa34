"""How many questions reach the chunk that holds their answer: on made-up documents, and on the real sets where they are."""

import importlib.util
import json
import os
import random
import sys
from pathlib import Path

import pytest
from match_texts import document

pytest.importorskip("llama_index.core")
ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("NUDGE_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="module")
def measured():
    """benchmarks/matching.py."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("benchmark_matching", ROOT / "benchmarks" / "matching.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """60 documents and 600 answers of one to twenty words."""
    folder = tmp_path_factory.mktemp("made-up")
    draw = random.Random(0)
    texts = {f"d{i // 4}-{i % 4}": document(i, draw.randint(8, 40)) for i in range(60)}
    queries, answers = [], []
    for number in range(600):
        name = draw.choice(list(texts))
        words = texts[name].split(" ")
        at, length = draw.randrange(len(words) - 20), draw.randint(1, 20)
        queries.append({"_id": str(number), "text": f"question {number}?"})
        answers.append({"query_id": str(number), "context_id": name, "answers": [" ".join(words[at : at + length])]})
    corpus = [{"_id": name, "title": "", "text": text} for name, text in texts.items()]
    for name, lines in (("corpus", corpus), ("queries", queries), ("answers", answers)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize(
    ("contexts", "least", "most"), [("as they are", 1.0, 0.0), ("damaged", 0.98, 0.02), ("passages", 1.0, 0.002)]
)
def test_made_up(measured, made_up, size, contexts, least, most):
    figures = measured.accuracy(made_up, size, contexts)
    assert figures["questions"] == 600
    assert figures["chunks"] > 100
    assert figures["answer_not_in_its_text"] == 0
    assert figures["matched_to_right_chunk"] >= least
    assert figures["wrong_matches"] <= most


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize(("name", "every", "least"), [("squad", 5, 0.99), ("covidqa", 1, 0.95)])
def test_real(measured, name, every, least, size):
    if not (DATA / name / "answers.jsonl").is_file():
        pytest.skip(f"the real data set {name!r} is not in {DATA}: set NUDGE_DATA to its folder")
    figures = measured.accuracy(DATA / name, size, every=every)
    assert figures["matched_to_right_chunk"] >= least
    assert figures["wrong_matches"] <= 0.005


def test_speed_on_a_small_scale(measured):
    figures = measured.speed(1500, 150)
    assert figures["right"] == 1
    assert figures["by_rule"] == {"exact": 50, "overlap": 50, "fuzzy": 50}
    assert figures["seconds"] < 30
