"""What matching finds: stored chunks, and how each one was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from nudge_core.arguments import whole_number
from nudge_core.errors import InputError
from nudge_integrations.labels.matching.text import Text

Rule: TypeAlias = Literal["id", "exact", "normalised", "containment", "overlap", "fuzzy", "span", "metadata"]
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True, eq=False)
class Chunk:
    """A stored document, or a piece of one.

    Attributes:
        id: Its id in the store.
        text: Its text.
        metadata: What the store holds beside it.
    """

    id: str
    text: Text
    metadata: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Found:
    """A chunk with the rule that found it.

    Attributes:
        chunk: The chunk.
        rule: How it was found.
        score: From 0 to 1: the share of the shorter text that both hold, the similarity, or the share of the span that the chunk holds.
    """

    chunk: Chunk
    rule: Rule
    score: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with the beginning of the text."""
        return {
            "id": self.chunk.id,
            "rule": self.rule,
            "score": round(self.score, 4),
            "text": self.chunk.text.raw[:120],
        }


@dataclass(frozen=True)
class Thresholds:
    """What counts as a match.

    Attributes:
        fuzzy: Similarity from which texts that differ are taken for one another; None compares no such texts.
        enough: Share of the shorter of both texts that a chunk and a reference have in common, from which the chunk is a piece of it.
        most: Number of chunks above which an answer matches too much, and counts for nothing.
        shortest: Length in letters from which a text is searched inside of chunks without anything else that says where.
    """

    fuzzy: float | None = 0.9
    enough: float = 0.3
    most: int = 20
    shortest: int = 8

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InputError: One that is out of range.
        """
        for name, value, other in (
            ("fuzzy", 1 if self.fuzzy is None else self.fuzzy, ", or None"),
            ("enough", self.enough, ""),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
                raise InputError(f"{name} is {value!r}; expected a share above 0, at most 1{other}")
        whole_number(self.most, "most")
        whole_number(self.shortest, "shortest")
