"""Labelled questions as people have them: one reader a form, and what all readers share."""

from nudge_integrations.labels.dataset import LabelledData, read_hub
from nudge_integrations.labels.folder import read_beir
from nudge_integrations.labels.labelled import Answer, LabelledQuestion, LabelledQuestions, Questions
from nudge_integrations.labels.reading import read_labels
from nudge_integrations.labels.splitting import split

__all__ = [
    "Answer",
    "LabelledData",
    "LabelledQuestion",
    "LabelledQuestions",
    "Questions",
    "read_beir",
    "read_data",
    "read_hub",
    "read_labels",
    "split",
]


def read_data(data: str) -> LabelledData:
    """Read a folder in BEIR form, or `hf:NAME` from the Hugging Face hub."""
    return read_hub(data.removeprefix("hf:")) if data.startswith("hf:") else read_beir(data)
