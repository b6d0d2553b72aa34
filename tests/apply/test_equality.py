"""Two vectors are the same by their bits, or within what an engine makes of them, whatever their length, their number type and their dimension."""

import numpy as np
import pytest

from nudge_core.apply import restore, survey, write
from nudge_core.apply.equality import near

DIMS = (8, 384, 3072, 16_000)
LENGTHS = [
    (kind, length)
    for kind, lengths in (
        (np.float16, (1e-3, 1.0, 3e2)),
        (np.float32, (1e-30, 1e-12, 1.0, 1e12, 1e30)),
        (np.float64, (1e-300, 1e-30, 1.0, 1e30, 1e300)),
    )
    for length in lengths
]


def drawn(dim, kind, length, seed=0):
    vector = np.random.default_rng(seed).normal(size=dim)
    return (vector / np.linalg.norm(vector) * length).astype(kind)


def beside(vector, far, seed=1):
    """A vector so far away, over its length."""
    step = drawn(len(vector), np.float64, 1.0, seed)
    wide = vector.astype(np.float64)
    return (wide + step * far * np.abs(wide).max() * np.linalg.norm(wide / np.abs(wide).max())).astype(vector.dtype)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize(("kind", "length"), LENGTHS)
def test_where_bits_are_kept_one_bit_tells_two_vectors_apart(dim, kind, length):
    vector = drawn(dim, kind, length)
    other = vector.copy()
    other[dim // 2] = np.nextafter(other[dim // 2], kind(np.inf))
    assert near(vector, vector.copy(), 0.0)
    assert not near(vector, other, 0.0)
    assert not near(np.zeros(dim, kind), -np.zeros(dim, kind), 0.0)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize(("kind", "length"), LENGTHS)
def test_else_the_distance_counts_over_the_length(dim, kind, length):
    vector, rounding = drawn(dim, kind, length), 4 * float(np.finfo(kind).eps)
    again = (vector.astype(np.float64) * (1 + np.finfo(kind).eps)).astype(kind)
    assert near(vector, again, rounding)
    for far in (8 * rounding, 0.1, 1.0):
        assert not near(vector, beside(vector, far), rounding)
    assert not near(vector, drawn(dim, kind, length, seed=2), rounding)
    assert not near(vector, -vector, rounding)


@pytest.mark.parametrize("rounding", [0.0, 1e-6])
def test_what_is_no_vector_is_like_nothing(rounding):
    vector = drawn(8, np.float32, 1.0)
    for value in (np.nan, np.inf):
        assert not near(np.full(8, value, np.float32), vector, rounding)
        assert not near(vector, np.full(8, value, np.float32), rounding)
    assert not near(vector, np.zeros(8, np.float32), rounding)
    assert not near(vector, vector[:4], rounding)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize(("kind", "length"), LENGTHS)
def test_a_document_that_was_embedded_again_is_left_alone(make, dim, kind, length):
    """Whether its new vector lies next to the moved one, to the original, or one bit beside either."""
    world = make(kind, docs=6, dim=dim)
    for seed, name in enumerate(world.ids):
        world.target.held[name] = drawn(dim, kind, length, seed)
    original = world.target.bits()
    new = np.stack([beside(world.target.held[name], 0.05) for name in world.ids])
    write(world.target, world.journal, world.ids, new)
    again = {"d1": beside(new[1], 0.02, 7), "d2": new[2].copy(), "d3": drawn(dim, kind, length, 3)}
    again["d3"][0] = np.nextafter(again["d3"][0], kind(np.inf))
    again["d2"][0] = np.nextafter(again["d2"][0], kind(np.inf))
    world.target.held |= again
    assert set(survey(world.target, world.journal).changed) == set(again)
    outcome = restore(world.target, world.journal)
    assert set(outcome.changed) == set(again)
    held = {name: vector.tobytes() for name, vector in again.items()}
    assert world.target.bits() == original | held
