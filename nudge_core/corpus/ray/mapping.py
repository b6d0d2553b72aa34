"""Mapping: a function over items by Ray Data, which places the tasks, waits for memory and repeats those whose worker is lost."""

from __future__ import annotations

import logging
import pickle  # what the workers of one's own cluster send; Ray itself pickles
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from nudge_core.corpus.ray.connection import connect
from nudge_core.errors import ClusterError, MissingExtraError, NudgeError

Item = TypeVar("Item")
Shared = TypeVar("Shared")
Answer = TypeVar("Answer")

RETRIES = 3
"""How often Ray repeats a task whose worker is lost."""


@dataclass(frozen=True)
class Cluster:
    """Where tasks run.

    Attributes:
        address: Of the cluster; None for this machine.
        num_cpus: Of a Ray that is started here; None for all cores.
        workers: How many tasks run at a time at most; None for as many as there are CPUs.
    """

    address: str | None = None
    num_cpus: int | None = None
    workers: int | None = None

    def run(
        self,
        function: Callable[[Item, Shared], Answer],
        items: Sequence[Item],
        shared: Shared,
        take: Callable[[int, Answer], None],
        *,
        num_gpus: float = 0,
    ) -> None:
        """Answer every item exactly once.

        Args:
            function: Called by a worker with an item and what all items share.
            items: Small and many.
            shared: Sent once to each machine.
            take: Called here with the number of an item and its answer, in the order in which answers come.
            num_gpus: The share of a GPU that a task takes.

        Raises:
            NudgeError: That of the first task that raised one.
            ClusterError: Ray failed, or a task lost its worker again and again.
        """
        ray = connect(self.address, self.num_cpus)
        waiting = set(range(len(items)))
        try:
            with _quiet(ray):
                reference = ray.put(shared)
                rows = [{"number": number, "item": pickle.dumps(item)} for number, item in enumerate(items)]
                answers = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                    _answered,
                    fn_kwargs={"function": function, "shared": reference},
                    batch_size=1,
                    num_cpus=1,
                    num_gpus=num_gpus or None,
                    concurrency=self.workers,
                    max_retries=RETRIES,
                )
                for batch in answers.iter_batches(batch_size=None, prefetch_batches=0):
                    for number, data in zip(batch["number"].tolist(), batch["answer"], strict=True):
                        answer = pickle.loads(data)  # noqa: S301
                        if isinstance(answer, NudgeError):
                            raise answer
                        waiting.remove(number)
                        take(number, answer)
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise _failed(ray, error) from error
        if waiting:
            raise ClusterError(
                f"Ray gave no answer for {len(waiting)} of {len(items)} parts of the corpus: run it again"
            )

    def gpus(self) -> float:
        """How many GPUs the cluster has."""
        return float(connect(self.address, self.num_cpus).cluster_resources().get("GPU", 0))


def _answered(batch: dict[str, Any], function: Callable[[Any, Any], Any], shared: Any) -> dict[str, Any]:
    """What a worker does with an item: a refusal is an answer too, so that Ray neither repeats it nor prints its trace."""
    import ray

    torch.set_num_threads(1)
    try:
        answer = function(pickle.loads(batch["item"][0]), ray.get(shared))  # noqa: S301
    except MissingExtraError as error:
        answer = ClusterError(f"on a worker of the cluster {error}")
    except NudgeError as error:
        answer = error
    return {"number": batch["number"], "answer": np.asarray([pickle.dumps(answer)], dtype=object)}


def _failed(ray: Any, error: Exception) -> ClusterError:
    """Ray's pages of text as a sentence."""
    lost = isinstance(
        error, ray.exceptions.WorkerCrashedError | ray.exceptions.OutOfMemoryError | ray.exceptions.NodeDiedError
    )
    if lost:
        return ClusterError(
            f"a worker of Ray was lost {RETRIES + 1} times on the same part of the corpus ({type(error).__name__}): it is short of memory, so write "
            "smaller row groups or give fewer questions at a time, or it crashed, which its log in /tmp/ray tells"
        )
    first = re.search(r"^[\w.]*(?:Error|Exception): .+$", str(error), re.MULTILINE)  # what began it comes first
    reason = first[0] if first else next(iter(str(error).splitlines()), "")
    return ClusterError(
        f"Ray failed ({type(error).__name__}: {reason.strip()[:300]}): see its logs in /tmp/ray, and run it again"
    )


@contextmanager
def _quiet(ray: Any) -> Iterator[None]:
    """Without Ray Data's own bars, logs and warnings; and with every CPU for the one thing that is done."""
    logger = logging.getLogger("ray.data")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = ray.data.DataContext.get_current().copy()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.op_resource_reservation_enabled = False
        logger.setLevel(logging.CRITICAL)
        try:
            with ray.data.DataContext.current(context):
                yield
        finally:
            logger.setLevel(level)
