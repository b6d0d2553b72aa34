"""Pictures of a result, on matplotlib axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from nudge_core.arguments import expect, whole_number
from nudge_core.corpus.opening import CorpusLike, open_corpus
from nudge_core.data.queries import QuerySet
from nudge_core.data.vectors import unit
from nudge_core.display import Reported
from nudge_core.errors import InputError, MissingExtraError
from nudge_core.evaluation.results import SUBSETS
from nudge_core.report.content import histogram
from nudge_core.report.report import Report
from nudge_core.report.trials import axis
from nudge_core.result import Nudge

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEFORE, AFTER, INK = "#9aa5b1", "#1f7a8c", "#12343b"
COLOURS = ("#1f7a8c", "#b04a12", "#5b4b9a", "#3d7a2f", "#a13366", "#8a6d00", "#336699", "#7a3d2f")


def plot_before_after(
    result: Reported, ax: Axes | None = None, *, subset: Literal["all", "seen", "unseen"] = "all"
) -> Axes:
    """Bars of each measure before and after, with the interval of the change.

    Args:
        result: A `Comparison`, `Trial`, `NudgeReport` or `Report`.
        ax: Where to draw; new axes without it.
        subset: Which questions.

    Raises:
        InputError: No questions were measured, or none belong to the subset.
        MissingExtraError: matplotlib is not installed.
    """
    if subset not in SUBSETS:
        raise InputError(f"subset is {subset!r}; expected one of {', '.join(SUBSETS)}")
    comparison = _report(result).comparison
    if comparison is None:
        raise InputError("there are no questions to draw, before and after: give after.compare(before)")
    lines = [line.to_dict() for line in comparison.lines if line.subset == subset]
    if not lines or not lines[0]["questions"]:
        raise InputError(
            f"there are no {subset} questions to draw: leave out subset; evaluate(…, train=training questions) tells seen ones from unseen"
        )
    ax = new_axes(ax)
    for i, line in enumerate(lines):
        before, after = 100 * line["before"], 100 * line["after"]
        low, high = (100 * abs(line["difference"] - line[end]) for end in ("low", "high"))
        ax.bar(i - 0.2, before, 0.38, color=BEFORE, label="before" if i == 0 else None)
        ax.bar(i + 0.2, after, 0.38, color=AFTER, label="after" if i == 0 else None)
        ax.errorbar(i + 0.2, after, yerr=[[low], [high]], color=INK, capsize=3, linewidth=1)
        ax.annotate(f"{before:.1f}", (i - 0.2, before / 2), ha="center", va="center", color=INK, fontsize=9)
        bold = {"color": "white", "weight": "bold"}
        ax.annotate(f"{after:.1f}", (i + 0.2, after / 2), ha="center", va="center", fontsize=9, **bold)
    ax.set_xticks(range(len(lines)), [line["measure"] for line in lines])
    ax.set_ylabel("score")
    ax.set_title(f"{subset} {lines[0]['questions']:,} questions held out", loc="left", fontsize=11)
    ax.legend(frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, 1))
    ax.set_ylim(0, 1.22 * max(100 * max(line["before"], line["after"]) for line in lines) or 1)
    return _bare(ax)


def plot_curve(result: Reported, ax: Axes | None = None) -> Axes:
    """The validation score over γ, or over the steps of a method that learns, with the point chosen.

    Args:
        result: A `Nudge`, `Trial`, `NudgeReport`, or a `Report` with moves.
        ax: Where to draw; new axes without it.

    Raises:
        InputError: There are no moves, or they have no curve, as γ was given.
        MissingExtraError: matplotlib is not installed.
    """
    tuned = _moves(result)
    if tuned.curve is None:
        raise InputError(f"{tuned.method} has no validation curve, as nothing was chosen: give several gammas")
    name, chosen = axis(tuned)
    ax, curve = new_axes(ax), tuned.curve
    best = curve.score[abs(curve.gamma - chosen).argmin()]
    ax.axhline(100 * curve.score[0], color=BEFORE, linestyle="--", linewidth=1, label="without moves")
    ax.plot(curve.gamma, 100 * curve.score, color=AFTER, marker="." if len(curve.gamma) <= 60 else None)
    ax.plot([chosen], [100 * best], "o", color="white", markeredgecolor=INK, markersize=9, markeredgewidth=2)
    ax.annotate(f"{chosen:.4g}: {100 * best:.1f}", (chosen, 100 * best), (8, 8), textcoords="offset points", color=INK)
    ax.margins(y=0.15)
    ax.set_xlabel(name)
    ax.set_ylabel(f"{curve.measure} on validation questions")
    ax.legend(frameon=False, loc="lower right")
    return _bare(ax)


def plot_moves(result: Reported, ax: Axes | None = None) -> Axes:
    """How many documents were turned by how many degrees.

    Args:
        result: A `Nudge`, `Trial`, `NudgeReport`, or a `Report` with moves.
        ax: Where to draw; new axes without it.

    Raises:
        InputError: No document moved, or the file of the moves does not tell how far.
        MissingExtraError: matplotlib is not installed.
    """
    tuned = _moves(result)
    if tuned.angles is None or not len(tuned):
        raise InputError(f"{tuned!r} tells no angles to draw: make the moves again with this version")
    ax = new_axes(ax)
    counts, edges = histogram(tuned.angles)
    ax.stairs(counts, edges, fill=True, color=AFTER)
    ax.set_xlim(0, edges[-1])
    ax.set_xlabel("angle between the vector before and after, degrees")
    ax.set_ylabel("documents")
    ax.set_title(f"{len(tuned):,} of {tuned.docs:,} documents moved", loc="left", fontsize=11)
    return _bare(ax)


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
    call = "plot_map(corpus, tuned, queries)"
    expect(tuned, Nudge, "tuned", call)
    expect(queries, QuerySet, "queries", call)
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


def new_axes(ax: Axes | None) -> Any:
    """The axes given, or new ones.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", "a picture") from error
    if ax is not None:
        expect(ax, plt.Axes, "ax", "figure, ax = plt.subplots()", "single Axes")
        return ax
    return plt.subplots(figsize=(7.2, 3.6), layout="constrained")[1]


def _report(result: Reported) -> Report:
    """The report of a result.

    Raises:
        InputError: It is something else.
    """
    expect(
        result,
        Reported,
        "result",
        "of two evaluations after.compare(before); else what finetune, trial or nudge returned",
        "result",
    )
    report: Report = result.report()
    return report


def _moves(result: Reported) -> Nudge:
    tuned = _report(result).tuned
    if tuned is None:
        raise InputError("there are no moves to draw: give a Nudge, or Report(comparison, tuned)")
    return tuned


def _bare(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    return ax
