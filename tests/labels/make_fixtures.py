"""Write the fixtures of the label readers with the libraries whose forms they are.

Not run by the tests, which need none of these libraries. In two environments, as the libraries do not all agree with each other:

    pip install ragas==0.4.3 'langchain-community<0.4' deepeval==4.3.1 && python tests/labels/make_fixtures.py ragas deepeval
    pip install 'llama-index-core<0.14.21' langsmith==0.15.0 langfuse==5.0.4 datasets==5.2.0 arize-phoenix-client==3.5.0 pandas pyarrow
    python tests/labels/make_fixtures.py llama_index langsmith langfuse datasets phoenix
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parent))
from ours import DOCUMENTS, FILES, QUESTIONS

FOLDER = Path(__file__).parent / "fixtures"
WHEN = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def contexts(ids: list[str]) -> list[str]:
    return [DOCUMENTS[name] for name in ids]


def dump(name: str, value: object) -> None:
    (FOLDER / name).write_text(json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def ragas() -> None:
    from datasets import Dataset
    from ragas import EvaluationDataset
    from ragas.dataset_schema import SingleTurnSample
    from ragas.testset.synthesizers.testset_schema import Testset, TestsetSample
    from ragas.utils import convert_v2_to_v1_dataset

    samples = [
        SingleTurnSample(user_input=text, reference_contexts=contexts(ids), reference=answer)
        for text, ids, answer in QUESTIONS.values()
    ]
    testset = Testset([TestsetSample(eval_sample=sample, synthesizer_name="by hand") for sample in samples])
    testset.to_csv(FOLDER / "ragas_testset.csv")
    testset.to_jsonl(FOLDER / "ragas_testset.jsonl")
    testset.to_pandas().to_json(FOLDER / "ragas_testset_pandas.json", orient="records")
    with_ids = [
        SingleTurnSample(user_input=text, reference_contexts=contexts(ids), reference_context_ids=ids, reference=answer)
        for text, ids, answer in QUESTIONS.values()
    ]
    EvaluationDataset(with_ids).to_jsonl(FOLDER / "ragas_with_ids.jsonl")
    EvaluationDataset(with_ids).to_csv(FOLDER / "ragas_with_ids.csv")
    rows = [
        {"user_input": text, "retrieved_contexts": contexts(ids), "reference": answer}
        for text, ids, answer in QUESTIONS.values()
    ]
    old = convert_v2_to_v1_dataset(Dataset.from_list(rows))  # names the columns as before 0.2
    old.to_json(FOLDER / "ragas_old.jsonl", force_ascii=False)
    old.to_csv(FOLDER / "ragas_old.csv", index=False)


def deepeval() -> None:
    from deepeval.dataset import ConversationalGolden, EvaluationDataset, Golden

    goldens = [
        Golden(input=text, expected_output=answer, context=contexts(ids), source_file=FILES[ids[0]])
        for text, ids, answer in QUESTIONS.values()
    ]
    for kind in ("json", "csv", "jsonl"):
        EvaluationDataset(goldens=goldens).save_as(kind, str(FOLDER), "deepeval")
    dump("deepeval_camel.json", [golden.model_dump(by_alias=True, exclude_none=True) for golden in goldens])
    talk = ConversationalGolden(scenario="Somebody wants to know about tea.", expected_outcome="They know.")
    EvaluationDataset(goldens=[talk]).save_as("json", str(FOLDER), "deepeval_conversation")


def llama_index() -> None:
    from llama_index.core.llama_dataset import CreatedBy, CreatedByType, LabelledRagDataExample, LabelledRagDataset
    from llama_index.core.llama_dataset.legacy.embedding import EmbeddingQAFinetuneDataset

    person = CreatedBy(type=CreatedByType.HUMAN)
    examples = [
        LabelledRagDataExample(
            query=text,
            query_by=person,
            reference_contexts=contexts(ids),
            reference_answer=answer,
            reference_answer_by=person,
        )
        for text, ids, answer in QUESTIONS.values()
    ]
    LabelledRagDataset(examples=examples).save_json(str(FOLDER / "labelled_rag.json"))
    EmbeddingQAFinetuneDataset(
        queries={name: text for name, (text, _, _) in QUESTIONS.items()},
        corpus=DOCUMENTS,
        relevant_docs={name: ids for name, (_, ids, _) in QUESTIONS.items()},
    ).save_json(str(FOLDER / "embedding_qa.json"))


def langsmith() -> None:
    from langsmith.schemas import Example

    examples = [
        Example(
            id=UUID(int=number),
            dataset_id=UUID(int=99),
            inputs={"question": text},
            outputs={"answer": answer, "my_contexts": contexts(ids), "my_ids": ids},
            metadata={"dataset_split": ["train" if number < 3 else "test"], "source": FILES[ids[0]]},
            created_at=WHEN,
        )
        for number, (text, ids, answer) in enumerate(QUESTIONS.values(), 1)
    ]
    lines = [example.model_dump_json() for example in examples]
    (FOLDER / "langsmith.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def langfuse() -> None:
    from langfuse.api import DatasetItem, DatasetStatus

    def item(name: str, text: str, ids: list[str], answer: str, status: DatasetStatus) -> DatasetItem:
        return DatasetItem(
            id=name,
            status=status,
            input={"question": text},
            expected_output={"answer": answer, "contexts": contexts(ids)},
            metadata={"source": FILES[ids[0]]},
            source_trace_id=None,
            source_observation_id=None,
            dataset_id="d",
            dataset_name="tea and salt",
            created_at=WHEN,
            updated_at=WHEN,
            media_references=[],
        )

    items = [item(name, *question, DatasetStatus.ACTIVE) for name, question in QUESTIONS.items()]
    items.append(item("q5", "Where is sea salt won?", ["salt-0"], "in shallow ponds", DatasetStatus.ARCHIVED))
    rows = [json.loads(item.json(by_alias=True)) for item in items]
    dump("langfuse.json", {"data": rows, "meta": {"page": 1, "limit": 50, "totalItems": 5, "totalPages": 1}})


def datasets() -> None:
    from datasets import Dataset, Features, Sequence, Value

    pairs = [
        {"anchor": text, "positive": DOCUMENTS[name], "negative": DOCUMENTS["salt-0"]}
        for text, ids, _ in QUESTIONS.values()
        for name in ids
    ]
    Dataset.from_list(pairs).to_csv(FOLDER / "sentence_transformers.csv", index=False)
    Dataset.from_list(pairs).to_parquet(FOLDER / "sentence_transformers.parquet")
    features = Features(
        {
            **{name: Value("string") for name in ("id", "title", "context", "question")},
            "answers": Sequence({"text": Value("string"), "answer_start": Value("int32")}),
        }
    )
    flat = [
        {"id": name, "title": "Tea", "question": text, "context": DOCUMENTS[ids[-1]], "answers": span(ids[-1], answer)}
        for name, (text, ids, answer) in QUESTIONS.items()
        if answer in DOCUMENTS[ids[-1]]
    ]
    impossible = {**flat[0], "id": "q9", "question": "Who drinks it?", "answers": {"text": [], "answer_start": []}}
    Dataset.from_list([*flat, impossible], features=features).to_json(FOLDER / "squad_flat.jsonl", force_ascii=False)


def span(document: str, answer: str) -> dict[str, list]:
    return {"text": [answer], "answer_start": [DOCUMENTS[document].find(answer)]}


def phoenix() -> None:
    import pandas as pd
    from phoenix.client.__generated__ import v1

    spans, annotations = [], []
    for number, (text, ids, _) in enumerate(QUESTIONS.values(), 1):
        found = [*ids, "salt-0"]
        documents = {
            f"retrieval.documents.{place}.document.{part}": value
            for place, name in enumerate(found)
            for part, value in (("content", DOCUMENTS[name]), ("id", name), ("metadata", {"source": FILES[name]}))
        }
        name, times = f"{number:016x}", {"start_time": WHEN.isoformat(), "end_time": WHEN.isoformat()}
        spans.append(
            v1.Span(
                id=str(number),
                name="retrieve",
                context=v1.SpanContext(trace_id=f"{number:032x}", span_id=name),
                span_kind="RETRIEVER",
                status_code="OK",
                attributes={"openinference.span.kind": "RETRIEVER", "input.value": text, **documents},
                **times,
            )
        )
        for place, document in enumerate(found):
            good = document in ids
            annotations.append(
                v1.SpanDocumentAnnotationData(
                    name="relevance",
                    annotator_kind="HUMAN",
                    span_id=name,
                    document_position=place,
                    result=v1.AnnotationResult(label="relevant" if good else "irrelevant", score=float(good)),
                )
            )
    dump("phoenix_spans.json", v1.SpansResponseBody(data=spans, next_cursor=None))
    dump("phoenix_annotations.json", {"data": annotations})
    rows = [
        {
            "context.span_id": span["context"]["span_id"],
            "document_position": place,
            "context.trace_id": span["context"]["trace_id"],
            "input": span["attributes"]["input.value"],
            "document": DOCUMENTS[name],
            "document_score": 0.5,
            "document_metadata": {"source": FILES[name]},
        }
        for span, (_, ids, _) in zip(spans, QUESTIONS.values(), strict=True)
        for place, name in enumerate([*ids, "salt-0"])
    ]
    pd.DataFrame(rows).to_json(FOLDER / "phoenix_retrieved.json", orient="records", force_ascii=False)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for library in sys.argv[1:]:
        globals()[library]()
