"""Wrong calls: each is refused in a sentence that names the culprit, in the words of LlamaIndex."""

import pytest
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from nudge_core.errors import InputError
from nudge_integrations.llama_index import (
    NudgeEmbeddingPostprocessor,
    evaluate_index,
    map_inserted,
    nudge_index,
    remove_index_feedback,
    restore_index,
)


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


def test_what_is_no_question(world):
    post = NudgeEmbeddingPostprocessor(world.pairs(), embed_model=world.model)
    with pytest.raises(InputError, match="questions, the first argument, is a NudgeEmbeddingPostprocessor; expected"):
        nudge_index(world.index, post)
    with pytest.raises(InputError, match=r"validation, the second argument, is a Known; expected .* by its name"):
        NudgeEmbeddingPostprocessor(world.pairs(), world.model)


def test_nodes_of_another_dimension_are_told(world, caplog):
    nodes = [node.model_copy(update={"embedding": world.model.get_text_embedding(node.text)}) for node in world.nodes]
    post = NudgeEmbeddingPostprocessor(world.pairs(), embed_model=world.model, force=True, progress=False).fit(nodes)
    post([node.model_copy(update={"embedding": [1.0, 0.0]}) for node in nodes])
    assert "hold vectors of 2 dimensions, where those that were moved have 8, and pass as they are" in caplog.text


def test_filters_are_shown_as_they_were_given(world):
    filters = MetadataFilters(filters=[MetadataFilter(key="pge", value=3)])
    with pytest.raises(
        InputError, match=r"passes the filter MetadataFilters\(.*'pge'.*metadata there has the keys 'page'"
    ):
        nudge_index(world.index, world.pairs(), filters=filters, progress=False)


def test_remedies_name_the_functions_of_llama_index(world):
    with pytest.raises(InputError, match=r"keep feedback with add_index_feedback\(index, question, relevant=\[ids\]\)"):
        nudge_index(world.index)
    nudge_index(world.index, world.pairs(), progress=False)
    with pytest.raises(InputError, match=r"; index_history\(index\) lists"):
        restore_index(world.index, 77)
    with pytest.raises(InputError, match=r"is kept: index_feedback\(index\) lists"):
        remove_index_feedback(world.index, "nobody asked this")
