"""What the commands take: arguments, options and what the shell completes for them. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from nudge_integrations.defaults import BUNDLED, FILE

MEASURES = ("nDCG@10", "R@10", "CR@10", "RR@10", "AP@10", "P@10", "Success@1")
"""Measures that the shell completes; any other cut is taken too."""

EPILOG = (
    "Exit codes: 0 done; 1 refused, as data, a file or an option cannot be used; 2 the command line is not understood; "
    "3 an error in nudge itself; 130 stopped from the keyboard."
)


class MethodName(str, Enum):
    """Methods by the names that the command line uses."""

    n = "nudge-n"
    m = "nudge-m"
    contrastive = "contrastive"
    linear_map = "linear-map"
    auto = "auto"
    auto_map = "auto-map"


def _one_of(*names: str) -> Callable[[str], list[str]]:
    """Completes to these names; to none where the shell itself completes names of files."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


def _file(text: str, *flags: str, metavar: str = "FILE") -> Any:
    """An option whose value is a path."""
    return typer.Option(*flags, help=text, autocompletion=_one_of(), metavar=metavar)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"nudge-integrations {version('nudge-integrations')}")
        raise typer.Exit


_DATA = "Folder in BEIR form (corpus.jsonl, queries.jsonl, qrels/), or hf:NAME on the Hugging Face hub."
_MEASURE = "Measure to report, several times for several: nDCG@10, R@10, CR@10, RR@10, AP@10, P@10, Success@1."

_FILE = f"{FILE} beside the data if not given."
_measures = _one_of(*MEASURES)
_TUNED = "File that `nudge tune --out` wrote"

Data = Annotated[str, typer.Argument(help=_DATA, metavar="DATA", autocompletion=_one_of())]
Vectors = Annotated[Path | None, _file(f"The vectors; {_FILE}", "--embeddings")]
Measures = Annotated[list[str] | None, typer.Option("--measure", "-m", help=_MEASURE, autocompletion=_measures)]
Measure = Annotated[
    str | None,
    typer.Option(
        help="Measure by which γ, or settings and steps, are chosen; Success@1 of NUDGE, nDCG@10 of the others.",
        autocompletion=_measures,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")]
SkipEmpty = Annotated[bool, typer.Option("--skip-empty", help="Leave out questions without a relevant document.")]
_models, _devices = _one_of(BUNDLED), _one_of("cpu", "cuda", "mps")
Model = Annotated[str, typer.Option(help="Model of sentence-transformers: a name or a folder.", autocompletion=_models)]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or mps.", autocompletion=_devices)]
VectorsOut = Annotated[Path | None, _file(f"File to write; {_FILE}", "--out")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
TunedOut = Annotated[Path | None, _file("File for the moved vectors, such as tuned.safetensors.", "--out")]
Tuned = Annotated[Path | None, _file(f"{_TUNED}; without it, the vectors as they are.")]
ToReport = Annotated[Path, _file(f"{_TUNED}.", "--tuned")]
PageOut = Annotated[Path, _file("The page to write.", "--out")]
DemoOut = Annotated[Path, _file("Folder for vectors, figures and the picture.", "--out", metavar="FOLDER")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)]
