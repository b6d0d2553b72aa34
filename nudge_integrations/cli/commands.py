"""The commands, one function each."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from nudge_core import Auto, Contrastive, LinearMap, Nudge, NudgeM, NudgeN, finetune
from nudge_core.errors import InputError, NudgeError
from nudge_core.methods.base import Bounded, Method
from nudge_integrations.cli.job import Job
from nudge_integrations.cli.output import as_dict, err, say, show, show_json
from nudge_integrations.embeddings import BUNDLED, FILE, check_writable, embed, load_model
from nudge_integrations.labels import read_data

app = typer.Typer(
    name="nudge",
    help="Better retrieval from the vectors you already have: move documents toward the questions that they answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_DATA = "Folder in BEIR form (corpus.jsonl, queries.jsonl, qrels/), or hf:NAME on the Hugging Face hub."
_MEASURE = "Measure to report, several times for several: nDCG@10, R@10, CR@10, RR@10, AP@10, P@10, Success@1."
Data = Annotated[str, typer.Argument(help=_DATA, metavar="DATA")]
Vectors = Annotated[
    Path | None, typer.Option("--embeddings", help=f"The vectors; {FILE} beside the data if not given.")
]
Measures = Annotated[list[str] | None, typer.Option("--measure", "-m", help=_MEASURE)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")]
SkipEmpty = Annotated[bool, typer.Option("--skip-empty", help="Leave out questions without a relevant document.")]


class MethodName(str, Enum):
    """Methods by the names that the command line uses."""

    n = "nudge-n"
    m = "nudge-m"
    contrastive = "contrastive"
    linear_map = "linear-map"
    auto = "auto"
    auto_map = "auto-map"


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Errors of this project, and files that cannot be written, become one sentence and exit code 1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (NudgeError, OSError) as error:
            say(f"nudge: {error}", err, style="red")
            raise typer.Exit(1) from error

    return run


@app.command("embed")
@one_line_errors
def embed_command(
    data: Data,
    model: Annotated[str, typer.Option(help="Model of sentence-transformers: a name or a folder.")] = BUNDLED,
    output: Annotated[
        Path | None, typer.Option("--out", help=f"File to write; {FILE} beside the data if not given.")
    ] = None,
    query_prompt: Annotated[
        str | None, typer.Option(help="Text put before each question, if the model wants one.")
    ] = None,
    document_prompt: Annotated[str | None, typer.Option(help="Text put before each document.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts in a batch.")] = 32,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps.")] = None,
) -> None:
    """Embed the documents and questions of DATA.

    Example: nudge embed my-data --model BAAI/bge-small-en-v1.5
    """
    labelled = read_data(data)
    target = output or labelled.home / FILE
    if output is None:
        target.parent.mkdir(parents=True, exist_ok=True)
    check_writable(target)
    vectors = embed(
        labelled,
        load_model(model, device),
        model,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        batch_size=batch_size,
    )
    vectors.save(target)
    say(f"{len(vectors.documents):,} documents and {len(vectors.queries):,} questions embedded with {model}: {target}")


@app.command()
@one_line_errors
def tune(
    data: Data,
    method: Annotated[
        MethodName,
        typer.Option(
            help="How documents move. linear-map moves every document; auto is the best of none, nudge-n and contrastive, auto-map of these and "
            "linear-map, on questions held out."
        ),
    ] = MethodName.n,
    output: Annotated[
        Path | None, typer.Option("--out", help="File for the moved vectors, such as tuned.safetensors.")
    ] = None,
    gamma: Annotated[
        list[float] | None, typer.Option(help="γ to try, several times for several; one alone is used as it is.")
    ] = None,
    fine: Annotated[bool, typer.Option("--fine", help="Try a finer grid of γ than the paper (nudge-n).")] = False,
    validate: Annotated[
        str | None,
        typer.Option(
            help="Measure by which γ, or settings and steps, are chosen; Success@1 of NUDGE, nDCG@10 of the others."
        ),
    ] = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Solve once more on training and validation questions.")
    ] = False,
    embeddings: Vectors = None,
    measure: Measures = None,
    skip_empty: SkipEmpty = False,
    as_json: Json = False,
) -> None:
    """Fine-tune the document vectors of DATA on its training questions, and report on its test questions.

    Example: nudge tune my-data --method nudge-n --out tuned.safetensors
    """
    chosen = _method(method, gamma, fine, validate)
    job = Job.open(data, embeddings, measure, skip_empty)
    needed = isinstance(chosen, Bounded) and chosen.fixed_gamma is None
    tuned = finetune(job.vectors.corpus, *job.training(needed), method=chosen, refit=refit)
    comparison = job.compare(tuned) if job.has_test else None
    if output:
        tuned.save(output)
    if as_json:
        show_json(as_dict(data, tuned, comparison))
        return
    say(tuned)
    if comparison:
        show(comparison)
    else:
        say("No test questions (qrels/test.tsv), so there is nothing to report on.")
    if output:
        say(f"Moved vectors: {output}")


@app.command()
@one_line_errors
def evaluate(
    data: Data,
    tuned: Annotated[
        Path | None, typer.Option(help="File that `nudge tune --out` wrote; without it, the vectors as they are.")
    ] = None,
    embeddings: Vectors = None,
    measure: Measures = None,
    skip_empty: SkipEmpty = False,
    as_json: Json = False,
) -> None:
    """Evaluate moved vectors, or the original ones, on the test questions of DATA.

    Example: nudge evaluate my-data --tuned tuned.safetensors
    """
    job = Job.open(data, embeddings, measure, skip_empty)
    if tuned is None:
        evaluation = job.evaluate(None)
        (show_json(evaluation.to_dict()) if as_json else show(evaluation))
        return
    moved = Nudge.load(tuned, dim=job.vectors.corpus.dim)
    comparison = job.compare(moved)
    if as_json:
        show_json(as_dict(data, moved, comparison))
    else:
        say(moved)
        show(comparison)


@app.command()
@one_line_errors
def demo(
    model: Annotated[str, typer.Option(help="Model of sentence-transformers: a name or a folder.")] = BUNDLED,
    folder: Annotated[Path, typer.Option("--out", help="Folder for vectors, figures and the picture.")] = Path(
        "nudge-demo"
    ),
) -> None:
    """Fine-tune search over the documentation of this Python's standard library, with questions that ship with the package.

    Example: nudge demo
    """
    from nudge_integrations.demo import run_demo

    run_demo(model, folder)


def _method(name: MethodName, gamma: list[float] | None, fine: bool, validate: str | None) -> Method:
    if fine and (gamma or name is not MethodName.n):
        raise InputError("--fine is a grid of γ for nudge-n: leave out --gamma, or give all γ with --gamma")
    if gamma and name not in (MethodName.n, MethodName.m):
        raise InputError(
            f"--gamma bounds the moves of nudge-n and nudge-m; {name.value} chooses settings of its own: leave it out"
        )
    given: Any = None if not gamma else gamma[0] if len(gamma) == 1 else gamma
    by: Any = {} if validate is None else {"measure": validate}
    if name is MethodName.n:
        return NudgeN(("fine" if fine else "paper") if given is None else given, **by)
    if name is MethodName.m:
        return NudgeM("exact" if given is None else given, **by)
    if name is MethodName.contrastive:
        return Contrastive(**by)
    if name is MethodName.linear_map:
        return LinearMap(**by)
    return Auto(allow_map=name is MethodName.auto_map, **by)
