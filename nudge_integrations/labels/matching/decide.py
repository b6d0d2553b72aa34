"""Which rule decides: a chunk that is the reference or holds it whole goes before pieces of it, and likeness comes last."""

from __future__ import annotations

from dataclasses import dataclass

from nudge_integrations.labels.matching import containment, exact, fuzzy, normalised, overlap, span
from nudge_integrations.labels.matching.folding import Text
from nudge_integrations.labels.matching.found import Chunk, Found, Thresholds
from nudge_integrations.labels.matching.gather import Pool
from nudge_integrations.labels.matching.pieces import choose

_TIE, _CLOSEST, _TRIED = 0.02, 3, 16


@dataclass(eq=False)
class Decision:
    """What became of one reference.

    Attributes:
        found: The chunks that match it.
        near: The closest of the others.
    """

    found: list[Found]
    near: list[Found]


def decide(reference: Text, pool: Pool, thresholds: Thresholds) -> Decision:
    """Match one reference to the chunks that it has gathered.

    Args:
        reference: The text.
        pool: Its chunks.
        thresholds: See `Thresholds`.
    """
    same = [
        Found(chunk, "exact" if exact.score(reference, chunk.text) else "normalised", 1.0)
        for chunk in pool.chunks
        if normalised.score(reference, chunk.text)
    ]
    if same:
        return Decision(same, [])
    if reference.weight < thresholds.shortest:
        return Decision([], _by_share(reference, pool.all))
    inside = [Found(chunk, "containment", 1.0) for chunk in pool.chunks if containment.score(reference, chunk.text)]
    if inside:
        return Decision(inside, [])
    pieces = [_piece(reference, chunk) for chunk in pool.all]
    pieces.sort(key=lambda found: -found.score)
    tried = max(_TRIED, thresholds.most + 1)  # one more than may match, so that too many are noticed
    alike = _alike(reference, [found.chunk for found in pieces[:tried]], thresholds.fuzzy)
    whole = [found for found in alike if _holds(found.chunk.text, reference, thresholds.fuzzy)]
    if whole and not any(found.rule == "containment" for found in pieces):
        best = max(found.score for found in whole)
        return Decision([found for found in whole if found.score >= best - _TIE], [])
    enough = {found.chunk.id: found for found in alike}
    enough |= {found.chunk.id: found for found in pieces if found.score >= thresholds.enough}
    near = [found for found in pieces if found.chunk.id not in enough]
    if not enough and thresholds.fuzzy is not None:
        near = sorted(
            (Found(f.chunk, "fuzzy", fuzzy.score(reference, f.chunk.text)) for f in near[:_TRIED]),
            key=lambda f: -f.score,
        )
    return Decision(choose(reference, enough.values(), thresholds.fuzzy), near[:_CLOSEST])


def decide_span(
    reference: Text, answer: Text, start: int | None, chunks: list[Chunk], thresholds: Thresholds
) -> list[Found] | None:
    """The chunks that hold the answer where it stands in the reference; None where it does not stand there."""
    spots = span.regions(answer, reference, thresholds.fuzzy, start)
    return span.choose(spots, reference, chunks, thresholds.enough, thresholds.fuzzy is None) if spots else None


def _piece(reference: Text, chunk: Chunk) -> Found:
    if containment.score_piece(reference, chunk.text):
        return Found(chunk, "containment", 1.0)
    return Found(chunk, "overlap", overlap.score(reference, chunk.text))


def _alike(reference: Text, chunks: list[Chunk], least: float | None) -> list[Found]:
    """Those of the nearest chunks that are much like it, or like a part of it."""
    if least is None:
        return []
    found = [
        Found(c, "fuzzy", fuzzy.score(reference, c.text, least)) for c in chunks if c.text.weight >= containment.SHORT
    ]
    return [f for f in found if f.score >= least]


def _holds(chunk: Text, reference: Text, least: float | None) -> bool:
    """Whether a chunk that is much like a reference is no mere piece of it."""
    if least is None or len(reference) <= len(chunk):
        return True
    return len(chunk) >= least * len(reference) and fuzzy.likeness(reference.folded, chunk.folded, least) > 0


def _by_share(reference: Text, chunks: list[Chunk]) -> list[Found]:
    found = [_piece(reference, chunk) for chunk in chunks[:100]]
    return sorted(found, key=lambda f: -f.score)[:_CLOSEST]
