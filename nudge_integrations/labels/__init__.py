"""Labelled questions as people have them: one reader a form."""

from nudge_integrations.labels.beir import read_beir
from nudge_integrations.labels.dataset import LabelledData
from nudge_integrations.labels.hub import read_hub
from nudge_integrations.labels.questions import Questions, read_questions

__all__ = ["LabelledData", "Questions", "read_beir", "read_data", "read_hub", "read_questions"]


def read_data(data: str) -> LabelledData:
    """Read a folder in BEIR form, or `hf:NAME` from the Hugging Face hub."""
    return read_hub(data.removeprefix("hf:")) if data.startswith("hf:") else read_beir(data)
