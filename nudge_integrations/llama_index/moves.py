"""NodeMoves: which nodes moved, from where to where, applied to those nodes alone and kept in a file; and the digest that tells them apart."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode
from numpy.typing import NDArray

from nudge_core.data.storage import read_file, write_file
from nudge_core.data.vectors import mapped
from nudge_core.errors import FileFormatError, InputError, first_few

FORMAT, VERSION = "nudge-postprocessor", "1"
SAME = 1e-4
"""Vectors that differ less, relative to their largest number, count as one: a model gives other last bits in batches of another size."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class NodeMoves:
    """New vectors of nodes.

    Attributes:
        given: The digest of what they were learned with: questions, method, embedding model.
        ids: Ids of the nodes.
        originals: (nodes, dim) float32, their vectors before.
        vectors: (nodes, dim) float32, their vectors after.
        matrix: (dim, dim) float32 the map that all other nodes go through; None where they pass.
    """

    given: str
    ids: tuple[str, ...]
    originals: NDArray[np.float32]
    vectors: NDArray[np.float32]
    matrix: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def fingerprint(self) -> str:
        """Tells these moves from all others."""
        return digest(
            self.given, self.ids, self.originals, self.vectors, *([] if self.matrix is None else [self.matrix])
        )

    def told(self) -> str:
        """How many nodes move, in words."""
        return f"{len(self)} nodes move" + ("" if self.matrix is None else ", all others go through a map")

    def apply(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """The nodes, with copies in the place of those that move: the ones of these ids that hold these originals, and with a map all others."""
        row = {name: i for i, name in enumerate(self.ids)}
        moved, other, new = [], [], []
        dim = self.originals.shape[1]
        for place, node in enumerate(nodes):
            i = row.get(node.node_id)
            held = np.asarray(node.embedding, np.float32)
            if i is None:
                new.append(place)
            elif _same(held, self.originals[i]):
                moved.append((place, i))
            elif not _same(held, self.vectors[i]):
                new.append(place)
                other.append(node.node_id)
        found = list(nodes)
        for place, i in moved:
            found[place] = nodes[place].model_copy(update={"embedding": self.vectors[i].tolist()})
        if self.matrix is not None:
            return self._through_map(found, new)
        if other:
            of = {len(nodes[place].get_embedding()) for place in new} - {dim}
            what = "have been embedded anew since they were moved,"
            if of:
                what = f"hold vectors of {first_few(of)} dimensions, where those that were moved have {dim},"
            _log.warning("%d nodes %s and pass as they are: %s", len(other), what, first_few(other))
        elif not moved and (strays := self._strays(nodes)):
            _log.warning(
                "%d nodes hold vectors that were moved under other ids, and pass as they are: give the splitter an id_func, so that a node has the "
                "same id in every run: %s",
                len(strays),
                first_few(strays),
            )
        return found

    def _through_map(self, found: list[BaseNode], new: Sequence[int]) -> list[BaseNode]:
        """The nodes, with copies in these places that went through the map."""
        assert self.matrix is not None  # noqa: S101
        if new:
            check_dimension([found[place] for place in new], len(self.matrix))
            vectors = torch.tensor([found[place].get_embedding() for place in new], dtype=torch.float32)
            for place, vector in zip(new, mapped(vectors, torch.from_numpy(self.matrix)).tolist(), strict=True):
                found[place] = found[place].model_copy(update={"embedding": vector})
        return found

    def _strays(self, nodes: Sequence[BaseNode]) -> list[str]:
        originals, mine = {vector.tobytes() for vector in self.originals}, set(self.ids)
        return [
            n.node_id
            for n in nodes
            if n.node_id not in mine and np.asarray(n.embedding, np.float32).tobytes() in originals
        ]

    def save(self, path: str | Path, about: dict[str, Any]) -> None:
        """Write a safetensors file; never pickle."""
        metadata = {
            "format": FORMAT,
            "version": VERSION,
            "given": self.given,
            "ids": json.dumps(self.ids),
            "about": json.dumps(about),
        }
        arrays = {"originals": self.originals, "vectors": self.vectors}
        write_file(path, arrays if self.matrix is None else {**arrays, "matrix": self.matrix}, metadata)

    @classmethod
    def load(cls, path: str | Path) -> tuple[NodeMoves, dict[str, Any]]:
        """Read what `save` wrote."""
        metadata, arrays = read_file(path, FORMAT, VERSION, "NudgeEmbeddingPostprocessor.save")
        try:
            ids = tuple(json.loads(metadata["ids"]))
            moves = cls(metadata["given"], ids, arrays["originals"], arrays["vectors"], arrays.get("matrix"))
            about = json.loads(metadata["about"])
        except (KeyError, ValueError) as error:
            raise FileFormatError(f"{str(path)!r} is damaged ({error}): save it again") from error
        if not len(moves.ids) == len(moves.originals) == len(moves.vectors):
            raise FileFormatError(
                f"{str(path)!r} is damaged: it has {len(moves.ids)} ids and {len(moves.vectors)} vectors"
            )
        if moves.matrix is not None and moves.matrix.shape != 2 * moves.vectors.shape[1:]:
            raise FileFormatError(
                f"{str(path)!r} is damaged: it has a map of shape {moves.matrix.shape} for vectors of dimension {moves.vectors.shape[1]}"
            )
        return moves, about


def check_dimension(nodes: Sequence[BaseNode], dim: int) -> None:
    """Refuse nodes that another model embedded."""
    other = next((node for node in nodes if len(node.get_embedding()) != dim), None)
    if other is not None:
        raise InputError(
            f"node {other.node_id!r} has an embedding of {len(other.get_embedding())} dimensions, the map {dim}: embed it with the model that the "
            "postprocessor learned with"
        )


def _same(held: NDArray[np.float32], known: NDArray[np.float32]) -> bool:
    return held.shape == known.shape and bool(np.abs(held - known).max() <= SAME * np.abs(known).max())


# What says nothing of the vectors that a model gives, or is nobody's business.
_IRRELEVANT = re.compile(
    "key|token|secret|password|header|client|callback|cache|limiter|batch|worker|retries|timeout|progress"
)


def digest(*values: Any) -> str:
    """32 hexadecimal digits of any texts, numbers, arrays, data classes and containers of these. Mappings are taken without their order."""
    hashed = blake2b(digest_size=16)
    for part in _parts(values):
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()


def about_model(model: BaseEmbedding | None) -> Any:
    """What tells an embedding model from another: its class and what it was made with, without keys and connections."""
    if model is None:
        return None
    made_with = {key: value for key, value in model.to_dict().items() if not _IRRELEVANT.search(key.lower())}
    return type(model).__qualname__, made_with


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__qualname__.encode()
        yield from _parts({field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for key in sorted(value, key=repr):
            yield from _parts((key, value[key]))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        items = list(value)
        yield f"list {len(items)}".encode()
        for item in items:
            yield from _parts(item)
    else:
        yield type(value).__qualname__.encode()
        yield re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)).encode("utf-8", "surrogatepass")
