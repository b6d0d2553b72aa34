"""Rule: one of the texts holds the other whole."""

from __future__ import annotations

from nudge_integrations.labels.matching.text import Text

SHORT = 24
"""Letters below which a text must stand as whole words, and a chunk is no piece of a reference that happens to hold it."""


def score(reference: Text, chunk: Text) -> float | None:
    """1 where the chunk holds the reference."""
    if not len(reference) or len(reference) > len(chunk):
        return None
    if reference.weight < SHORT:
        return 1.0 if chunk.places(reference, 1) else None
    return 1.0 if reference.folded in chunk.folded else None


def score_piece(reference: Text, chunk: Text) -> float | None:
    """1 where the reference holds the chunk."""
    return 1.0 if chunk.weight >= SHORT and len(chunk) < len(reference) and chunk.folded in reference.folded else None
