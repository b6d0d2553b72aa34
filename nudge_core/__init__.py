"""NUDGE: move the embeddings of documents toward the questions that they answer. No model is trained; questions are embedded as before."""

from nudge_core import report as _report  # noqa: F401  # registers the reports of results
from nudge_core.corpus import open_corpus
from nudge_core.data.queries import QuerySet
from nudge_core.errors import NudgeError
from nudge_core.evaluation import Evaluation, evaluate
from nudge_core.finetune import finetune
from nudge_core.methods import Auto, Contrastive, LinearMap, NudgeM, NudgeN
from nudge_core.result import Nudge

__all__ = [
    "Auto",
    "Contrastive",
    "Evaluation",
    "LinearMap",
    "Nudge",
    "NudgeError",
    "NudgeM",
    "NudgeN",
    "QuerySet",
    "evaluate",
    "finetune",
    "open_corpus",
]
