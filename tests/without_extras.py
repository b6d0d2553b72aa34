"""Run by `make package` in an environment that holds the wheel and no extra: every module imports or names its extra."""

import importlib
import pkgutil
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import nudge_core
import nudge_integrations
from nudge_core import Nudge, NudgeM, NudgeN, QuerySet, evaluate, finetune, open_corpus
from nudge_core.errors import MissingExtraError, NudgeError

NEEDS_EXTRA = {
    "nudge_integrations.cli.",
    "nudge_integrations.demo",
    "nudge_integrations.langchain",
    "nudge_integrations.llama_index",
    "nudge_integrations.testing",
    *(
        f"nudge_integrations.stores.{name}"
        for name in ("_faiss_index", "_postgres", "faiss", "lancedb", "milvus", "pgvector", "qdrant")
    ),
}


def every_module_imports() -> None:
    for package in (nudge_core, nudge_integrations):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda name: None):
            if not any(module.name.startswith(prefix) for prefix in NEEDS_EXTRA):
                importlib.import_module(module.name)


def main_job_runs(folder: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 16)).astype("float32")
    train, validation = QuerySet(X[:60] + rng.normal(size=(60, 16)), [[i % 30] for i in range(60)]).split(0.7)
    for method in (NudgeN(), NudgeM()):
        tuned = finetune(X, train, validation, method=method)
        tuned.save(folder / "tuned.safetensors")
        assert Nudge.load(folder / "tuned.safetensors").gamma == tuned.gamma
        assert len(evaluate(X, validation, tuned=tuned, train=train)) == len(validation)
        assert tuned.to_html(folder / "report.html").stat().st_size > 10_000  # torch brings jinja2


def missing_extras_are_named(folder: Path) -> None:
    (folder / "docs.parquet").write_bytes(b"PAR1")
    queries = QuerySet(np.eye(4), [[i] for i in range(4)])
    before, after = (
        evaluate(np.eye(4), queries, ["RR@4"], tuned=t)
        for t in (None, finetune(np.eye(4), queries, method=NudgeN(0.1)))
    )
    after.values["RR@4"][0] -= 0.5
    from nudge_core.corpus.ray.cluster import import_ray
    from nudge_integrations.embeddings import load_model
    from nudge_integrations.labels import read_hub

    def wrap() -> None:
        from nudge_integrations.langchain import NudgeVectorStore

        assert NudgeVectorStore

    def index() -> None:
        from nudge_integrations.llama_index import nudge_index

        assert nudge_index

    attempts = {
        "[langchain]": wrap,
        "[llama-index]": index,
        "[files]": lambda: open_corpus(folder / "docs.parquet"),
        "[ray]": lambda: import_ray(),
        "[evaluation]": lambda: after.compare(before),
        "[models]": lambda: load_model("all-MiniLM-L6-v2"),
        "[report]": lambda: finetune(np.eye(4), queries, method=NudgeN(0.1)).to_frame(),
        "[hub]": lambda: read_hub("sepz/nfcorpus_ft"),
    }
    for extra, attempt in attempts.items():
        message = "nothing was raised"
        try:
            attempt()
        except MissingExtraError as error:
            message = str(error)
        assert f"pip install 'nudge-integrations{extra}'" in message, (extra, message)


def command_line_names_its_extra() -> None:
    command = Path(sys.executable).with_name("nudge")
    done = subprocess.run([command, "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done
    assert "pip install 'nudge-integrations[cli]'" in done.stderr, done


if __name__ == "__main__":
    assert "site-packages" in nudge_core.__file__, f"not the installed wheel: {nudge_core.__file__}"
    assert issubclass(MissingExtraError, NudgeError)
    folder = Path(tempfile.mkdtemp())
    try:
        every_module_imports()
        main_job_runs(folder)
        missing_extras_are_named(folder)
        command_line_names_its_extra()
    finally:
        shutil.rmtree(folder)
    print("the wheel works without extras")
