"""Imported once, by the process from which the others are forked: what takes long. Nothing is opened."""

import warnings
from importlib import import_module

import torch

warnings.simplefilter(
    "ignore"
)  # of a package that is no longer maintained; of LanceDB, which starts its loop anew after a fork
torch.set_num_threads(1)
for name in ("chroma", "faiss", "lancedb", "milvus", "pgvector", "qdrant"):
    import_module(f"engines.{name}")
    import_module(f"nudge_integrations.stores.{name}")
import_module("psycopg")
import_module("llama_index.core")
import_module("nudge_integrations.stores.simple")
