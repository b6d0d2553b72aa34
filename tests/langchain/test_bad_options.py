"""Options of another kind: each is refused by name, and nothing is embedded or written."""

import pytest

from nudge_core.errors import InputError
from nudge_integrations.langchain import NudgeVectorStore


@pytest.mark.parametrize("option", ["dry_run", "force", "progress"])
@pytest.mark.parametrize("value", ["no", "false", 0, None])
def test_yes_or_no(world, option, value):
    """A text counts as true, whatever it says."""
    before = world.bits()
    with pytest.raises(InputError, match=f"{option} is {value!r}; expected True or False"):
        world.store.nudge(world.pairs(), **{"progress": False, option: value})
    assert world.bits() == before
    assert world.embedding.queries == []


def test_yes_or_no_of_an_evaluation(world):
    with pytest.raises(InputError, match="progress is 'no'; expected True or False"):
        world.store.evaluate(world.pairs(), progress="no")


@pytest.mark.parametrize("name", ["load_local", "from_existing_index"])
def test_constructors_of_stores(name):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}': a store is made .* NudgeVectorStore\(FAISS"):
        getattr(NudgeVectorStore, name)
