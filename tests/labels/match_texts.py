"""Made-up documents for tests of matching: sentences of made-up words, no two of which share a sentence."""

import random

from nudge_integrations.labels import Answer, LabelledQuestion, LabelledQuestions
from nudge_integrations.labels.matching import match

SYLLABLES = [
    "ba",
    "cor",
    "den",
    "fil",
    "gra",
    "hum",
    "jo",
    "kel",
    "lim",
    "mor",
    "nas",
    "pol",
    "qui",
    "ran",
    "sel",
    "tur",
    "ven",
    "wil",
    "zo",
]


def word(draw):
    return "".join(draw.choice(SYLLABLES) for _ in range(draw.randint(1, 4)))


def sentence(draw, words=12):
    return " ".join(word(draw) for _ in range(words)).capitalize() + "."


def document(seed, sentences=12):
    draw = random.Random(seed)
    return " ".join(sentence(draw) for _ in range(sentences))


def chunks(name, text, size):
    """Pieces of whole sentences of about that many characters: (id, text, start)."""
    pieces, start = [], 0
    while start < len(text):
        end = text.find(". ", start + size)
        end = len(text) if end < 0 else end + 1
        pieces.append((f"{name}/{len(pieces)}", text[start:end], start))
        start = end + 1
    return pieces


def ask(*answers, text="Which one?", **values):
    return LabelledQuestion(text, tuple(answers), **values)


def labels(*questions, **values):
    return LabelledQuestions(tuple(questions), "told", **values)


def found(stored, *answers, **options):
    """What one question with these answers is matched to: {id: rule}, and the whole result."""
    done = match(labels(ask(*answers)), stored, **options)
    return {each.chunk.id: each.rule for one in done.report.of("matched") for each in one.found}, done


def text(value, **values):
    return Answer(text=value, **values)
