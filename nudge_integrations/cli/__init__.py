"""The command line: nudge embed, tune, evaluate, report, demo."""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `nudge`."""
    try:
        from nudge_integrations.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        from nudge_core.errors import MissingExtraError

        raise SystemExit(f"nudge: {MissingExtraError(error.name, 'cli', 'the command line')}") from error
    app()
