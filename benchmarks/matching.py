"""Matching labels to stored chunks: how many questions reach the chunk that holds their answer, and how long it takes.

    python benchmarks/matching.py FOLDER [FOLDER …]   folders in BEIR form with answers.jsonl; writes results/matching.json
    python benchmarks/matching.py --table             renders the table from that file

Accuracy: each document of the corpus is cut by LlamaIndex's SentenceSplitter, and questions are labelled by context text and answer only. A
chunk is right if it covers a place of the answer in that document (where none covers it whole: if it covers part of it), or is a copy of such a
chunk, letter for letter. Contexts are given as they are; damaged: other case, line breaks, hyphenation and quotes, and one character in 50
wrong; and as passages: the documents of one article are joined before it is cut, so that chunks begin and end anywhere in a context. Speed:
100,000 chunks and 5,000 contexts of made-up text, a third of them whole chunks, a third spread over two, a third with wrong letters.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nudge_integrations.labels.labelled import Answer, LabelledQuestion, LabelledQuestions
from nudge_integrations.labels.matching import Matched, match

RESULTS = Path(__file__).parent / "results" / "matching.json"
SIZES, OVERLAP = (128, 256), 20
CONTEXTS = ("as they are", "damaged", "passages")


@dataclass(frozen=True)
class Piece:
    """A chunk and where it lies: [start, end) of its document."""

    document: str
    start: int
    end: int
    text: str


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of a JSONL file."""
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def split(texts: dict[str, str], size: int) -> dict[str, Piece]:
    """The chunks of all documents by id."""
    from llama_index.core import Document
    from llama_index.core.node_parser import SentenceSplitter

    splitter = SentenceSplitter(chunk_size=size, chunk_overlap=OVERLAP, include_metadata=False)
    pieces: dict[str, Piece] = {}
    for name, text in texts.items():
        after = 0
        for number, node in enumerate(splitter.get_nodes_from_documents([Document(text=text, id_=name)])):
            after = text.index(node.text, after)
            pieces[f"{name}/{number}"] = Piece(name, after, after + len(node.text), node.text)
    return pieces


def damage(text: str, seed: int, rate: float = 0.02) -> str:
    """As after print, scan and copying."""
    draw = random.Random(seed)
    words = [
        f"{word[: len(word) // 2]}-\n{word[len(word) // 2 :]}" if draw.random() < 0.05 and len(word) > 7 else word
        for word in text.split(" ")
    ]
    text = "".join(word + draw.choice([" "] * 8 + ["\n", "  "]) for word in words).replace('"', "”").replace("'", "’")
    text = text.upper() if draw.random() < 0.2 else text
    return "".join(draw.choice("abcdefghij") if draw.random() < rate else c for c in text)


def offsets(words: list[str], text: str) -> list[tuple[int, int]]:
    """Every place of an answer; where it runs over the end of its text, or begins before it, the part that is there."""
    spaced = [re.escape(word) for word in words]
    found = [m.span() for m in re.finditer(r"\s+".join(spaced), text)]
    for count in range(len(words) - 1, 2, -1):
        found = found or [m.span() for m in re.finditer(r"\s+".join(spaced[:count]) + r"\s*\Z", text)]
        found = found or [m.span() for m in re.finditer(r"\A\s*" + r"\s+".join(spaced[-count:]), text)]
    return found


def right(mine: dict[str, Piece], spots: list[tuple[int, int]]) -> set[str]:
    """The ids of the chunks of a document that hold one of these places."""
    held: set[str] = set()
    for start, end in spots:
        whole = {name for name, p in mine.items() if p.start <= start and end <= p.end}
        held |= whole or {name for name, p in mine.items() if p.start < end and start < p.end}
    return held


def join(texts: dict[str, str]) -> tuple[dict[str, str], dict[str, tuple[str, int]]]:
    """The documents of one article, which share the beginning of their ids, in one; and where each begins."""
    articles: dict[str, str] = {}
    begins = {}
    for name, text in texts.items():
        article = name.rsplit("-", 1)[0]
        before = articles[article] + "\n\n" if article in articles else ""
        begins[name], articles[article] = (article, len(before)), before + text
    return articles, begins


