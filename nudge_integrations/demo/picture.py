"""The picture of before and after."""

from __future__ import annotations

from pathlib import Path

from nudge_core.errors import MissingExtraError
from nudge_core.evaluation import Comparison

BEFORE, AFTER = "#9aa5b1", "#1f7a8c"


def draw_before_after(comparison: Comparison, path: Path, title: str) -> None:
    """Bars of each measure before and after, all questions, with the interval of the change.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "demo", "the picture") from error
    lines = [line.to_dict() for line in comparison.lines if line.subset == "all"]
    figure = Figure(figsize=(7.2, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, line in enumerate(lines):
        before, after = 100 * line["before"], 100 * line["after"]
        reach = [[100 * (line["difference"] - line["low"])], [100 * (line["high"] - line["difference"])]]
        axes.bar(i - 0.2, before, 0.38, color=BEFORE, label="before" if i == 0 else None)
        axes.bar(i + 0.2, after, 0.38, color=AFTER, label="after" if i == 0 else None)
        axes.errorbar(i + 0.2, after, yerr=reach, color="#12343b", capsize=3, linewidth=1)
        axes.annotate(f"{before:.1f}", (i - 0.2, before / 2), ha="center", va="center", color="#12343b", fontsize=9)
        axes.annotate(
            f"{after:.1f}", (i + 0.2, after / 2), ha="center", va="center", color="white", fontsize=9, fontweight="bold"
        )
    axes.set_xticks(range(len(lines)), [line["measure"] for line in lines])
    axes.set_ylabel("score on test questions")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, 1))
    axes.set_ylim(0, 1.22 * max(100 * max(line["before"], line["after"]) for line in lines))
    figure.savefig(path)
