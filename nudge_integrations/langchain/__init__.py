"""NUDGE for LangChain: a vector store whose vectors can be moved toward the questions that they answer, and back."""

try:
    from nudge_integrations.langchain.store import NudgeVectorStore
except ModuleNotFoundError as error:
    if error.name != "langchain_core":
        raise
    from nudge_core.errors import MissingExtraError

    raise MissingExtraError("langchain-core", "langchain", "NudgeVectorStore") from error

__all__ = ["NudgeVectorStore"]
