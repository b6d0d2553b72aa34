"""A trial in words: which questions were held out, what was tried, how far documents went."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nudge_core.display import report_of
from nudge_core.report.report import Report, Section
from nudge_core.result import Nudge
from nudge_core.trial import Trial


@report_of.register
def trial_report(trial: Trial) -> Report:
    """The report of a trial."""
    return Report(
        trial.compare(),
        trial.tuned,
        held=held(trial),
        hidden=None if trial.unseen is None else trial.unseen[1].compare(trial.unseen[0]),
        sections=tuple(_tried(trial)),
        facts={"questions held out": f"{len(trial.after):,}", "folds": str(trial.folds)},
    )


def held(trial: Trial) -> str:
    """Which questions were held out."""
    count, what = len(trial.after), "the method" if trial.tuned.settings or len(trial.candidates) > 2 else "γ"
    if trial.folds == 1:
        return (
            f"{count} validation questions, which chose {what}:"
            if trial.chosen_by
            else f"{count} validation questions:"
        )
    some = 0 < trial.chosen_by < count
    chosen = f", of which {trial.chosen_by} drawn at random chose γ" if some else ""
    if what == "γ":
        return f"{count} questions, each held out once in {trial.folds} folds{chosen}:"
    return f"{count} questions held out, each once, in {trial.folds} folds:"


def settings(tuned: Nudge) -> str:
    """How far documents moved, in words."""
    if not tuned.settings:
        return f"γ = {tuned.gamma:.4g} ({tuned.gamma_unit})"
    ways = []
    for name, setting in tuned.settings.items():
        point = _point(setting)
        values = ", ".join(f"{point if key == 'point' else key} {value:.4g}" for key, value in setting.items())
        ways.append(values if len(tuned.settings) == 1 else f"{name} with {values}")
    return "; ".join(ways)


def axis(tuned: Nudge) -> tuple[str, float]:
    """What the validation curve runs over, and the point that was chosen."""
    if not tuned.settings:
        return f"γ ({tuned.gamma_unit})", tuned.gamma
    last = list(tuned.settings.values())[-1]
    point = _point(last)
    return (point if point == "steps" else f"γ ({tuned.gamma_unit})"), last["point"]


def tried(trial: Trial) -> list[str]:
    """What a method that learns has tried, in a line."""
    if len(trial.candidates) < 3:
        return []
    measure = next(iter(trial.after.values))
    parts = [f"{one.name} {_gain(one.seen)} / {_gain(one.unseen)}" for one in trial.candidates[1:]]
    return [f"Tried, by the gain in {measure} on seen / unseen questions held out: {'; '.join(parts)}."]


def _tried(trial: Trial) -> list[Section]:
    if len(trial.candidates) < 3:
        return [Section("What was tried", trial.notes)] if trial.notes else []
    measure = next(iter(trial.after.values))
    rows = [
        (
            one.name,
            _gain(one.seen),
            _gain(one.unseen),
            _gain(one.worth),
            "chosen" if one.name == trial.tuned.method else "",
        )
        for one in trial.candidates
    ]
    lines = (f"Gains in {measure} on validation questions.", *trial.notes)
    return [Section("What was tried", lines, (("candidate", "seen", "unseen", "worth", ""), *rows))]


def _point(setting: Mapping[str, float]) -> str:
    """What says how far a way was gone: a way without hyper-parameters is a bounded method."""
    return "steps" if len(setting) > 1 else "γ"


def _gain(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:+.1f}"
