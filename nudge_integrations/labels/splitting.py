"""split: labelled questions in two parts, with no question in both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from nudge_core.arguments import expect
from nudge_core.data.queries import normal
from nudge_core.errors import InputError, first_few
from nudge_integrations.labels.labelled import LabelledQuestion, LabelledQuestions


def split(
    questions: LabelledQuestions, fraction: float = 0.8, seed: int = 0
) -> tuple[LabelledQuestions, LabelledQuestions]:
    """Split questions at random. Those that differ in case and white space only stay together.

    Args:
        questions: All of them; splits that the source made are given up, and questions that it had on both sides are listed in `problems`.
        fraction: The share of questions in the first part.
        seed: Of the draw.

    Returns:
        The first part, marked "train", and the rest, marked "test"; both have at least one question.

    Raises:
        InputError: Other questions than `read_labels` returns; a fraction that is not between 0 and 1; fewer than two different questions.
    """
    expect(questions, LabelledQuestions, "questions", "read them with read_labels(…); a QuerySet has a method split")
    if not isinstance(fraction, int | float) or not 0 < fraction < 1:
        raise InputError(f"fraction is {fraction!r}; expected a number between 0 and 1, such as 0.8")
    groups: defaultdict[str, list[LabelledQuestion]] = defaultdict(list)
    for question in questions:
        groups[normal(question.text)].append(question)
    if len(groups) < 2:
        raise InputError(f"{questions!r} cannot be split: it holds {len(groups)} different questions; two are needed")
    both = [members[0].text for members in groups.values() if len({member.split for member in members}) > 1]
    told = f"{len(both)} questions stood on both sides of the source's split and are on one now: {first_few(both)}"
    problems = (*questions.problems, told) if both else questions.problems
    drawn, texts, taken = set[str](), list(groups), 0
    for place in np.random.default_rng(seed).permutation(len(groups))[:-1]:
        size = len(groups[texts[place]])
        if drawn and taken + size / 2 > fraction * len(questions):
            break
        drawn.add(texts[place])
        taken += size
    parts = []
    for name, chosen in (("train", drawn), ("test", set(groups) - drawn)):
        mine = tuple(replace(one, split=name) for one in questions if normal(one.text) in chosen)
        parts.append(replace(questions, questions=mine, problems=problems))
    return parts[0], parts[1]
