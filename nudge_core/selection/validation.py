"""Tried: the score of every question held out, along every path that was gone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.data.labels import Labels
from nudge_core.evaluation.measures import Measure, Ranked
from nudge_core.evaluation.ranking import rank
from nudge_core.methods.problem import Ground, State
from nudge_core.selection.split import Fold


def score(ground: Ground, fold: Fold, state: State, measure: Measure) -> NDArray[np.float64]:
    """(held,) the measure of each question that a fold holds out, over the documents as they are in `state`."""
    labels = ground.labels.take(fold.held)
    by_row = Labels(labels.queries, labels.offsets, ground.rows[labels.documents], labels.grades)
    depth = min(measure.k, len(ground.corpus))
    ranked = rank(labels.queries, state.pool, ground.rows, ground.background(state, fold.held), depth)
    questions = torch.arange(len(labels), device=ranked.device).unsqueeze(1)
    gains = by_row.gains(questions.expand_as(ranked), ranked)
    met = Ranked(gains.cpu(), by_row.ideal(depth).cpu(), by_row.counts.cpu())
    found: NDArray[np.float64] = measure(met).numpy()
    return found
