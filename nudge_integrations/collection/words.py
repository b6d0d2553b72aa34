"""Words: how a framework calls what a remedy names."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """How a framework calls what a remedy names."""

    nudge: str
    nudge_more: str

    @property
    def allow_map(self) -> str:
        """The call that lets every document move."""
        return self.nudge_more.format("allow_map=True")

    @property
    def force(self) -> str:
        """The call that writes without evidence."""
        return self.nudge_more.format("force=True")


LANGCHAIN = Words("store.nudge(…)", "store.nudge(…, {})")
LLAMA_INDEX = Words("nudge_index(index, …)", "nudge_index(index, …, {})")
