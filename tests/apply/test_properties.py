"""Any sequence of writes, restores, failures, recoveries, and of what people do meanwhile: no original is ever lost."""

from itertools import count

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from nudge_core.apply import recover, restore, survey, write
from nudge_core.errors import StoreError, UnfinishedRunError

NAMES = [f"d{i}" for i in range(6)]
some = st.lists(st.sampled_from(NAMES), max_size=6, unique=True)
one = st.sampled_from(NAMES)


class Life(RuleBasedStateMachine):
    """The model knows for each document the bits that a restore must give: `origin`. What differs in the store stands moved."""

    backups = Bundle("backups")

    def __init__(self, make):
        super().__init__()
        self.make, self.drawn = make, 0

    @initialize(dtype=st.sampled_from([np.float16, np.float32, np.float64]), batch=st.sampled_from([1, 2, 4, None]))
    def begin(self, dtype, batch):
        self.world = self.make(dtype, docs=6, batch=batch)
        self.target = self.world.target
        self.world.journal.connection.execute("PRAGMA synchronous = OFF")  # power cuts are not the matter here
        self.origin = self.target.bits()
        self.known = {}  # the original that the journal's last word on a document is about
        self.wanted = {}  # for each run {document: (original, new)}

    def new(self, count=1):
        self.drawn += 1
        return self.world.vectors(1000 + self.drawn, count)

    def ours(self):
        """Documents that hold their original as the journal knows it, or what a run wrote."""
        held = self.target.bits()
        return {n for n in held if self.origin[n] != held[n] or self.known.get(n) == self.origin[n]}

    def goal(self, names, vectors):
        """{document: new bits} of a run that moves these: all others that stand moved go back."""
        held = self.target.bits()
        back = {n: self.origin[n] for n in held if held[n] != self.origin[n]}
        return back | dict(zip(names, map(np.ndarray.tobytes, vectors), strict=True))

    def note(self, number, goal):
        self.wanted[number] = {n: (self.origin[n], bits) for n, bits in goal.items()}
        self.known |= {n: self.origin[n] for n in goal}

    def present(self, names):
        return [n for n in names if n in self.target.held]

    def idle(self):
        return self.world.journal.unfinished() is None

    @precondition(idle)
    @rule(names=some)
    def write(self, names):
        names = self.present(names)
        vectors = self.new(len(names)) if names else np.zeros((0, 3))
        goal, others = self.goal(names, vectors), self.target.bits()
        outcome = write(self.target, self.world.journal, names, vectors)
        assert self.target.bits() == others | goal
        assert (outcome.documents, outcome.changed, outcome.missing) == (len(goal), (), ())
        if outcome.run is not None:
            self.note(outcome.run.number, goal)
            writes = len(self.target.writes)
            write(self.target, self.world.journal, names, vectors)
            assert len(self.target.writes) == writes, "twice equals once"
            self.note(outcome.run.number + 1, {n: goal[n] for n in goal if n in names})

    @precondition(idle)
    @rule()
    def restore(self):
        goal, others = self.goal([], []), self.target.bits()
        changed = set(self.known) & set(others) - self.ours()
        outcome = restore(self.target, self.world.journal)
        assert self.target.bits() == others | goal == {n: self.origin[n] for n in others}
        assert set(outcome.changed) == changed
        assert set(outcome.missing) == set(self.known) - set(others)
        if outcome.run is not None:
            self.note(outcome.run.number, goal)

    @precondition(idle)
    @rule(data=st.data())
    def restore_a_run(self, data):
        done = [run.number for run in self.world.journal.runs() if run.state == "done"]
        if not done:
            return
        number = data.draw(st.sampled_from(done))
        ours, others = self.ours(), self.target.bits()
        again = {
            n: new for n, (original, new) in self.wanted[number].items() if n in ours and original == self.origin[n]
        }
        goal = self.goal([], []) | again
        outcome = restore(self.target, self.world.journal, number)
        assert self.target.bits() == others | goal
        if outcome.run is not None:
            self.note(outcome.run.number, goal)

    @precondition(idle)
    @rule(names=some, after=st.integers(0, 3))
    def the_store_fails(self, names, after):
        """Half of a batch is written where there are two."""
        names = self.present(names)
        vectors, left = self.new(len(names)) if names else np.zeros((0, 3)), iter(range(after))
        goal, rows = self.goal(names, vectors), dict(zip(names, vectors, strict=True))

        def fail(ids):
            if next(left, None) is None:
                if len(ids) > 1 and ids[0] in rows:
                    self.target.held[ids[0]] = rows[ids[0]].copy()
                raise ConnectionError("gone")

        self.target.on_replace = fail
        runs = len(self.world.journal.runs())
        try:
            write(self.target, self.world.journal, names, vectors)
        except StoreError:
            with pytest.raises(UnfinishedRunError):
                restore(self.target, self.world.journal)
        finally:
            self.target.on_replace = lambda ids: None
        if len(self.world.journal.runs()) > runs:
            self.note(runs + 1, goal)

    @precondition(lambda self: not self.idle())
    @rule(direction=st.sampled_from(["forward", "back"]))
    def recover(self, direction):
        number = self.world.journal.unfinished().number
        outcome = recover(self.target, self.world.journal, direction)
        assert outcome.run.state == ("done" if direction == "forward" else "undone")
        held = self.target.bits()
        for name, (original, new) in self.wanted[number].items():
            if direction == "forward" and name in held and original == self.origin[name]:
                assert held[name] == new or name in outcome.changed
            if name not in {*outcome.changed, *outcome.missing}:
                self.known[name] = original

    @rule(name=one)
    def embed_again(self, name):
        """Past the wrapper; for a document that is gone this adds it."""
        self.target.held[name] = self.new()[0]
        self.origin[name] = self.target.bits()[name]

    @rule(name=one, same=st.booleans())
    def add_anew(self, name, same):
        """Through the wrapper: with its old text or with a new one."""
        vector = np.frombuffer(self.origin[name], self.world.dtype).copy() if same else self.new()[0]
        self.target.held[name] = vector
        self.origin[name] = vector.tobytes()
        self.world.journal.forget([name])
        self.known.pop(name, None)

    @rule(name=one, told=st.booleans())
    def delete(self, name, told):
        self.target.held.pop(name, None)
        if told:
            self.world.journal.forget([name])
            self.known.pop(name, None)

    @rule(target=backups)
    def back_up(self):
        return dict(self.target.held), dict(self.origin)

    @precondition(idle)
    @rule(backup=backups)
    def play_back(self, backup):
        """Also of documents that the journal was told to forget since."""
        held, origin = backup
        self.target.held = dict(held)
        self.origin |= origin

    @rule()
    def restart(self):
        self.world.journal.close()
        self.world.journal = self.world.open()
        self.world.journal.connection.execute("PRAGMA synchronous = OFF")

    @invariant()
    def every_original_is_known(self):
        if not hasattr(self, "world"):
            return
        found = survey(self.target, self.world.journal)
        held = self.target.bits()
        assert self.world.known_originals() == {n: self.origin[n] for n in held}
        assert set(found.originals) == {n for n in held if held[n] != self.origin[n]}
        assert {*found.originals, *found.unmoved, *found.changed, *found.missing} == {*self.known, *found.originals}

    def teardown(self):
        if not hasattr(self, "world"):
            return
        if not self.idle():
            recover(self.target, self.world.journal, "back")
        restore(self.target, self.world.journal)
        held = self.target.bits()
        assert held == {n: self.origin[n] for n in held}
        self.world.journal.close()


def test_no_original_is_ever_lost(make):
    folders = map(str, count())
    run_state_machine_as_test(
        lambda: Life(lambda *args, **options: make(*args, folder=next(folders), **options)),
        settings=settings(settings.get_profile("suite"), max_examples=60, stateful_step_count=20),
    )
