"""Words: how a framework calls what a remedy names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from nudge_core.errors import NudgeError

_CALL = re.compile(r"(?<![\w.])(?:store\.)?(\w+)\((\)?)")


class Words(NamedTuple):
    """How a framework calls what a remedy names.

    Attributes:
        nudge: The call that moves vectors.
        nudge_more: The same with one more argument.
        functions: Methods of a store, each with the function that stands for it, whose first argument is an index.
    """

    nudge: str
    nudge_more: str
    functions: tuple[tuple[str, str], ...] = ()

    @property
    def allow_map(self) -> str:
        """The call that lets every document move."""
        return self.nudge_more.format("allow_map=True")

    @property
    def force(self) -> str:
        """The call that writes without evidence."""
        return self.nudge_more.format("force=True")

    def said(self, text: str) -> str:
        """A sentence with this framework's calls in the place of the methods that it names."""

        def named(call: re.Match[str]) -> str:
            function = dict(self.functions).get(call[1])
            return call[0] if function is None else f"{function}(index{')' if call[2] else ', '}"

        return _CALL.sub(named, text) if self.functions else text

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What is raised inside says it in these words."""
        try:
            yield
        except NudgeError as error:
            error.args = tuple([self.said(part) if isinstance(part, str) else part for part in error.args])
            raise


LANGCHAIN = Words("store.nudge(…)", "store.nudge(…, {})")
LLAMA_INDEX = Words(
    "nudge_index(index, …)",
    "nudge_index(index, …, {})",
    (
        ("add_feedback", "add_index_feedback"),
        ("apply", "apply_to_index"),
        ("begin_anew", "begin_index_anew"),
        ("history", "index_history"),
        ("labels", "index_feedback"),
        ("nudge", "nudge_index"),
        ("prune", "prune_index"),
        ("recover", "recover_index"),
        ("remove_feedback", "remove_index_feedback"),
        ("restore", "restore_index"),
        ("undo", "undo_index"),
    ),
)
