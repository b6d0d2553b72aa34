"""The commands, one function each. What they work with is imported when they run, so that help and completion are quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nudge_integrations.cli import options as given
from nudge_integrations.cli.output import Commands, as_dict, one_line_errors, say, show, show_json
from nudge_integrations.defaults import BUNDLED, FILE

app = typer.Typer(
    name="nudge",
    cls=Commands,
    help="Better retrieval from the vectors you already have: move documents toward the questions that they answer.",
    epilog=given.EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(version: given.Version = False) -> None:
    """Options of `nudge` itself."""


@app.command("embed", epilog=given.EPILOG)
@one_line_errors
def embed_command(
    data: given.Data,
    model: given.Model = BUNDLED,
    output: given.VectorsOut = None,
    query_prompt: Annotated[
        str | None, typer.Option(help="Text put before each question, if the model wants one.")
    ] = None,
    document_prompt: Annotated[str | None, typer.Option(help="Text put before each document.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts in a batch.")] = 32,
    device: given.Device = None,
    force: given.Force = False,
) -> None:
    """Embed the documents and questions of DATA.

    Example: nudge embed my-data --model BAAI/bge-small-en-v1.5
    """
    from nudge_core.arguments import writable
    from nudge_integrations.cli.job import refuse_to_replace
    from nudge_integrations.embeddings import embed, load_model
    from nudge_integrations.labels import read_data

    labelled = read_data(data)
    target = output or labelled.home / FILE
    refuse_to_replace(target, force)
    if output is None:
        target.parent.mkdir(parents=True, exist_ok=True)
    writable(target, ".npz")
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


@app.command(epilog=given.EPILOG)
@one_line_errors
def tune(
    data: given.Data,
    method: Annotated[
        given.MethodName | None,
        typer.Option(
            help="How documents move. Without it auto: the best of none, nudge-n and contrastive on questions held out. auto-map tries "
            "linear-map too, which moves every document."
        ),
    ] = None,
    output: given.TunedOut = None,
    gamma: Annotated[
        list[float] | None, typer.Option(help="γ to try, several times for several; one alone is used as it is.")
    ] = None,
    fine: Annotated[bool, typer.Option("--fine", help="Try a finer grid of γ than the paper (nudge-n).")] = False,
    validate: given.Measure = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Solve once more on training and validation questions.")
    ] = False,
    embeddings: given.Vectors = None,
    measure: given.Measures = None,
    skip_empty: given.SkipEmpty = False,
    as_json: given.Json = False,
) -> None:
    """Fine-tune the document vectors of DATA on its training questions, and report on its test questions.

    Example: nudge tune my-data --method nudge-n --out tuned.safetensors
    """
    from nudge_core import finetune
    from nudge_core.arguments import writable
    from nudge_core.report import Report
    from nudge_integrations.cli.job import Job, method_of

    chosen = method_of(method, gamma, fine, validate)
    if output:
        writable(output, ".safetensors")
    job = Job.open(data, embeddings, measure, skip_empty)
    needed = not chosen.weighs_unseen and chosen.fixed_gamma is None
    tuned = finetune(job.vectors.corpus, *job.training(needed), method=chosen, refit=refit)
    if output:
        tuned.save(output)
    comparison = job.compare(tuned) if job.has_test else None
    if as_json:
        show_json(as_dict(data, tuned, comparison))
        return
    if comparison:
        show(Report(comparison, tuned, wider="nudge tune --method auto-map"))
    say(tuned)
    if not comparison:
        say("No test questions (qrels/test.tsv), so there is nothing to report on.")
    say(
        f"Moved vectors: {output}"
        if output
        else "Nothing is kept of these vectors: give --out tuned.safetensors to keep them."
    )


@app.command(epilog=given.EPILOG)
@one_line_errors
def evaluate(
    data: given.Data,
    tuned: given.Tuned = None,
    embeddings: given.Vectors = None,
    measure: given.Measures = None,
    skip_empty: given.SkipEmpty = False,
    as_json: given.Json = False,
) -> None:
    """Evaluate moved vectors, or the original ones, on the test questions of DATA.

    Example: nudge evaluate my-data --tuned tuned.safetensors
    """
    from nudge_core import Nudge
    from nudge_integrations.cli.job import Job

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


@app.command(epilog=given.EPILOG)
@one_line_errors
def report(
    data: given.Data,
    tuned: given.ToReport,
    output: given.PageOut = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    embeddings: given.Vectors = None,
    measure: given.Measures = None,
    skip_empty: given.SkipEmpty = False,
) -> None:
    """Write a page on moved vectors: figures, warnings, and every test question of DATA before and after, with texts. It opens without a network.

    Example: nudge report my-data --tuned tuned.safetensors --out report.html
    """
    from nudge_core import Nudge
    from nudge_core.arguments import writable
    from nudge_core.report import Report
    from nudge_integrations.cli.job import Job

    writable(output, ".html")
    job = Job.open(data, embeddings, measure, skip_empty)
    moved = Nudge.load(tuned, dim=job.vectors.corpus.dim)
    facts = {"data": data, **({"model": job.vectors.model} if job.vectors.model else {})}
    title = title or f"{job.data.name}, before and after fine-tuning"
    shown = Report(job.compare(moved), moved, title, facts=facts, wider="nudge tune --method auto-map")
    shown.to_html(output, texts=job.data.documents, questions=job.data.queries)
    say(shown.verdict)
    for warning in shown.warnings:
        say(warning, style="yellow")
    say(f"Report, to open in a browser: {output}")


@app.command(epilog=given.EPILOG)
@one_line_errors
def demo(model: given.Model = BUNDLED, folder: given.DemoOut = Path("nudge-demo")) -> None:
    """Fine-tune search over the documentation of this Python's standard library, with questions that ship with the package.

    Example: nudge demo
    """
    from nudge_integrations.cli.demo import run_demo

    run_demo(model, folder)
