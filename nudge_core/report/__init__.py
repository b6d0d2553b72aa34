"""What fine-tuning did, for people: text, table, page, pictures, frame. All of them show one `Report`.

Importing it registers the reports of results, and their forms, with `nudge_core.display`.
"""

from nudge_core.report import content, page, trials  # noqa: F401  # they register themselves
from nudge_core.report.plots import plot_before_after, plot_curve, plot_map, plot_moves
from nudge_core.report.report import Report, Section

__all__ = ["Report", "Section", "plot_before_after", "plot_curve", "plot_map", "plot_moves"]
