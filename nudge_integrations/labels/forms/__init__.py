"""One reader a form. Each module has NAME, `fits(source)` and `read(source, **options)`."""

from types import ModuleType

from nudge_integrations.labels.forms import (
    columns,
    deepeval,
    embedding_qa,
    feedback,
    labelled_rag,
    langfuse,
    langsmith,
    phoenix,
    ragas,
    sentence_transformers,
    squad,
)

FORMS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        embedding_qa,
        labelled_rag,
        squad,
        phoenix,
        langsmith,
        ragas,
        deepeval,
        langfuse,
        feedback,
        sentence_transformers,
        columns,
    )
}
"""The readers, in the order in which they are tried: those whose columns nobody else has come first."""

__all__ = ["FORMS"]
