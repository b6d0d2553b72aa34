"""Pictures: they show the figures, on the axes given or on new ones."""

import sys

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("scipy")
matplotlib.use("Agg")
import matplotlib.pyplot as plt

from nudge_core import NudgeN, QuerySet, evaluate, finetune
from nudge_core.errors import InputError, MissingExtraError
from nudge_core.report import Report, plot_before_after, plot_curve, plot_map, plot_moves


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data(sample):
    return sample(0, questions=60)


@pytest.fixture(scope="module")
def tuned(data):
    return finetune(data.X, data.train, data.validation, method=NudgeN("fine", "nDCG@10"))


@pytest.fixture(scope="module")
def report(data, tuned):
    before, after = (
        evaluate(data.X, data.test, ["nDCG@10", "RR@10"], train=data.train, tuned=t) for t in (None, tuned)
    )
    return Report(after.compare(before), tuned)


@pytest.fixture
def screenshots(screenshot_folder):
    def keep(ax, name):
        ax.figure.savefig(screenshot_folder / f"plot-{name}.png", dpi=100)

    return keep


def test_bars_have_the_heights_of_the_means_and_whiskers_the_interval(report, screenshots):
    ax = plot_before_after(report)
    line = report.comparison.lines[0].to_dict()
    heights = [bar.get_height() for bar in ax.patches[:2]]
    assert heights == pytest.approx([100 * line["before"], 100 * line["after"]])
    ends = np.sort(ax.containers[2].lines[2][0].get_segments()[0][:, 1])
    assert ends == pytest.approx([100 * (line["before"] + line["low"]), 100 * (line["before"] + line["high"])])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["nDCG@10", "RR@10"]
    screenshots(ax, "before-after")


def test_a_subset_is_drawn(report):
    seen = plot_before_after(report.comparison, subset="seen")
    assert "seen" in seen.get_title(loc="left")
    with pytest.raises(InputError, match="subset is .other.; expected one of all, seen, unseen"):
        plot_before_after(report, subset="other")


def test_the_curve_shows_the_point_chosen(tuned, screenshots):
    ax = plot_curve(tuned)
    ((x, y),) = ax.lines[2].get_xydata()
    assert x == pytest.approx(tuned.gamma)
    assert y == pytest.approx(100 * tuned.after)
    assert "γ (squared distance)" in ax.get_xlabel()
    screenshots(ax, "curve")


def test_the_histogram_counts_every_document(tuned, screenshots):
    ax = plot_moves(tuned)
    values, edges, _ = ax.patches[0].get_data()
    assert values.sum() == len(tuned)
    assert edges[0] == 0
    assert edges[-1] > tuned.angles.max()
    screenshots(ax, "moves")


def test_the_map_has_an_arrow_for_each_document_of_each_question(data, tuned, screenshots):
    ax = plot_map(data.X, tuned, data.train, questions=3)
    stars = [line for line in ax.lines if line.get_marker() == "*"]
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    chosen = [line.get_label() for line in stars]
    assert len(chosen) == 3
    numbers = [data.train.ids.tolist().index(name) for name in chosen]
    assert len(arrows) == sum(len(data.train.relevance[i]) for i in numbers)
    lengths = [np.linalg.norm(np.subtract(arrow.xy, arrow.xyann)) for arrow in arrows]
    assert min(lengths) > 0.01, "the questions drawn are those whose documents moved furthest"
    screenshots(ax, "map")


def test_the_map_of_questions_by_number_with_texts_that_look_like_mathematics(data, tuned):
    asked = data.train.take([4, 2])
    asked = QuerySet(asked.embeddings, asked.relevance, texts=["is $x_ more than $y^?\x00", "a" * 200])
    ax = plot_map(data.X, tuned, asked, questions=[1, 0])
    ax.figure.canvas.draw()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:2] == ["a" * 60 + "…", "is $x_ more than $y^? "]


def test_a_map_of_one_question_and_one_document():
    X = np.eye(2, dtype=np.float32)
    queries = QuerySet([[0.6, 0.8]], [[0]])
    ax = plot_map(X, finetune(X, queries, method=NudgeN(gammas=0.1)), queries)
    assert len([text for text in ax.texts if text.arrow_patch is not None]) == 1


def test_axes_given_are_drawn_on(report, data, tuned):
    _, axes = plt.subplots(1, 4)
    drawn = [
        plot_before_after(report, axes[0]),
        plot_curve(report, axes[1]),
        plot_moves(report, axes[2]),
        plot_map(data.X, tuned, data.train, axes[3]),
    ]
    assert drawn == axes.tolist()
    assert len(plt.get_fignums()) == 1


def test_what_cannot_be_drawn_is_said(report, data, tuned):
    fixed = finetune(data.X, data.train, method=NudgeN(gammas=0.1))
    with pytest.raises(InputError, match="has no validation curve"):
        plot_curve(fixed)
    with pytest.raises(InputError, match="there are no moves to draw"):
        plot_moves(report.comparison)
    with pytest.raises(InputError, match="there are no questions to draw, before and after"):
        plot_before_after(tuned)
    still = finetune(data.X, data.train, data.validation, method=NudgeN(gammas=[0.0]))
    with pytest.raises(InputError, match="tells no angles"):
        plot_moves(still)
    with pytest.raises(InputError, match="no document of these questions moved"):
        plot_map(data.X, still, data.train)


def test_without_matplotlib_the_extra_is_named(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"nudge-integrations\[report\]"):
        plot_moves(report)


def test_wrong_objects_are_named(data, tuned, report):
    before = report.comparison.before
    figure, two = plt.subplots(1, 2)
    for call, said in (
        (lambda: plot_before_after(before), r"result is a Evaluation; .*of two evaluations after\.compare\(before\)"),
        (lambda: plot_curve("a"), "result is a str; expected a result"),
        (lambda: plot_moves(Report), "result is the class Report itself"),
        (lambda: plot_before_after(tuned), r"there are no questions to draw, before and after: give after\.compare"),
        (lambda: plot_before_after(report, subset="sen"), "subset is 'sen'; expected one of all, seen, unseen"),
        (
            lambda: plot_before_after(report, ax=figure),
            r"ax is a Figure; expected a single Axes: figure, ax = plt\.subplots",
        ),
        (lambda: plot_curve(report, two), "ax is a ndarray; expected a single Axes"),
        (
            lambda: plot_map(data.X, data.train, tuned),
            r"tuned is a QuerySet; expected a Nudge: plot_map\(corpus, tuned",
        ),
        (lambda: plot_map(tuned, data.X, data.train), "tuned is a ndarray; expected a Nudge"),
        (lambda: plot_map(data.X, tuned, ["text"]), "queries is a list; expected a QuerySet"),
    ):
        with pytest.raises(InputError, match=said):
            call()
