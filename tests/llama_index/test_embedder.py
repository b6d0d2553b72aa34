"""Questions are embedded as a retriever embeds them."""

import numpy as np
import pytest
from llama_base import Known
from llama_engines import SimpleEngine
from llama_index.core.storage.kvstore import SimpleKVStore

from nudge_core.errors import InputError
from nudge_integrations.llama_index import evaluate_index, nudge_index
from nudge_integrations.llama_index.learning import LlamaIndexEmbedder


class Asymmetric(Known):
    """Questions are embedded with an instruction, so in another direction than texts; it counts what it is asked."""

    asked: list[str] = []  # noqa: RUF012  # pydantic copies it

    def _get_query_embedding(self, query):
        self.asked.append(query)
        return self._get_text_embedding(query)[::-1]


class Counting(Known):
    batches: list[int] = []  # noqa: RUF012

    def _get_text_embeddings(self, texts):
        self.batches.append(len(texts))
        return [self._get_text_embedding(text) for text in texts]


def reversed_questions(world):
    """The vectors of questions as the asymmetric model gives them are those of the sample."""
    texts = {text for split in ("train", "validation", "test") for text in world.queries(split).texts}
    return {text: vector[::-1] if text in texts else vector for text, vector in world.model.known.items()}


@pytest.mark.parametrize("cached", [False, True])
def test_an_instruction_for_questions_counts(make, world, cached):
    """Also where a cache holds questions and texts under one key."""
    plain = evaluate_index(world.index, world.pairs("test"), progress=False)
    model = Asymmetric(known=reversed_questions(world), embeddings_cache=SimpleKVStore() if cached else None)
    world.index._embed_model = model
    same = evaluate_index(world.index, world.pairs("test"), progress=False)
    assert {text for text, _ in world.pairs("test")} <= set(model.asked)
    np.testing.assert_array_equal(same.values["nDCG@10"], plain.values["nDCG@10"])


def test_questions_go_in_batches_where_both_agree(world):
    world.index._embed_model = Counting(known=world.model.known)
    nudge_index(world.index, world.pairs(), progress=False)
    assert world.index._embed_model.batches == [
        1,
        10,
        10,
        10,
    ]  # the probe, and thirty questions in batches of the model's own size


def test_its_name_is_class_and_model(world):
    assert LlamaIndexEmbedder(world.model).name == "Known()"
    assert LlamaIndexEmbedder(Known(known={}, model_name="bge")).name == "Known(bge)"


def test_another_dimension_is_refused(world):
    world.index._embed_model = Known(known={text: vector[:3] for text, vector in world.model.known.items()})
    with pytest.raises(
        InputError, match=r"Known\(\) embeds questions in 3 dimensions, the documents of the store have 8"
    ):
        nudge_index(world.index, world.pairs(), progress=False)


def test_a_query_set_needs_no_model(make):
    world = make(SimpleEngine())
    index = world.index
    index._embed_model = Known(known={})
    assert nudge_index(
        index, world.queries("train", names=True), world.queries("validation", names=True), progress=False
    ).applied
