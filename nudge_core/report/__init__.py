"""What fine-tuning did, for people: text, table, page, pictures, frame. All of them show one `Report`."""

from nudge_core.report.report import Report, Section

__all__ = ["Report", "Section"]
