"""NUDGE-M's γ: the number of questions answered in the first place, at every crossing and between, in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nudge_core.corpus.background import Background
from nudge_core.data.labels import Labels
from nudge_core.methods.gamma_exact import best_gamma, cover, first_place
from nudge_core.methods.gamma_sweep import Directions
from nudge_core.methods.problem import Validation

small = st.integers(-3, 3)


@st.composite
def problems(draw):
    """Small whole numbers, so that scores and slopes are exact in float32 and ties are ties.

    Duplicates, parallel lines, documents that do not move, several answers of one question, with and without a background.
    """
    docs, dim, questions = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 4))

    def matrix(lines):
        return torch.tensor(draw(st.lists(st.lists(small, min_size=dim, max_size=dim), min_size=lines, max_size=lines)))

    answers = draw(
        st.lists(st.lists(st.integers(0, docs - 1), min_size=1, unique=True), min_size=questions, max_size=questions)
    )
    queries, documents = matrix(questions), matrix(docs)
    toward = matrix(docs) * torch.tensor(draw(st.lists(st.booleans(), min_size=docs, max_size=docs)))[:, None]
    rows = torch.tensor(sorted(draw(st.permutations(range(10)))[:docs]))
    other = draw(st.one_of(st.none(), st.lists(small, min_size=questions, max_size=questions)))
    free = next(row for row in draw(st.permutations(range(10))) if row not in rows)
    return queries, documents, toward, rows, answers, other, free


def as_problem(queries, documents, rows, answers, other, free):
    flat = torch.tensor([document for of_question in answers for document in of_question])
    offsets = torch.tensor([0, *np.cumsum([len(of_question) for of_question in answers])])
    labels = Labels(queries.float(), offsets, flat, torch.ones(len(flat)))
    scores = torch.full((len(queries), 1), -torch.inf) if other is None else torch.tensor(other).float()[:, None]
    behind = Background(scores, torch.full((len(queries), 1), -1 if other is None else free))
    return Validation(documents.float(), rows, labels, behind)


def lines_of(queries, documents, toward, rows, other, free):
    """For each question its lines (row, score at 0, slope, place in the pool)."""
    a, b = (queries @ documents.T).tolist(), (queries @ toward.T).tolist()
    for i in range(len(queries)):
        lines = [(row, a[i][j], b[i][j], j) for j, row in enumerate(rows.tolist())]
        yield lines if other is None else [*lines, (free, other[i], 0, None)]


def candidates(all_lines):
    """0, every γ ≥ 0 at which two lines cross, the middle between neighbours, and a point beyond the last."""
    crossings = {Fraction(0)}
    for lines in all_lines:
        for _, a, b, _ in lines:
            crossings |= {Fraction(a - c, d - b) for _, c, d, _ in lines if b != d}
    crossings = sorted(gamma for gamma in crossings if gamma >= 0)
    return crossings, [
        (low + high) / 2 for low, high in zip(crossings, [*crossings[1:], crossings[-1] + 2], strict=True)
    ]


def first_places(all_lines, answers, gamma):
    best = [max(lines, key=lambda line: (line[1] + gamma * line[2], -line[0])) for lines in all_lines]
    return sum(line[3] in of_question for line, of_question in zip(best, answers, strict=True))


@given(problems())
def test_the_count_is_exact_at_every_crossing_and_between(drawn):
    queries, documents, toward, rows, answers, other, free = drawn
    problem = as_problem(queries, documents, rows, answers, other, free)
    gamma, count = cover(first_place(problem, Directions(toward.float(), torch.zeros(len(rows)))))
    all_lines = list(lines_of(queries, documents, toward, rows, other, free))
    crossings, between = candidates(all_lines)
    ends = gamma[::2]
    for point in crossings:
        at = int(np.searchsorted(ends, np.float32(point), side="right")) - 1
        place = 2 * at if ends[at] == np.float32(point) else 2 * at + 1  # an end, or inside the stretch above one
        assert count[place] == first_places(all_lines, answers, point), point
    for point in between:
        at = int(np.searchsorted(ends, float(point), side="right")) - 1
        assert count[2 * at + 1] == first_places(all_lines, answers, point), point


@given(problems())
def test_the_choice_reaches_the_most_first_places(drawn):
    queries, documents, toward, rows, answers, other, free = drawn
    problem = as_problem(queries, documents, rows, answers, other, free)
    gamma, score, best = best_gamma(
        first_place(problem, Directions(toward.float(), torch.zeros(len(rows)))), len(answers)
    )
    all_lines = list(lines_of(queries, documents, toward, rows, other, free))
    points = [point for part in candidates(all_lines) for point in part]
    most = max(first_places(all_lines, answers, point) for point in points)
    assert score[gamma == best] == pytest.approx(most / len(answers))
    assert score[0] == pytest.approx(first_places(all_lines, answers, 0) / len(answers))
    assert best >= 0
    assert np.all(np.diff(gamma) > 0)


def best_score(problem, directions):
    gamma, score, best = best_gamma(first_place(problem, directions), len(problem.labels))
    return score[gamma == best]


def test_of_two_identical_documents_only_the_lower_row_can_be_first():
    queries, documents = torch.tensor([[1, 0]]), torch.tensor([[1, 0], [1, 0]])
    for answer, expected in ((0, 1), (1, 0)):
        problem = as_problem(queries, documents, torch.tensor([2, 7]), [[answer]], None, 0)
        assert best_score(problem, Directions(torch.zeros(2, 2), torch.zeros(2))) == expected


@pytest.mark.parametrize(("row", "expected"), [(0, 0), (9, 1)])
def test_a_document_that_ties_in_the_background_counts_by_its_row(row, expected):
    problem = as_problem(torch.tensor([[1]]), torch.tensor([[2]]), torch.tensor([5]), [[0]], [2], row)
    assert best_score(problem, Directions(torch.zeros(1, 1), torch.zeros(1))) == expected


def test_two_answers_of_one_question_count_once():
    problem = as_problem(torch.tensor([[1]]), torch.tensor([[2], [2]]), torch.tensor([0, 1]), [[0, 1]], None, 0)
    assert best_score(problem, Directions(torch.zeros(2, 1), torch.zeros(2))) == 1
