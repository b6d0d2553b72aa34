"""What the commands take: arguments, options and what the shell completes for them. Nothing heavy is imported here."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

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


def _files() -> list[str]:
    return []  # the shell itself completes names of files


def _measures(incomplete: str) -> list[str]:
    return [name for name in MEASURES if name.startswith(incomplete)]


def _devices(incomplete: str) -> list[str]:
    return [name for name in ("cpu", "cuda", "mps") if name.startswith(incomplete)]


def _models(incomplete: str) -> list[str]:
    return [BUNDLED] if BUNDLED.startswith(incomplete) else []


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"nudge-integrations {version('nudge-integrations')}")
        raise typer.Exit


_DATA = "Folder in BEIR form (corpus.jsonl, queries.jsonl, qrels/), or hf:NAME on the Hugging Face hub."
_MEASURE = "Measure to report, several times for several: nDCG@10, R@10, CR@10, RR@10, AP@10, P@10, Success@1."

Data = Annotated[str, typer.Argument(help=_DATA, metavar="DATA", autocompletion=_files)]
Vectors = Annotated[
    Path | None,
    typer.Option(
        "--embeddings", help=f"The vectors; {FILE} beside the data if not given.", autocompletion=_files, metavar="FILE"
    ),
]
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
Model = Annotated[str, typer.Option(help="Model of sentence-transformers: a name or a folder.", autocompletion=_models)]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or mps.", autocompletion=_devices)]
VectorsOut = Annotated[
    Path | None,
    typer.Option(
        "--out", help=f"File to write; {FILE} beside the data if not given.", autocompletion=_files, metavar="FILE"
    ),
]
TunedOut = Annotated[
    Path | None,
    typer.Option(
        "--out", help="File for the moved vectors, such as tuned.safetensors.", autocompletion=_files, metavar="FILE"
    ),
]
Tuned = Annotated[
    Path | None,
    typer.Option(
        help="File that `nudge tune --out` wrote; without it, the vectors as they are.",
        autocompletion=_files,
        metavar="FILE",
    ),
]
ToReport = Annotated[
    Path, typer.Option("--tuned", help="File that `nudge tune --out` wrote.", autocompletion=_files, metavar="FILE")
]
PageOut = Annotated[Path, typer.Option("--out", help="The page to write.", autocompletion=_files, metavar="FILE")]
DemoOut = Annotated[
    Path,
    typer.Option("--out", help="Folder for vectors, figures and the picture.", autocompletion=_files, metavar="FOLDER"),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)]
