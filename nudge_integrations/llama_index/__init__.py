"""NUDGE for LlamaIndex: an index whose vectors are moved toward the questions that they answer, and back; and a step of a pipeline."""

try:
    from nudge_integrations.llama_index.index import (
        add_index_feedback,
        anudge_index,
        apply_to_index,
        begin_index_anew,
        evaluate_index,
        index_feedback,
        index_history,
        map_inserted,
        nudge_index,
        prune_index,
        recover_index,
        remove_index_feedback,
        restore_index,
        undo_index,
    )
    from nudge_integrations.llama_index.learning import index_documents
    from nudge_integrations.llama_index.postprocessor import NudgeEmbeddingPostprocessor
except ModuleNotFoundError as error:
    if error.name not in ("llama_index", "llama_index.core"):
        raise
    from nudge_core.errors import MissingExtraError

    raise MissingExtraError("llama-index-core", "llama-index", "nudge_index") from error

__all__ = [
    "NudgeEmbeddingPostprocessor",
    "add_index_feedback",
    "anudge_index",
    "apply_to_index",
    "begin_index_anew",
    "evaluate_index",
    "index_documents",
    "index_feedback",
    "index_history",
    "map_inserted",
    "nudge_index",
    "prune_index",
    "recover_index",
    "remove_index_feedback",
    "restore_index",
    "undo_index",
]
