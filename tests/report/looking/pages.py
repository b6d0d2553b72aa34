"""Reports to look at: real evaluations of made-up vectors, small, large and hostile."""

from dataclasses import replace
from functools import cache

import numpy as np

from nudge_core import NudgeN, QuerySet, evaluate, finetune
from nudge_core.report import Report

MEASURES = ["nDCG@10", "RR@10", "Success@1"]
WORDS = [
    *("how", "why", "where", "when", "vector", "index", "chunk", "prompt", "answer", "retrieve"),
    *("refund", "parcel", "password", "invoice", "warranty", "délai", "日本語", "вопрос"),
]
NASTY = [
    "</script><script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit = 1">',
    "<svg/onload=window.hit=1>",
    "' onmouseover='window.hit=1' x='",
    "<!--<script>window.hit=1</script>",
    "]]><style>body{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "nul \x00 bell \x07 escape \x1b[31m end",
    "\u202eright to left override",
    "\u2067isolate that never ends",
    "עברית english العربية",
    "family 👩‍👩‍👧‍👦 flag 🇪🇺 skin 👍🏽",
    "lone \ud83d half \udc00 surrogate",
    "pair \ud83d\ude00 in halves",
    "line\u2028separator\u2029paragraph\rreturn",
    "&lt;b&gt; &amp; &#60;",
    "x" * 300,
    "javascript:window.hit=1",
    "\ufeff\ufffe\uffff noncharacters",
    "  \n\t ",
]


def sentence(rng: np.random.Generator, low: int, high: int) -> str:
    return " ".join(rng.choice(WORDS, rng.integers(low, high)))


@cache
def report(questions: int, docs: int, dim: int = 16, length: int = 12) -> Report:
    """A report of `questions` questions held out, of which a third is unseen; texts of about `length` words."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(docs, dim)).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    wording = rng.normal(size=(docs, dim)) / dim**0.5
    common = rng.normal(size=dim) / dim**0.5  # what all questions have, so that whatever moves comes nearer to all

    def ask(count: int, low: int, name: str) -> QuerySet:
        about = rng.integers(low, docs, size=count)
        vectors = X[about] + 1.2 * wording[about] + 0.8 * common + 0.5 * rng.normal(size=(count, dim)) / dim**0.5
        return QuerySet(vectors, [[f"doc-{row}"] for row in about], ids=[f"{name}-{i}" for i in range(count)])

    from nudge_core import open_corpus

    corpus = open_corpus(X, [f"doc-{row}" for row in range(docs)])
    train, validation, test = ask(docs, docs // 3, "train"), ask(200, docs // 3, "dev"), ask(questions, 0, "test")
    tuned = finetune(corpus, train, validation, method=NudgeN("fine", "nDCG@10"), progress=False)
    before, after = (evaluate(corpus, test, MEASURES, tuned=t, train=train, progress=False) for t in (None, tuned))
    angles = (tuned.angles * np.linspace(0.2, 1, len(tuned))).astype(np.float32)  # γ binds all: not much of a histogram
    return Report(
        after.compare(before),
        replace(tuned, angles=angles),
        title=f"{questions:,} questions",
        held="All of them were held out.",
        notes=("A note.",),
        facts={"model": "none"},
        texts={f"doc-{row}": f"Document {row}: {sentence(rng, length, 2 * length)}" for row in range(docs)},
        questions={name: f"{sentence(rng, 4, 14)} {name[5:]}?" for name in test.ids.tolist()},
    )


def longest(made: Report) -> str:
    """The document that is made 1 MB long: that which moved most."""
    return made.tuned.ids[made.tuned.angles.argmax()]


@cache
def hostile() -> Report:
    """Everything that others wrote tries to break the page."""
    plain = report(40, 60)
    names = dict(
        zip(plain.comparison.before.ids.tolist(), [f"{i}: {text}" for i, text in enumerate(2 * NASTY)], strict=True)
    )
    texts = {f"doc-{i}": f"{i}: {NASTY[i % len(NASTY)]}" for i in range(60)}
    texts[longest(plain)] = "<script>window.hit = 1</script>" + "a very long document " * 50_000
    return replace(
        plain,
        questions=names,
        texts=texts,
        title="<b>title</b> \u202e \x00 </title><script>window.hit = 1</script>",
        notes=tuple(NASTY),
        facts={text: text for text in NASTY},
    )
