"""The forms of labelled questions: how each is recognised, and how it is read."""

from nudge_integrations.labels.collecting import Form
from nudge_integrations.labels.forms.columns import COLUMNS
from nudge_integrations.labels.forms.feedback import FEEDBACK
from nudge_integrations.labels.forms.generated import DEEPEVAL_GOLDENS, EMBEDDING_QA, LABELLED_RAG, RAGAS
from nudge_integrations.labels.forms.keyed import LANGFUSE, LANGSMITH
from nudge_integrations.labels.forms.passages import PASSAGES, SENTENCE_TRANSFORMERS
from nudge_integrations.labels.forms.phoenix import PHOENIX
from nudge_integrations.labels.forms.squad import SQUAD

FORMS: dict[str, Form] = {
    "embedding_qa": EMBEDDING_QA,
    "labelled_rag": LABELLED_RAG,
    "squad": SQUAD,
    "phoenix": PHOENIX,
    "langsmith": LANGSMITH,
    "ragas": RAGAS,
    "deepeval": DEEPEVAL_GOLDENS,
    "langfuse": LANGFUSE,
    "feedback": FEEDBACK,
    "passages": PASSAGES,
    "sentence_transformers": SENTENCE_TRANSFORMERS,
    "columns": COLUMNS,
}
"""In the order in which they are tried: those whose columns nobody else has come first."""
UNJUDGED = (LABELLED_RAG, SQUAD, RAGAS, DEEPEVAL_GOLDENS)
"""Forms of rows that have no judgements of their own: a column of them that somebody added counts."""

__all__ = ["FORMS", "UNJUDGED"]
