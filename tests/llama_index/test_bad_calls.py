"""Wrong calls: each is refused in a sentence that names the culprit, in the words of LlamaIndex."""

import pytest

from nudge_core.errors import InputError
from nudge_integrations.llama_index import NudgeEmbeddingPostprocessor, evaluate_index, map_inserted, nudge_index


@pytest.mark.parametrize("option", ["dry_run", "force", "progress"])
def test_yes_or_no(world, option):
    with pytest.raises(InputError, match=f"{option} is 'no'; expected True or False"):
        nudge_index(world.index, world.pairs(), **{"progress": False, option: "no"})


def test_yes_or_no_of_an_evaluation(world):
    with pytest.raises(InputError, match="progress is 'no'; expected True or False"):
        evaluate_index(world.index, world.pairs(), progress="no")


@pytest.mark.parametrize("option", ["force", "progress"])
def test_yes_or_no_of_a_postprocessor(world, option):
    said = f"{option} is 'no'; expected True or False"
    with pytest.raises(InputError, match=said):
        NudgeEmbeddingPostprocessor(world.pairs(), embed_model=world.model, **{option: "no"})
    post = NudgeEmbeddingPostprocessor(world.pairs(), embed_model=world.model)
    with pytest.raises(InputError, match=said):
        setattr(post, option, "no")


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ("node 1", r"ids is 'node 1'; expected a list of the ids of nodes"),
        (None, "ids is None; expected a list"),
        ([1], r"ids is \[1\]; expected a list"),
        (["nobody"], "1 document is not in the SimpleVectorStore collection of 60: 'nobody'"),
    ],
)
def test_ids_of_inserted_nodes(world, ids, said):
    with pytest.raises(InputError, match=said):
        map_inserted(world.index, ids)
