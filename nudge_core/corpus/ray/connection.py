"""Connection: the Ray of this machine, started when it is first needed, or a cluster that is joined. Neither says more than a sentence."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nudge_core.arguments import whole_number
from nudge_core.errors import ClusterError, InputError, MissingExtraError

PATIENCE = 5.0
"""Seconds that a cluster has to answer."""

LOST = os.environ.get(
    "RAY_DEDUP_LOGS_SKIP_REGEX", r"^A worker died or was killed|^Task \w+ failed\. There are \d+ retries"
)
"""What Ray prints when a worker is lost, although it repeats the task and nothing is amiss; read when Ray is imported."""

SETTINGS = b"\x04"
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + SETTINGS + b"\0" * 5
"""How an HTTP/2 connection begins, which gRPC, and so Ray's head, answers with its own settings."""


def import_ray() -> Any:
    """The package ray with Ray Data.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        with warnings.catch_warnings(), _environment(RAY_DEDUP_LOGS_SKIP_REGEX=LOST):
            warnings.simplefilter("ignore")
            import ray
            import ray.data
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "a corpus on Ray") from error
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
    """Join the cluster at this address; without one that of `RAY_ADDRESS`, else a Ray of this machine. One that is joined already is kept.

    Args:
        address: "host:port" of the head, or "auto" on a machine of the cluster.
        num_cpus: Of a Ray that is started here; all cores if not given.

    Returns:
        The package ray.

    Raises:
        MissingExtraError: Ray is not installed.
        ClusterError: There is no cluster at the address, or it is of another version.
        InputError: Another cluster than the one joined.
    """
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
        raise ClusterError(
            f"{where} ({reason}): try again, start it with `ray start --head`, or correct the address"
        ) from error
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


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Variables that the processes of Ray inherit, taken back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
