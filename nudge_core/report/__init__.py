"""What fine-tuning did, for people: text, table, page, pictures, frame. All of them show one `Report`."""

from nudge_core.report.map import plot_map
from nudge_core.report.plots import plot_before_after, plot_curve, plot_moves
from nudge_core.report.report import Report, Section

__all__ = ["Report", "Section", "plot_before_after", "plot_curve", "plot_map", "plot_moves"]
