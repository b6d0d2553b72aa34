"""What a user would do instead of moving documents: an adapter on the questions, or fine-tuning the model.

    python benchmarks/peers.py FOLDER [FOLDER …]     folders in BEIR form; adds their figures to results/peers.json
    python benchmarks/peers.py --table               renders the table from that file

Times are CPU seconds of the process / 2, on one thread: what two cores take at the least, whatever else the machine does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from nudge_core import QuerySet, evaluate

RESULTS = Path(__file__).parent / "results" / "peers.json"
SCALE = 20.0
"""1 / τ of the in-batch softmax, the default of sentence-transformers."""


def adapter(labelled: Any, seed: int = 0) -> tuple[Any, QuerySet]:
    """Questions through q' = normalise(q W), W from the identity; in-batch softmax, Adam.

    Of two rates and 30 epochs those with the best validation nDCG@10.
    """
    X, train = torch.from_numpy(labelled.X), labelled.train
    best: tuple[float, Tensor] = (_score(labelled, torch.eye(X.shape[1])), torch.eye(X.shape[1]))
    for rate in (1e-4, 1e-3):
        W = torch.eye(X.shape[1], requires_grad=True)
        optimizer = torch.optim.Adam([W], lr=rate)
        stale, top = 0, 0.0
        for epoch in range(30):
            for questions, rows in batches(train, seed + epoch):
                asked = normalize(train.embeddings[questions] @ W)
                loss = cross_entropy(SCALE * asked @ X[rows].T, torch.arange(len(rows)))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            score = _score(labelled, W.detach())
            if score > best[0]:
                best = (score, W.detach().clone())
            stale, top = (0, score) if score > top else (stale + 1, top)
            if stale == 5:
                break
    return labelled.X, _mapped(labelled.test, best[1])


def model(labelled: Any, seed: int = 0, epochs: int = 2) -> tuple[Any, QuerySet]:
    """all-MiniLM-L6-v2 trained on all labelled questions, then all texts embedded again.

    MultipleNegativesRankingLoss, AdamW at 2e-5 with warm-up and linear decay, products in bfloat16, texts cut at 256 tokens.
    """
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from nudge_integrations.embeddings import BUNDLED, encode, load_model

    torch.manual_seed(seed)
    encoder = load_model(BUNDLED, "cpu")
    encoder.max_seq_length = 256
    texts, learned = list(labelled.data.documents.values()), labelled.learned
    steps = [step for epoch in range(epochs) for step in batches(learned, seed + epoch)]
    loss_of = MultipleNegativesRankingLoss(encoder, scale=SCALE)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-5, weight_decay=0.01)
    warm_up = len(steps) // 10 + 1
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm_up, (len(steps) - step) / (len(steps) - warm_up + 1))
    )
    encoder.train()
    start = time.perf_counter()
    for done, (questions, rows) in enumerate(steps, 1):
        pair = [[labelled.data.queries[learned.ids[i]] for i in questions], [texts[row] for row in rows]]
        with torch.autocast("cpu", torch.bfloat16):  # half the time
            loss = loss_of([encoder.preprocess(side) for side in pair], torch.empty(0))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if done % 10 == 0:
            sys.stderr.write(
                f"{done} of {len(steps)} steps, loss {float(loss):.3f}, {time.perf_counter() - start:.0f} s\n"
            )
    encoder.eval()
    asked = encode(encoder, [labelled.data.queries[name] for name in labelled.test.ids], progress=False)
    return encode(encoder, texts, progress=False), QuerySet(asked, labelled.test.relevance, ids=labelled.test.ids)


PEERS: dict[str, Callable[[Any], tuple[Any, QuerySet]]] = {"adapter on questions": adapter, "model fine-tuned": model}


def batches(queries: QuerySet, seed: int, size: int = 32) -> Iterator[tuple[list[int], list[int]]]:
    """An epoch: one relevant document for each question, drawn by seed; no document twice in a batch, as it would be its own negative."""
    generator = np.random.default_rng(seed)
    waiting = [(int(i), int(generator.choice(list(queries.relevance[i])))) for i in generator.permutation(len(queries))]
    while waiting:
        batch: dict[int, int] = {}
        later = []
        for place, (question, row) in enumerate(waiting):
            if len(batch) == size:
                later += waiting[place:]
                break
            if row in batch:
                later.append((question, row))
            else:
                batch[row] = question
        waiting = later
        yield list(batch.values()), list(batch)


def _mapped(queries: QuerySet, W: Tensor) -> QuerySet:
    return QuerySet(normalize(queries.embeddings @ W), queries.relevance, ids=queries.ids)


def _score(labelled: Any, W: Tensor) -> float:
    found = evaluate(labelled.X, _mapped(labelled.validation, W), ["nDCG@10"], metric="dot", progress=False)
    return float(found.mean("nDCG@10"))


def measure(folder: Path, results: dict[str, Any], names: list[str]) -> None:
    """Add the figures of one set, written after each peer."""
    from labelled import load

    labelled = load(folder)
    figures = results.setdefault(folder.resolve().name, {**labelled.describe(), "peers": {}})
    for name in names:
        wall, used = time.perf_counter(), time.process_time()
        X, asked = PEERS[name](labelled)
        wall, used = time.perf_counter() - wall, time.process_time() - used
        seconds = {"on two cores": round(used / 2, 1), "cpu": round(used, 1), "wall": round(wall, 1)}
        figures["peers"][name] = {**labelled.measure(X, test=asked), "seconds": seconds}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def table(results: dict[str, Any]) -> str:
    """Markdown: nDCG@10 of each set, unseen questions in brackets, and seconds on two cores; beside them what `Auto` reaches."""
    ours = json.loads(RESULTS.with_name("accuracy.json").read_text(encoding="utf-8"))["all-MiniLM-L6-v2"]
    columns = ["none", *PEERS, "Auto", "Auto, map allowed"]
    rows = ["| nDCG@10 | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, figures in results.items():
        found = {**figures["peers"], **ours.get(name, {}).get("methods", {})}
        rows.append(f"| {name} | " + " | ".join(cell(found.get(column)) for column in columns) + " |")
    return "\n".join(rows)


def cell(figures: dict[str, Any] | None) -> str:
    """One figure with its time."""
    if figures is None:
        return ""
    unseen, seconds = figures["unseen"], figures["seconds"]
    bracket = f" ({unseen['nDCG@10']:.1f})" if unseen["questions"] >= 10 else ""
    seconds = seconds["on two cores"] if isinstance(seconds, dict) else seconds
    told = f", {seconds:,.0f} s" if seconds >= 0.5 else ", under 1 s" if seconds else ""
    return f"{figures['nDCG@10']:.1f}{bracket}{told}"


def main() -> None:
    """Measure the sets named, or render the table."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if sys.argv[1:] != ["--table"]:
        torch.set_num_threads(1)
        only = [name for name in PEERS if f"--only={name.split()[0]}" in sys.argv]
        for folder in [Path(argument) for argument in sys.argv[1:] if not argument.startswith("--")]:
            measure(folder, results, only or list(PEERS))
    print(table(results))


if __name__ == "__main__":
    main()
