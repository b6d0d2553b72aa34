"""Retrievers of every kind, chains and tools, as people build on a vector store: they run on the wrapper, and a nudge changes their answers."""

import pytest
from engines.chroma import ChromaEngine
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import create_retriever_tool

from nudge_integrations.langchain import NudgeVectorStore

KINDS = [
    ("similarity", {"k": 3}),
    ("mmr", {"k": 3, "fetch_k": 20, "lambda_mult": 0.3}),
    ("similarity_score_threshold", {"k": 10, "score_threshold": 0.4}),
]


@pytest.mark.filterwarnings("ignore:legacy embedding function config:DeprecationWarning")
@pytest.mark.parametrize(("search_type", "options"), KINDS)
@pytest.mark.parametrize("engine", [None, ChromaEngine()], ids=["memory", "chroma"])
async def test_every_kind_of_retriever(make, engine, search_type, options):
    world = make(engine)
    retriever = world.store.as_retriever(search_type=search_type, search_kwargs=options)
    texts = [text for text, _ in world.pairs()]
    first = [retriever.invoke(text) for text in texts]
    if engine is not None or search_type != "similarity_score_threshold":  # which InMemory itself has not
        inner = world.inner.as_retriever(search_type=search_type, search_kwargs=options)
        assert first == [inner.invoke(text) for text in texts]
    assert first == retriever.batch(texts)
    assert first == [await retriever.ainvoke(text) for text in texts]
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    after = [retriever.invoke(text) for text in texts]
    assert after != first, "the retriever was made before the nudge, and sees it"
    world.store.restore(progress=False)
    assert [retriever.invoke(text) for text in texts] == first


def test_a_threshold_is_a_cosine_in_memory(world):
    found = world.store.as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.5, "k": 60}
    )
    scored = world.inner.similarity_search_with_score("train0?", k=60)
    assert [d.id for d in found.invoke("train0?")] == [d.id for d, score in scored if score >= 0.5]
    assert 0 < len(found.invoke("train0?")) < 60


def test_a_threshold_that_nothing_reaches(world):
    found = world.store.as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.9999}
    )
    assert found.invoke("train0?") == []


def test_a_retriever_says_of_what_it_is(world):
    assert world.store.as_retriever().tags == ["NudgeVectorStore", "Asked"]


PROMPT = ChatPromptTemplate.from_template("Context: {context}\nQuestion: {question}")


def joined(documents: list[Document]) -> str:
    return " | ".join(document.page_content for document in documents)


class Echo(GenericFakeChatModel):
    """Answers with the prompt it was given."""

    messages: object = iter(())

    def _generate(self, messages, *args, **options):
        self.messages = iter([AIMessage(messages[-1].content)])
        return super()._generate(messages, *args, **options)


def chain(store, model):
    retrieved = {"context": store.as_retriever(search_kwargs={"k": 2}) | joined, "question": RunnablePassthrough()}
    return retrieved | PROMPT | model | StrOutputParser()


async def test_a_chain(world):
    questions = [text for text, _ in world.pairs()]
    inner, wrapped = chain(world.inner, Echo()), chain(world.store, Echo())
    before = [wrapped.invoke(text) for text in questions]
    assert before == [inner.invoke(text) for text in questions]
    assert before[0].startswith("Context: text ")
    assert before[0].endswith("Question: train0?")
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    after = [wrapped.invoke(text) for text in questions]
    assert after == [inner.invoke(text) for text in questions], "the vectors moved in the store itself"
    right = [[f"text {name[1:]}" for name in answers] for _, answers in world.pairs()]
    hits = [
        sum(
            any(f"{name} |" in a or f"| {name}\n" in a for name in names) for a, names in zip(given, right, strict=True)
        )
        for given in (before, after)
    ]
    assert hits[1] > hits[0]
    assert await wrapped.abatch(questions) == after


def test_a_chain_streams(world):
    model = FakeListChatModel(responses=["an answer"])
    assert "".join(chain(world.store, model).stream("train0?")) == "an answer"


def test_a_tool(world):
    tool = create_retriever_tool(world.store.as_retriever(search_kwargs={"k": 1}), "look", "Look things up.")
    assert tool.invoke({"query": "train0?"}) == world.store.similarity_search("train0?", k=1)[0].page_content


def test_two_wrappers_of_one_store_see_the_same(world):
    other = NudgeVectorStore(world.inner).as_retriever(search_kwargs={"k": 5})
    before = [other.invoke(text) for text, _ in world.pairs()]
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert [other.invoke(text) for text, _ in world.pairs()] != before
