"""A corpus that the workers of a Ray cluster read: only the questions and what each worker found travel."""

from nudge_core.corpus.ray.corpus import RayCorpus

__all__ = ["RayCorpus"]
