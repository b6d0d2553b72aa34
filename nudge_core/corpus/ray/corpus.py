"""RayCorpus: Parquet that the workers of a Ray cluster read, each some row groups, and whose partial results are merged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.clock import progress_bar
from nudge_core.corpus.background import Background
from nudge_core.corpus.parquet import ParquetCorpus
from nudge_core.corpus.ray import work
from nudge_core.corpus.ray.cluster import Cluster, check_options, connect
from nudge_core.corpus.ray.writing import write
from nudge_core.data.moves import Moves
from nudge_core.data.vectors import distinct
from nudge_core.errors import InputError

GPU_SHARE = 0.25
"""Of a GPU for each worker, where the cluster has any: reading takes longer than multiplying."""


class RayCorpus(ParquetCorpus):
    """Parquet whose vectors the workers of Ray read. Ids are held in the memory of this process, vectors are not.

    The results are those of `ParquetCorpus`; they depend neither on the number of workers nor on workers that are lost on the way.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        id_column: str = "id",
        vector_column: str | None = None,
        address: str | None = None,
        num_cpus: int | None = None,
        num_gpus: float | None = None,
        workers: int | None = None,
    ) -> None:
        """Read the ids and the layout of the files. A Ray of this machine is started with the first pass over vectors.

        Args:
            path: A `.parquet` file, or a folder of such; a path, or a URL that fsspec knows. Every machine of the cluster must reach it.
            id_column: Column of integer or string ids.
            vector_column: Column of lists of floats, all of one length; without it the only such column.
            address: "host:port" of a cluster's head, or "auto" on a machine of it. Without one that of `RAY_ADDRESS`, else a Ray of this machine.
            num_cpus: CPUs of a Ray that is started here; all cores if not given.
            num_gpus: The share of a GPU that each worker takes; if not given, a quarter where the cluster has GPUs.
            workers: How many workers compute at a time at most; if not given, one for each CPU.

        Raises:
            MissingExtraError: Ray or pyarrow is not installed.
            ClusterError: The cluster cannot be reached.
            FileFormatError: A file that is missing, truncated or no Parquet.
            InputError: A missing column, files whose dimension or type differs, ids that do not fit.
        """
        check_options(address, num_cpus, num_gpus, workers)
        if address is not None:
            connect(address)
        super().__init__(path, id_column=id_column, vector_column=vector_column)
        self.cluster, self.num_gpus = Cluster(address, num_cpus, workers), num_gpus
        self._pieces_of_all = work.pieces(self)

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows, (len(rows), dim) float32, as stored; workers read the row groups that hold them."""
        wanted, places = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
        held = torch.empty((len(wanted), self.dim), dtype=torch.float32)
        parts = [(layout, layout.within(wanted)) for layout in self._pieces_of_all]
        parts = [(layout, part) for layout, part in parts if part.stop > part.start]

        def take(number: int, vectors: NDArray[np.float32]) -> None:
            held[parts[number][1]] = torch.from_numpy(vectors.copy())

        if parts:
            self.cluster.run(work.rows, [(layout, wanted[part]) for layout, part in parts], None, take)
        return held[torch.from_numpy(places)]

    def mapped_background(self, queries: Tensor, k: int, matrix: Tensor, **options: Any) -> Background:
        """As `background`, of documents that go through a map first, (dim, dim), where they are."""
        return self.background(queries, k, matrix=matrix, **options)

    def background(
        self,
        queries: Tensor,
        k: int,
        *,
        exclude: NDArray[np.int64] | None = None,
        progress: bool = True,
        passed: Tensor | None = None,
        matrix: Tensor | None = None,
        **options: Any,
    ) -> Background:
        """See `Corpus.background`: each worker passes over its pieces, and what they find is merged two by two."""
        left_out = np.zeros(0, dtype=np.int64) if exclude is None else distinct(exclude)
        asked = {"k": k, "exclude": left_out, "collect": passed is not None, **options}
        asked |= {"queries": queries.detach().cpu().numpy(), "matrix": None if matrix is None else matrix.cpu().numpy()}
        layouts, share = self._pieces_of_all, self._gpu_share()
        merger = work.Merger(len(layouts))
        with progress_bar(len(self), "background", progress) as bar:

            def take(number: int, found: tuple[Background, NDArray[np.float32] | None]) -> None:
                merger.add(number, found[0])
                if passed is not None and found[1] is not None:
                    passed[layouts[number].within(left_out)] = torch.from_numpy(found[1].copy())
                bar.update(len(layouts[number]))

            self.cluster.run(work.background, layouts, asked, take, num_gpus=share)
        whole, device = merger.result(), queries.device
        sums = None if whole.logsumexp is None else whole.logsumexp.to(device)
        return Background(whole.scores.to(device), whole.rows.to(device), sums, whole.lengths)

    def _gpu_share(self) -> float:
        there = self.cluster.gpus()
        if self.num_gpus is None:
            return min(GPU_SHARE, there)
        if self.num_gpus > there:
            raise InputError(
                f"num_gpus is {self.num_gpus} for each worker, the cluster has {there:g}: start a machine with one first, or leave num_gpus out"
            )
        return self.num_gpus

    def write(self, tuned: Moves, folder: str | Path, *, progress: bool = True) -> Mapping[str, Any]:
        """A copy of the corpus with the moved vectors in place, written by the workers; see `writing.write`."""
        return write(self, self.cluster, tuned, folder, progress=progress)
