"""LlamaIndex on real vector stores: `import llama_engines` gives one class a store. Nothing is downloaded."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stores")]


@pytest.fixture(autouse=True)
def quick(closed_form: None) -> None:
    """These tests are about stores, whatever the method."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Journals are kept here."""
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def make(sample, tmp_path):
    """An index of the shared sample: make(engine, seed=…, …)."""
    from llama_worlds import World

    return lambda engine, **options: World(sample(**options), engine, tmp_path / "store")


@pytest.fixture
def world(make):
    """Sixty nodes in a SimpleVectorStore."""
    from llama_engines import SimpleEngine

    return make(SimpleEngine())
