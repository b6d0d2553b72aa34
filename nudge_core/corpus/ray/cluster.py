"""Cluster: the Ray of this machine, started when it is first needed, or a cluster that is joined; it maps a function over items.

Ray Data places the tasks, waits for memory and repeats those whose worker is lost. Neither says more than a sentence.
"""

from __future__ import annotations

import logging
import os
import pickle  # what the workers of one's own cluster send; Ray itself pickles
import re
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from nudge_core.arguments import whole_number
from nudge_core.errors import ClusterError, InputError, MissingExtraError, NudgeError

Item = TypeVar("Item")
Shared = TypeVar("Shared")
Answer = TypeVar("Answer")

RETRIES = 3
"""How often Ray repeats a task whose worker is lost."""

PATIENCE = 5.0
"""Seconds that a cluster has to answer."""

SKIPPED = "RAY_DEDUP_LOGS_SKIP_REGEX"
LOST = os.environ.get(SKIPPED, r"^A worker died or was killed|^Task \w+ failed\. There are \d+ retries")
"""What Ray prints when a worker is lost, although it repeats the task and nothing is amiss; read when Ray is imported."""

SETTINGS = b"\x04"
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + SETTINGS + b"\0" * 5
"""How an HTTP/2 connection begins, which gRPC, and so Ray's head, answers with its own settings."""


@dataclass(frozen=True)
class Cluster:
    """Where tasks run: at an address, else on this machine with so many CPUs; at most so many workers at a time."""

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
        """Answer every item exactly once: workers call `function(item, shared)`, and `take(number, answer)` is called here as answers come."""
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
            raise ClusterError(f"Ray gave no answer for {len(waiting)} of {len(items)} parts: run it again")

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
    known = ray.exceptions
    if isinstance(error, known.WorkerCrashedError | known.OutOfMemoryError | known.NodeDiedError):
        return ClusterError(
            f"a worker of Ray was lost {RETRIES + 1} times on the same part of the corpus ({type(error).__name__}): it is short of memory, so write "
            "smaller row groups or give fewer questions at a time, or it crashed, which its log in /tmp/ray tells"
        )
    first = re.search(r"^[\w.]*(?:Error|Exception): .+$", str(error), re.MULTILINE)  # what began it comes first
    reason = first[0] if first else next(iter(str(error).splitlines()), "")
    return ClusterError(f"Ray failed ({type(error).__name__}: {reason.strip()[:300]}): see its logs in /tmp/ray")


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


def import_ray() -> Any:
    """The package ray with Ray Data."""
    before = os.environ.get(SKIPPED)
    os.environ[SKIPPED] = LOST
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray
            import ray.data
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "a corpus on Ray") from error
    finally:
        os.environ.pop(SKIPPED)
        if before is not None:
            os.environ[SKIPPED] = before
    return ray


def check_options(address: str | None, num_cpus: int | None, num_gpus: float | None, workers: int | None) -> None:
    """Refuse what Ray would not take, before anything is started."""
    for name, value in (("num_cpus", num_cpus), ("workers", workers)):
        if value is not None:
            whole_number(value, name)
    if num_gpus is not None and not (isinstance(num_gpus, int | float) and num_gpus >= 0):
        raise InputError(f"num_gpus is {num_gpus!r}; expected the share of a GPU that each worker takes, such as 0.5")
    if address is None:
        return
    if num_cpus is not None:
        raise InputError(
            f"num_cpus is {num_cpus}, but the cluster at {address!r} has its own: leave it out, or limit the workers with workers=…"
        )
    if address.startswith("ray://"):
        raise InputError(
            f"address is {address!r}, a Ray Client, through which Ray Data does not run: start this program on a machine of the cluster, "
            'for example with `ray job submit`, and say address="auto"'
        )


def connect(address: str | None, num_cpus: int | None = None) -> Any:
    """Join the cluster at this address; without one that of `RAY_ADDRESS`, else a Ray of this machine. One that is joined already is kept."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # for good: Ray Data collects while it runs
    ray = import_ray()
    if ray.is_initialized():
        joined = ray.get_runtime_context().gcs_address
        if address not in (None, "auto", "local", joined):
            raise InputError(
                f"address is {address!r}, but this process is in the Ray cluster at {joined!r}: leave address out, or call ray.shutdown() first"
            )
        return ray
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    here = {"num_cpus": num_cpus, "include_dashboard": False} if address == "local" else {}
    _check_there(address)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=address, **quiet, **here)
    except Exception as error:  # Ray raises plain ones too, as where it took too long to start
        reason = " ".join(str(error).split("\n")[0].split())
        where = "Ray did not start here" if address == "local" else f"Ray cannot be reached at {address!r}"
        raise ClusterError(f"{where} ({reason}): try again, `ray start --head`, or correct the address") from error
    return ray


def _check_there(address: str) -> None:
    """Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if not host:
        if address not in ("auto", "local"):
            raise InputError(
                f'address is {address!r}; expected "host:port" of the cluster\'s head, such as "10.0.0.1:6379", or "auto"'
            )
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as probe:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                probe.settimeout(PATIENCE)
                probe.sendall(HELLO)
                if probe.recv(9)[3:4] != SETTINGS:
                    raise ConnectionError("something else answers there")
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"there is no Ray cluster at {address!r} ({error}): start it with `ray start --head`, correct the address, "
            "or leave it out for this machine"
        ) from error
