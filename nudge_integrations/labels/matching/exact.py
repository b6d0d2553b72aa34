"""Rule: the texts are equal, character for character."""

from __future__ import annotations

from nudge_integrations.labels.matching.text import Text


def score(reference: Text, chunk: Text) -> float | None:
    """1 where it applies."""
    return 1.0 if reference.raw == chunk.raw else None
