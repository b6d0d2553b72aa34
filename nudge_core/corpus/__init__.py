"""Where document vectors live: one file a kind."""

from nudge_core.corpus.base import Corpus
from nudge_core.corpus.memory import MemoryCorpus
from nudge_core.corpus.npy import NpyCorpus
from nudge_core.corpus.opening import open_corpus
from nudge_core.corpus.parquet import ParquetCorpus
from nudge_core.corpus.ray import RayCorpus

__all__ = ["Corpus", "MemoryCorpus", "NpyCorpus", "ParquetCorpus", "RayCorpus", "open_corpus"]
