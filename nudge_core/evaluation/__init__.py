"""How well documents are ranked: measures, values per question, and comparisons."""

from nudge_core.evaluation.evaluate import evaluate
from nudge_core.evaluation.measures import Measure
from nudge_core.evaluation.results import Comparison, Evaluation

__all__ = ["Comparison", "Evaluation", "Measure", "evaluate"]