def accuracy(folder: Path, size: int, contexts: str = "as they are", every: int = 1) -> dict[str, Any]:
    """Figures of one set at one chunk size, of every n-th question; contexts "as they are", "damaged" or "passages"."""
    texts = {row["_id"]: row["text"] for row in rows(folder / "corpus.jsonl")}
    asked = {row["_id"]: row["text"] for row in rows(folder / "queries.jsonl")}
    labels = list(rows(folder / "answers.jsonl"))[::every]
    documents, begins = join(texts) if contexts == "passages" else (texts, {name: (name, 0) for name in texts})
    pieces = split(documents, size)
    by_document: dict[str, dict[str, Piece]] = {}
    copies: dict[str, set[str]] = {}
    for name, piece in pieces.items():
        by_document.setdefault(piece.document, {})[name] = piece
        copies.setdefault(piece.text, set()).add(name)
    given = {name: damage(text, i) if contexts == "damaged" else text for i, (name, text) in enumerate(texts.items())}
    questions = LabelledQuestions(
        tuple(
            LabelledQuestion(
                asked[row["query_id"]],
                tuple(Answer(text=given[row["context_id"]], span=span) for span in row["answers"]),
                id=row["query_id"],
            )
            for row in labels
        ),
        "spans",
    )
    start = time.perf_counter()
    done = match(questions, ((name, piece.text, {}) for name, piece in pieces.items()))
    seconds = time.perf_counter() - start
    matched = found_of(done)
    hit = wrong = pairs = unknown = 0
    for place, row in enumerate(labels):
        document, begin = begins[row["context_id"]]
        spots = [spot for answer in row["answers"] for spot in offsets(answer.split(), texts[row["context_id"]])]
        good = right(by_document[document], [(begin + a, begin + b) for a, b in spots])
        unknown += not good
        good |= {copy for one in good for copy in copies[pieces[one].text]}
        found = matched.get(place, set())
        hit += bool(found & good)
        wrong += len(found - good)
        pairs += len(found)
    return {
        "set": folder.name,
        "chunk_size": size,
        "contexts": contexts,
        "chunks": len(pieces),
        "questions": len(labels),
        "answer_not_in_its_text": unknown,
        "matched_to_right_chunk": round(hit / len(labels), 5),
        "wrong_matches": round(wrong / max(pairs, 1), 5),
        "matches_per_question": round(pairs / max(len(matched), 1), 3),
        "by_rule": dict(done.report.by_rule),
        "unmatched": len(done.report.unmatched),
        "seconds": round(seconds, 2),
    }


def found_of(done: Matched) -> dict[int, set[str]]:
    """For each question the ids that it was matched to."""
    found: dict[int, set[str]] = {}
    for each in done.report.matches:
        if each.outcome == "matched":
            found.setdefault(each.question, set()).update(f.chunk.id for f in each.found)
    return found


def speed(chunks: int = 100_000, contexts: int = 5_000) -> dict[str, Any]:
    """Time and memory on made-up text."""
    rng = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = ["".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(30_000)]
    zipf = 1 / np.arange(1, len(words) + 1)
    drawn = rng.choice(len(words), p=zipf / zipf.sum(), size=chunks * 160)
    texts = [" ".join(words[w] for w in drawn[160 * i : 160 * i + 160]) for i in range(chunks)]
    asked, target = [], []
    for number, at in enumerate(rng.choice(chunks - 1, contexts, replace=False).tolist()):
        text = texts[at]
        if number % 3 == 1:
            text = texts[at][len(text) // 2 :] + " " + texts[at + 1][: len(texts[at + 1]) // 2]
        elif number % 3 == 2:
            text = damage(text, number, 0.05)
        asked.append(LabelledQuestion(f"question {number}", (Answer(text=text),)))
        target.append({str(at), str(at + 1)} if number % 3 == 1 else {str(at)})
    from measuring import PeakMemory

    with PeakMemory() as memory:
        before, start, busy = memory.peak, time.perf_counter(), time.process_time()
        done = match(LabelledQuestions(tuple(asked), "texts"), ((str(i), text, {}) for i, text in enumerate(texts)))
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
    found = found_of(done)
    return {
        "chunks": chunks,
        "contexts": contexts,
        "characters": sum(map(len, texts)),
        "seconds": round(seconds, 2),
        "seconds_of_one_core": round(busy, 2),
        "peak_mib_above_the_texts": round((memory.peak - before) / 2**20),
        "right": round(sum(found.get(i) == target[i] for i in range(contexts)) / contexts, 5),
        "by_rule": dict(done.report.by_rule),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures in Markdown."""
    lines = [
        "| set | chunks of | contexts | questions | matched to a chunk with the answer | wrong matches |",
        "|---|---|---|---|---|---|",
    ]
    for row in figures["accuracy"]:
        share, wrong = (f"{100 * row[key]:.2f} %" for key in ("matched_to_right_chunk", "wrong_matches"))
        lines.append(
            f"| {row['set']} | {row['chunk_size']} tokens | {row['contexts']} | {row['questions']:,} | {share} | {wrong} |"
        )
    fast = figures["speed"]
    lines += [
        "",
        f"{fast['chunks']:,} chunks and {fast['contexts']:,} contexts take {fast['seconds']:.0f} s on {figures['machine']['cores']} cores.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(
            "name the folders to measure, for example ../shared/data/squad: without one the figures kept would be lost"
        )
    if sys.argv[1:] != ["--table"]:
        done = [accuracy(Path(f), size, contexts) for f in sys.argv[1:] for size in SIZES for contexts in CONTEXTS]
        from measuring import machine

        measured = {"machine": machine(), "speed": speed(), "accuracy": done}
        RESULTS.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
