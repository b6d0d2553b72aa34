"""Stores in memory, which can be saved and loaded: what tests of the journals that they are given share."""

from engines.faiss import FaissEngine

from nudge_core import NudgeN
from nudge_integrations.stores import adapter_of

ENGINES = {"inmemory": (None, "cosine"), "faiss": (FaissEngine(), "l2")}


def saved_and_loaded(world, engine, folder):
    """The store of a world, as after a restart."""
    if engine[0] is not None:
        return engine[0].reopen(folder / "saved", engine[1], world.inner)
    world.inner.dump(str(folder / "saved.json"))
    return type(world.inner).load(str(folder / "saved.json"), world.embedding)


def nudge(world, store, gamma=0.5, split="train"):
    report = store.nudge(world.pairs(split), method=NudgeN(gammas=gamma), force=True, progress=False)
    assert report.applied
    return report


def bits(store):
    pages = adapter_of(store).walk(100)
    return {name: vector.tobytes() for names, part in pages for name, vector in zip(names, part, strict=True)}
