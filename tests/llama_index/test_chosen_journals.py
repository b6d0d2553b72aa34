"""Indexes in memory with a journal that was chosen: found again without naming it, never that of another index, and told where it is gone."""

import pytest
from llama_engines import FaissMapEngine, SimpleEngine
from llama_index.core.schema import TextNode

from nudge_core import NudgeN
from nudge_core.errors import InputError, JournalError
from nudge_integrations.llama_index import (
    begin_index_anew,
    index_history,
    nudge_index,
    recover_index,
    restore_index,
    undo_index,
)

ENGINES = {"simple": (SimpleEngine(), "cosine"), "faiss": (FaissMapEngine(), "l2")}


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]


@pytest.fixture
def world(make, engine):
    return make(engine[0])


@pytest.fixture
def again(world, engine, request):
    """The index itself, or saved and loaded."""
    return lambda loaded: engine[0].reopen(world.folder, engine[1], world.index) if loaded else world.index


def nudge(world, index, gamma=0.5, **options):
    report = nudge_index(index, world.pairs(), method=NudgeN(gammas=gamma), force=True, progress=False, **options)
    assert report.applied


def bits(world, index):
    return world.vectors(index).tobytes()


@pytest.mark.parametrize("loaded", [False, True])
def test_who_does_not_name_it_finds_it(world, again, tmp_path, loaded):
    before = bits(world, world.index)
    nudge(world, world.index, journal=tmp_path / "one.sqlite")
    moved, index = bits(world, world.index), again(loaded)
    assert [run.number for run in index_history(index)] == [1]
    nudge(world, index)
    assert bits(world, index) == moved
    restore_index(index, progress=False)
    assert bits(world, index) == before


@pytest.mark.parametrize("loaded", [False, True])
def test_who_names_another_is_told_and_uses_that_with_the_originals(world, again, tmp_path, caplog, loaded):
    before = bits(world, world.index)
    nudge(world, world.index, journal=tmp_path / "one.sqlite")
    index = again(loaded)
    nudge(world, index, gamma=0.2, journal=tmp_path / "two.sqlite")
    assert "two.sqlite' is not used: the originals of this" in caplog.text
    restore_index(index, progress=False, journal=tmp_path / "two.sqlite")
    assert bits(world, index) == before
    assert not (tmp_path / "two.sqlite").exists()


def test_the_journal_of_another_index_is_refused(world, engine, tmp_path):
    nudge(world, world.index, journal=tmp_path / "one.sqlite")
    content = (tmp_path / "one.sqlite").read_bytes()
    (tmp_path / "other").mkdir()
    nodes = [TextNode(id_=name, text=f"text {59 - i}") for i, name in enumerate(world.ids)]
    stranger = engine[0].build(tmp_path / "other", nodes, world.model)
    before = bits(world, stranger)
    for call in (
        lambda: undo_index(stranger, journal=tmp_path / "one.sqlite"),
        lambda: index_history(stranger, journal=tmp_path / "one.sqlite"),
        lambda: nudge(world, stranger, journal=tmp_path / "one.sqlite"),
    ):
        with pytest.raises(JournalError, match=r"one.sqlite' is the journal of another \w+ collection.*journal=…"):
            call()
    with pytest.raises(InputError, match="nothing to undo"):
        undo_index(stranger)
    assert (bits(world, stranger), (tmp_path / "one.sqlite").read_bytes()) == (before, content)
    undo_index(world.index)


def test_a_journal_that_is_gone_is_said(world, again, tmp_path, caplog):
    nudge(world, world.index, journal=tmp_path / "one.sqlite")
    (tmp_path / "one.sqlite").unlink()
    index = again(True)
    moved = bits(world, index)
    with pytest.raises(InputError, match="nothing to restore: .*one.sqlite', is gone"):
        restore_index(index)
    with pytest.raises(JournalError, match=r"one.sqlite', is gone.*begin_index_anew\(index\)"):
        nudge(world, index)
    begin_index_anew(index)
    nudge(world, index, gamma=0.2)
    restore_index(index, progress=False)
    assert bits(world, index) == moved


def test_what_is_no_journal_and_no_direction(world, tmp_path):
    with pytest.raises(JournalError, match="is a folder, and a journal is a file"):
        index_history(world.index, journal=tmp_path)
    with pytest.raises(InputError, match="direction is 'undo'"):
        recover_index(world.index, "undo")
