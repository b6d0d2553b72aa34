"""When two vectors are the same one: by bits, or as close as an engine that scales vectors itself brings them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def near(a: NDArray[Any], b: NDArray[Any], rounding: float) -> bool:
    """Whether a store may hold `a` where it was given `b`.

    Args:
        a: (dim,) vector.
        b: Another of the same dimension, or it is not the same.
        rounding: The length of their difference over that of `b`, at most; 0 for equal in every bit, the sign of zero included.
    """
    if a.shape != b.shape:
        return False
    if a.dtype == b.dtype and a.tobytes() == b.tobytes():
        return True
    if not rounding:
        return False
    one, other = a.astype(np.float64), b.astype(np.float64)
    if not np.isfinite(one).all():
        return False
    scale = float(np.abs(other).max(initial=0))
    if not 0 < scale < np.inf:
        return False
    return bool(np.linalg.norm((one - other) / scale) <= rounding * np.linalg.norm(other / scale))
