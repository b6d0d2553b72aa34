"""Matching of what labels say, texts, spans, sources, to stored documents. One rule a file."""

from nudge_integrations.labels.matching.found import Found, Thresholds
from nudge_integrations.labels.matching.match import Matched, match
from nudge_integrations.labels.matching.report import AnswerMatch, MatchReport

__all__ = ["AnswerMatch", "Found", "MatchReport", "Matched", "Thresholds", "match"]
