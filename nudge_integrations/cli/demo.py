"""The demo: search over the documentation of the standard library, before and after fine-tuning."""

from __future__ import annotations

import json
import platform
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from nudge_core import Auto, Evaluation, evaluate, finetune
from nudge_core.errors import InputError, MissingExtraError
from nudge_core.evaluation import Comparison
from nudge_core.report import Report, plot_before_after
from nudge_integrations.cli.output import as_dict, say, show
from nudge_integrations.demo.data import build
from nudge_integrations.embeddings import embed, load_model
from nudge_integrations.labels import LabelledData

MEASURES = ["nDCG@10", "R@10", "RR@10", "Success@1"]


def run_demo(model: str, folder: Path) -> Comparison:
    """Embed the documentation, fine-tune on the shipped questions, and report on those held out."""
    start = time.perf_counter()
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "demo", "the picture")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file: give the name of a folder")
    folder.mkdir(parents=True, exist_ok=True)
    data, missing = build(folder)
    documents, questions = f"{len(data.documents):,} passages", f"{len(data.queries):,} labelled questions"
    say(f"Documentation of Python {platform.python_version()}: {documents}; {questions}.")
    if missing:
        say(f"{len(missing)} documented names are not in this Python; questions about nothing else are left out.")
    say(f"Embedding with {model} …")
    vectors = embed(data, load_model(model), model)
    vectors.save(folder / "embeddings.npz")

    train, validation, test = (vectors.query_set(data, split) for split in ("train", "dev", "test"))
    say(f"Fine-tuning on {len(train):,} questions, {len(validation)} for validation; {len(test)} are held out.")
    tuned = finetune(vectors.corpus, train, validation, method=Auto(allow_map=True), refit=True)
    tuned.save(folder / "tuned.safetensors")
    say(f"{tuned} in {sum(tuned.seconds.values()):.1f} s")

    learned = train + validation
    before = evaluate(vectors.corpus, test, MEASURES, train=learned)
    after = evaluate(vectors.corpus, test, MEASURES, tuned=tuned, train=learned)
    comparison = after.compare(before)
    show(comparison)
    say("seen: other questions about the same passage were learned from. unseen: none were.\n")
    _examples(data, before, after)
    seconds = time.perf_counter() - start
    told = {"python": platform.python_version(), "model": model, "total_seconds": seconds}
    figures = {**as_dict(data.name, tuned, comparison), **told}
    (folder / "figures.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    picture = folder / "before-after.png"
    _draw(comparison, picture, f"Search in Python's own documentation, {len(test)} questions held out")
    say(f"Picture: {picture}")
    report = Report(comparison, tuned, title="Search in Python's own documentation", facts={"model": model})
    page = report.to_html(folder / "report.html", texts=data.documents, questions=data.queries)
    say(f"Report, to open in a browser: {page}")
    say(f"Done in {seconds:.0f} s. Next, with your own documents and questions: nudge embed DATA, then nudge tune DATA")
    return comparison


def _draw(comparison: Comparison, path: Path, title: str) -> None:
    from matplotlib.figure import Figure

    axes = Figure(figsize=(7.2, 3.6), dpi=150, layout="constrained").add_subplot()
    plot_before_after(comparison, axes)
    axes.set_title(title, loc="left", fontsize=11)
    axes.figure.savefig(path)


def _examples(data: LabelledData, before: Evaluation, after: Evaluation, count: int = 3) -> None:
    """Questions whose answer stands first now, and stood furthest from it before."""
    gained = (after.values["Success@1"] > 0) & (before.values["Success@1"] == 0)
    order = np.argsort(before.values["RR@10"], kind="stable")
    chosen = [i for i in order if gained[i]][:count]
    if not chosen:
        return
    say(
        f"{len(chosen)} of the {int(gained.sum())} questions that are answered first now and were not before:",
        style="bold",
    )
    for i in chosen:
        say(f"  {data.queries[before.ids[i]]}", style="cyan")
        for label, found, style in (("before", before.ranking[i][0], "red"), ("now", after.ranking[i][0], "green")):
            summary = data.documents[found].partition("\n")[2].split("\n")[0]
            say(f"    {label:<7}{found}: {summary[:80]}", style=style)
    say("")
