"""The page: one HTML file that holds its data, style and script, and asks nothing of a network."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np

from nudge_core.arguments import writable
from nudge_core.data.storage import replacing
from nudge_core.display import write_page
from nudge_core.errors import MissingExtraError
from nudge_core.report.content import as_script, clean, content
from nudge_core.report.report import Report, direction, hidden_sentence, main_line, versions
from nudge_core.report.trials import settings

SCRIPTS = ("elements.js", "charts.js", "listing.js", "questions.js", "documents.js", "main.js")


@write_page.register
def _write(report: Report, path: str | Path) -> Path:
    """Write the page of a report; see `Reported.to_html`."""
    target = writable(path, ".html")
    text = page(report)
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return target


def page(report: Report) -> str:
    """The page as text."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtraError("jinja2", "report", "a report as HTML") from error
    loader = PackageLoader("nudge_core.report", "assets")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {
        "text": clean,
        "foreign": lambda value: Markup('<bdi class="foreign">{}</bdi>').format(clean(value)),
        "score": lambda value: f"{100 * value:.1f}",
        "change": lambda value: f"{100 * value:+.1f}".replace("-", "−"),
    }

    def source(name: str) -> str:
        return loader.get_source(pages, name)[0].replace("\r\n", "\n")

    script = "\n".join(['"use strict";', *map(source, SCRIPTS)])
    style = source("style.css")
    return pages.get_template("page.html").render(
        report=report,
        lines=_lines(report),
        tiles=_tiles(report),
        hidden=None if report.hidden is None else hidden_sentence(report.hidden),
        spread=_spread(report),
        facts=_facts(report),
        stages=report.stages,
        data=Markup(as_script(content(report))),  # noqa: S704  # escaped for a script element
        script=Markup(script),  # noqa: S704  # our own
        style=Markup(style),  # noqa: S704  # our own
        policy=f"default-src 'none'; img-src data:; script-src '{_hash(script)}'; style-src '{_hash(style)}'",
    )


def _hash(text: str) -> str:
    """What the page's policy allows: this script and no other."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _lines(report: Report) -> list[dict[str, Any]]:
    """The lines of the comparison that have questions, with what they say."""
    if report.comparison is None:
        return []
    lines = [line for line in report.comparison.lines if len(line.before)]
    apart = {line.subset for line in lines} == {"all", "seen", "unseen"}
    return [{**line.to_dict(), "direction": direction(line)} for line in lines if apart or line.subset == "all"]


def _tiles(report: Report) -> list[dict[str, Any]]:
    """The first measure on each subset."""
    if report.comparison is None:
        return []
    found = [(name, main_line(report.comparison, name)) for name in ("all", "seen", "unseen")]
    tiles = [{**line.to_dict(), "direction": direction(line)} for _, line in found if line is not None]
    return tiles if len(tiles) > 2 else tiles[:1]


def _spread(report: Report) -> str:
    """How far documents went, in a sentence."""
    angles = None if report.tuned is None else report.tuned.angles
    if angles is None or not len(angles):
        return ""
    least, half, most = (float(np.quantile(angles, share)) for share in (0.05, 0.5, 1))
    if most - least < 0.01 * most:
        return f"Nearly all were turned by {most:.1f}°, as far as the bound allows."
    return f"Half of them were turned by {half:.1f}° or more, the furthest by {most:.1f}°."


def _facts(report: Report) -> dict[str, str]:
    """How it was made: name and value."""
    tuned = report.tuned
    facts: dict[str, str] = {}
    if tuned is not None:
        facts |= {
            "method": tuned.method,
            "setting": settings(tuned),
            "documents": f"{tuned.docs:,}",
            "moved": f"{len(tuned):,}, at most {tuned.angle:.1f}°",
            "dimension": str(tuned.dim),
            "search by": tuned.metric,
            **({"learned from": "training and validation questions"} if tuned.refit else {}),
        }
    return {**facts, **report.facts, **{f"version of {name}": number for name, number in versions().items()}}
