"""A map: a few questions and their documents before and after, in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from nudge_core.arguments import whole_number
from nudge_core.corpus.opening import CorpusLike, open_corpus
from nudge_core.data.queries import QuerySet
from nudge_core.data.vectors import unit
from nudge_core.errors import InputError
from nudge_core.report.plots import BEFORE, INK, new_axes
from nudge_core.result import Nudge

if TYPE_CHECKING:
    from matplotlib.axes import Axes


COLOURS = ("#1f7a8c", "#b04a12", "#5b4b9a", "#3d7a2f", "#a13366", "#8a6d00", "#336699", "#7a3d2f")


def plot_map(
    corpus: CorpusLike,
    tuned: Nudge,
    queries: QuerySet,
    ax: Axes | None = None,
    *,
    questions: int | Sequence[int] = 4,
) -> Axes:
    """Questions, and an arrow for each of their documents from where it was to where it is.

    The plane is that of the first two principal components of these vectors, all taken at unit length; what lies near on it may be further apart.

    Args:
        corpus: The vectors that were fine-tuned.
        tuned: The moves.
        queries: Labelled questions: those learned from, or others.
        ax: Where to draw; new axes without it.
        questions: Which of them, by number; or how many: those whose documents were turned furthest in the mean, no two with the same document.

    Raises:
        InputError: No such questions, or no document of theirs moved.
        MissingExtraError: matplotlib is not installed.
    """
    documents = open_corpus(corpus)
    asked = documents.by_row(queries)
    moved = dict(zip(tuned.rows.tolist(), range(len(tuned)), strict=True))
    chosen = _furthest(asked, tuned, questions) if isinstance(questions, int) else [int(row) for row in questions]
    part = asked.take(chosen)
    rows = np.unique(part.relevance.documents)
    if not chosen or not any(row in moved for row in rows.tolist()):
        raise InputError("no document of these questions moved: choose others with questions=[…], by their numbers")
    first = unit(documents.rows(rows))
    second = first.clone()
    for place, row in enumerate(rows.tolist()):
        if row in moved:
            second[place] = unit(torch.from_numpy(tuned.vectors[moved[row]])[None])[0]
    points = torch.cat([unit(part.embeddings), first, second]).double()
    points -= points.mean(0)
    _, size, axes = torch.linalg.svd(points, full_matrices=False)
    plane = (points @ axes[:2].T).numpy()
    plane = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    shown = float((size[:2] ** 2).sum() / (size**2).sum().clamp(min=1e-12))
    ends = np.cumsum([len(part), len(rows)])
    _draw(ax := new_axes(ax), np.split(plane, ends), part, rows.tolist())
    ax.set_title(f"{len(part)} questions and their {len(rows)} documents", loc="left", fontsize=11)
    ax.set_xlabel(f"first two principal components, {100 * shown:.0f} % of the variance", loc="left")
    return ax


def _furthest(asked: QuerySet, tuned: Nudge, count: int) -> list[int]:
    """The questions whose documents were turned furthest, no two with the same document."""
    whole_number(count, "questions")
    turned = np.zeros(tuned.docs) if tuned.angles is None else np.bincount(tuned.rows, tuned.angles, tuned.docs)
    relevance = asked.relevance
    sums = np.bincount(relevance.queries, turned[relevance.documents], len(asked))
    taken: set[int] = set()
    chosen: list[int] = []
    for row in np.argsort(-sums / relevance.counts, kind="stable").tolist():
        answers = set(relevance[row])
        if len(chosen) < count and not answers & taken:
            chosen.append(row)
            taken |= answers
    return chosen


def _draw(ax: Axes, plane: Sequence[np.ndarray], part: QuerySet, rows: list[int]) -> None:
    asked, first, second = plane
    texts = part.texts or [str(name) for name in part.ids]
    for i, (at, text) in enumerate(zip(asked, texts, strict=True)):
        colour = COLOURS[i % len(COLOURS)]
        for row in part.relevance[i]:
            place = rows.index(row)
            ax.annotate(
                "",
                second[place],
                first[place],
                arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9},
            )
            ax.plot(*second[place], "o", color=colour, markersize=5)
        short = "".join(sign if sign.isprintable() else " " for sign in text[:61])
        label = short if len(short) < 61 else f"{short[:60]}…"
        ax.plot(*at, "*", color=colour, markersize=14, markeredgecolor=INK, markeredgewidth=0.6, label=label)
    ax.plot(*first.T, "o", color="white", markeredgecolor=BEFORE, markersize=5, label="document before")
    ax.plot([], [], "o", color=BEFORE, markersize=5, label="document after")
    ax.set_aspect("equal", "datalim")
    ax.set_xticks([])
    ax.set_yticks([])
    legend = ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    for line in legend.get_texts():
        line.set_parse_math(False)
