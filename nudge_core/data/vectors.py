"""Vectors as people hand them over: arrays or tensors of any floating type, checked before use."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.errors import InputError

Vectors: TypeAlias = "NDArray[Any] | Tensor | Sequence[Sequence[float]]"

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def as_matrix(vectors: Vectors, what: str) -> Tensor:
    """A tensor that shares memory with the input where it can; (rows, dim), of a floating type."""
    if isinstance(vectors, Tensor):
        matrix = vectors.detach()
    else:
        try:
            array = np.asarray(vectors)
        except ValueError as error:
            raise InputError(f"the {what} are not a matrix ({error}): rows need the same number of values") from error
        if array.dtype.kind == "f" and (array.dtype.itemsize > 8 or not array.dtype.isnative):
            array = array.astype(np.float64 if array.dtype.itemsize >= 8 else array.dtype.newbyteorder("="))
        if array.dtype.kind not in "fiub":
            if array.dtype.kind == "c":
                raise InputError(
                    f"the {what} are complex numbers ({array.dtype}); expected float16, float32 or float64: give their real parts, .real, if the "
                    "others are zero"
                )
            kind = "texts" if array.dtype.kind in "US" else type(vectors).__name__
            raise InputError(
                f"the {what} are {kind}; expected an array or tensor of floats: embed texts first, open files with open_corpus, "
                "and check the order of the arguments"
            )
        if array.dtype.kind != "f":
            raise InputError(
                f"the {what} are of type {array.dtype}; expected float16, float32 or float64: "
                "if these are embeddings and no ids, convert them with .astype('float32')"
            )
        matrix = _share(array)
    if matrix.dtype not in FLOATS:
        raise InputError(
            f"the {what} are of type {matrix.dtype}; expected float16, bfloat16, float32 or float64: convert them with .float()"
        )
    if matrix.ndim == 1 and not len(matrix):
        raise InputError(f"the {what} are empty: give at least one vector")
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InputError(f"the {what} have shape {tuple(matrix.shape)}; expected (rows, dim): one row a vector")
    return matrix


def _share(array: NDArray[Any]) -> Tensor:
    if min(array.strides, default=0) < 0:
        array = array.copy()
    with warnings.catch_warnings():  # torch warns of read-only arrays; nothing here ever writes to its input
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array)


def check_finite(matrix: Tensor, names: NDArray[Any], what: str) -> Tensor:
    """The norm of each row, float32."""
    values = matrix.to(torch.float32) if matrix.dtype == torch.float64 else matrix
    norms: Tensor = torch.linalg.vector_norm(values, dim=1, dtype=torch.float32)
    bad = ~(torch.isfinite(norms) & (norms > 0))
    if bool(bad.any()):
        row = int(torch.nonzero(bad)[0])
        raise InputError(describe_bad_row(matrix[row], f"{what} {names[row : row + 1].tolist()[0]!r}", int(bad.sum())))
    return norms


def describe_bad_row(values: Tensor, who: str, count: int = 1) -> str:
    """The sentence that names a row without a usable direction, its value, and the remedy."""
    finite = torch.isfinite(values)
    if bool(finite.all()):
        fault = "is a zero vector, or too small or too large for float32" if bool(values.any()) else "is a zero vector"
    else:
        at = int(torch.nonzero(~finite)[0])
        fault = f"holds {float(values[at])} at position {at}"
    more = "" if count == 1 else f" ({count} such rows here)"
    return f"{who} {fault}{more}: embed it again, or leave it out"


def unit(matrix: Tensor) -> Tensor:
    """Rows of unit length, float32."""
    values = matrix.to(torch.float32)
    norms: Tensor = torch.linalg.vector_norm(values, dim=1, keepdim=True)
    return values / norms


def turned(first: Tensor, second: Tensor) -> NDArray[np.float32]:
    """(rows,) the angle in degrees between the rows of two matrices; exact for small angles, where the cosine is not."""
    half = torch.linalg.vector_norm(unit(first) - unit(second), dim=1).double() / 2
    angles: NDArray[np.float32] = torch.rad2deg(2 * torch.asin(half.clamp(max=1))).float().cpu().numpy()
    return angles


def mapped(vectors: Tensor, matrix: Tensor) -> Tensor:
    """Each row through a map (dim, dim), at the length and of the type that it had."""
    norms = check_finite(vectors, np.arange(len(vectors)), "document").unsqueeze(1)
    return (unit(unit(vectors) @ matrix.to(vectors.device)) * norms).to(vectors.dtype)


T = TypeVar("T", bound=np.generic)


def distinct(numbers: NDArray[T]) -> NDArray[T]:
    """Those of a flat array, ascending: `np.unique` by sorting.

    That of numpy 2.3 and later fills a hash table, which took 30 to 100 times as long where a million numbers differ.
    """
    ascending = np.sort(numbers)
    first = np.ones(len(ascending), dtype=bool)
    first[1:] = ascending[1:] != ascending[:-1]
    return ascending[first]
