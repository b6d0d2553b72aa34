"""What a journal keeps beside runs, and that damage is never taken for a vector."""

import numpy as np
import pytest

from nudge_core.apply import write
from nudge_core.apply.memory import documents_learned_from, keep_learned, learned_from
from nudge_core.errors import JournalError


def test_questions_that_were_trained_on_are_known_again(make):
    journal = make().journal
    assert learned_from(journal, ["What is it?"]) == []
    keep_learned(journal, ["What is it?"], ["d1"])
    assert learned_from(journal, ["what  is IT?", "Where is it?"]) == ["what  is IT?"]
    assert documents_learned_from(journal, ["d0", "d1"]) == ["d1"]
    keep_learned(journal, ["Where is it?"], ["d0"])
    assert learned_from(journal, ["What is it?"]) == [], "those of the last run only"


def test_a_journal_knows_documents_from_its_first_run_on(make):
    world = make()
    assert not world.journal.knows_documents()
    origins = np.stack([world.target.held[name] for name in world.ids[:3]])
    write(
        world.target, world.journal, world.ids[:3], origins[::-1].copy(), origins=origins, settings={}, progress=False
    )
    assert world.journal.knows_documents()


@pytest.mark.parametrize("damage", ["DELETE FROM vectors", "UPDATE vectors SET value = zeroblob(length(value))"])
def test_a_vector_that_is_gone_or_changed_is_refused(make, damage):
    world = make()
    origins = np.stack([world.target.held[name] for name in world.ids[:3]])
    write(
        world.target, world.journal, world.ids[:3], origins[::-1].copy(), origins=origins, settings={}, progress=False
    )
    wanted = {change.new for change in world.journal.changes(1)}
    assert set(world.journal.vectors(wanted)) == wanted
    world.journal.execute(damage, [()])
    with pytest.raises(JournalError, match="damaged"):
        world.journal.vectors(wanted)


def test_what_changed_meanwhile_is_told_once(make):
    """A document that somebody embeds again during a write is listed as changed, and one that is deleted as missing."""
    world = make(batch=1)
    origins = np.stack([world.target.held[name] for name in world.ids[:4]])
    new = origins[::-1].copy()

    def meanwhile(ids):
        if list(ids) == [world.ids[1]]:
            world.target.held[world.ids[2]] = np.full(world.dim, 7, world.dtype)
            world.target.held.pop(world.ids[3])

    world.target.on_replace = meanwhile
    outcome = write(world.target, world.journal, world.ids[:4], new, origins=origins, settings={}, progress=False)
    assert list(outcome.changed) == [world.ids[2]]
    assert list(outcome.missing) == [world.ids[3]]
    assert world.target.held[world.ids[2]].tolist() == [7] * world.dim
