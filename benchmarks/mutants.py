"""Do the tests notice a fault? Small faults are put into copies of the package one at a time, and the tests that run through the place are run.

    python benchmarks/mutants.py --count 300 --seed 0                   # writes benchmarks/results/mutants.json
    python benchmarks/mutants.py --count 10 nudge_core/apply            # only there

One run of the tests of these folders tells first which tests call which function, and how long they take; what a test starts in a process of
its own is not seen. Then each fault gets a process, forked from this one, which holds torch and its like already. The quickest tests come first,
up to the first that fails. To start pytest anew for each fault, as cosmic-ray does, would cost seconds of imports every time.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Which tests may notice a fault in a folder; of these those are run that call the function.
TESTS = {
    "nudge_core/methods": ["tests/selection", "tests/reference", "tests/core"],
    "nudge_core/selection": ["tests/selection", "tests/reference", "tests/core"],
    "nudge_core/apply": ["tests/apply", "tests/langchain"],
    "nudge_integrations/stores": ["tests/stores"],
}
HEAVY = (
    *("numpy", "torch", "scipy.stats", "pandas", "pyarrow", "hypothesis.extra.numpy", "safetensors.torch", "filelock"),
    *("tqdm.auto", "langchain_core.vectorstores", "pytest"),
)
PAIRS = [(ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn), (ast.Is, ast.IsNot)]
PAIRS += [(ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitOr, ast.BitAnd)]
SWAPS = dict(PAIRS) | {b: a for a, b in PAIRS} | {ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult}


def faulty(node):
    """(kind, node with the fault) for each fault that is put in at a node."""
    new = copy.deepcopy(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        new.ops[0] = SWAPS[type(node.ops[0])]()
        yield "comparison", new
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        new.op = SWAPS[type(node.op)]()
        yield "arithmetic", new
    elif isinstance(node, ast.BoolOp):
        new.op = SWAPS[type(node.op)]()
        yield "boolean", new
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield "not", new.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        new.value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield "constant", new
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield "return", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield "statement", ast.Pass()
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        new.test = ast.UnaryOp(ast.Not(), node.test)
        yield "condition", new


def inside(node, function=None):
    """(function, node) for all code in functions; no annotations, decorators, defaults, or texts with values in them."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = function or node
        children = node.body
    elif isinstance(node, ast.JoinedStr):
        return
    else:
        children = [child for child in ast.iter_child_nodes(node) if child is not getattr(node, "annotation", None)]
    if function is not None and node is not function:
        yield function, node
    for child in children:
        yield from inside(child, function)


def faults_of(path):
    """All faults that can be put into a file."""
    data = (ROOT / path).read_bytes()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for function, node in inside(ast.parse(data)):
        for kind, new in faulty(node):
            if kind == "condition":
                node, new = node.test, new.test
            begin, end = (
                starts[line - 1] + column
                for line, column in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
            )
            text = ast.unparse(ast.fix_missing_locations(new))
            after = text if isinstance(new, ast.stmt) else f"({text})"
            source = data[:begin] + after.encode() + data[end:]
            with contextlib.suppress(SyntaxError):
                compile(source, path, "exec")
                yield {
                    "file": path,
                    "line": node.lineno,
                    "function": function.name,
                    "kind": kind,
                    "before": data[begin:end].decode(),
                    "after": after,
                    "source": source,
                    "key": f"{path}:{min([function.lineno, *(one.lineno for one in function.decorator_list)])}",
                }


def draw(folders, count, seed):
    """Faults of all kinds in turn, each kind shuffled."""
    kinds = defaultdict(list)
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for fault in faults_of(str(path.relative_to(ROOT))):
                kinds[fault["kind"]].append(fault)
    rng = random.Random(seed)
    for faults in kinds.values():
        rng.shuffle(faults)
    total, drawn = sum(map(len, kinds.values())), []
    while len(drawn) < min(count, total):
        drawn += [kinds[kind].pop() for kind in sorted(kinds) if kinds[kind]]
    return drawn[:count], total


class Watch:
    """A plugin of pytest: how long each test takes, which functions it calls, and which test failed first."""

    def __init__(self, tree, trace):
        self.tree, self.trace, self.seconds, self.calls, self.failed = f"{tree}/", trace, {}, defaultdict(set), []

    def pytest_runtest_protocol(self, item):
        """Note from here on what is called."""
        called = self.calls[item.nodeid]

        def note(frame, event, _):
            if event == "call" and frame.f_code.co_filename.startswith(self.tree):
                called.add((frame.f_code.co_filename[len(self.tree) :], frame.f_code.co_firstlineno))

        if self.trace:
            threading.setprofile(note)
            sys.setprofile(note)

    def pytest_runtest_logreport(self, report):
        """Add up the time; after the last part of a test note nothing more."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)
        if report.when == "teardown":
            sys.setprofile(None)

    def as_dict(self):
        """As it is written."""
        calls = {name: sorted(f"{file}:{line}" for file, line in called) for name, called in self.calls.items()}
        return {"seconds": self.seconds, "calls": calls if self.trace else {}, "failed": self.failed}


def start(tree, tests, *, trace=False):
    """Run tests on a copy of the tree in a process of its own; its number, and the file in which it says what it found."""
    said = tree.parent / f"{tree.name}.json"
    said.unlink(missing_ok=True)
    child = os.fork()
    if child:
        return child, said
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(tree.parent / f"{tree.name}.log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True  # or a fault would outlive its file
    os.environ |= {"PYTHONPATH": str(tree), "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    status = 99
    try:
        import pytest

        watch = Watch(tree, trace)
        options = [
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
            *([] if trace else ["-x"]),
        ]
        status = int(pytest.main([*options, *tests], plugins=[watch]))
        said.write_text(json.dumps(watch.as_dict() | {"status": status}), encoding="utf-8")
    except BaseException:  # noqa: BLE001  # this process must never go on as if it were its parent
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(min(status, 99))


def end(child):
    """End a process and those that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def run_all(faults, trees, known, seconds):
    """Try every fault, as many at a time as there are trees."""
    waiting, running, done = list(reversed(faults)), {}, []
    while waiting or running:
        free = [tree for tree in trees if tree not in running]
        while waiting and free:
            fault, tree = waiting.pop(), free.pop()
            tests = sorted((s, name) for name, s in known["seconds"].items() if fault["key"] in known["calls"][name])
            chosen, spent = [], 0.0
            for took, name in tests:
                if spent + took < seconds:
                    chosen.append(name)
                    spent += took
            record = {key: fault[key] for key in ("file", "line", "function", "kind", "before", "after")}
            record |= {"tests": len(chosen), "left_out": len(tests) - len(chosen)}
            if not chosen:
                done.append(record | {"result": "no test", "by": None, "seconds": 0.0})
                continue
            (tree / fault["file"]).write_bytes(fault["source"])
            running[tree] = (*start(tree, chosen), time.monotonic(), 30 + 4 * spent, record, fault["file"])
        time.sleep(0.05)
        for tree, (child, said, since, limit, record, file) in list(running.items()):
            ended, _ = os.waitpid(child, os.WNOHANG)
            took = time.monotonic() - since
            if not ended and took < limit:
                continue
            end(child)
            if not ended:
                os.waitpid(child, 0)
            shutil.copy2(ROOT / file, tree / file)
            told = json.loads(said.read_text(encoding="utf-8")) if said.exists() else {"status": None, "failed": []}
            result = "survived" if told["status"] == 0 else "killed" if ended else "timeout"
            done.append(record | {"result": result, "by": next(iter(told["failed"]), None), "seconds": round(took, 1)})
            print(f"{len(done)}/{len(faults)} {result} {file}:{record['line']} {record['kind']}", flush=True)
            del running[tree]
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", default=list(TESTS))
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="most time of tests for one fault")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "mutants.json")
    given = parser.parse_args()
    folders = [folder.rstrip("/") for folder in given.folders]
    for name in HEAVY:
        importlib.import_module(name)
    faults, total = draw(folders, given.count, given.seed)
    tests = sorted({one for folder in folders for key in TESTS if folder.startswith(key) for one in TESTS[key]})
    with tempfile.TemporaryDirectory() as place:
        trees = [Path(place).resolve() / f"tree{i}" for i in range(given.jobs)]
        for tree in trees:
            for name in ("nudge_core", "nudge_integrations", "tests"):
                shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy2(ROOT / "pyproject.toml", tree)
        since = time.monotonic()
        child, said = start(trees[0], tests, trace=True)
        os.waitpid(child, 0)
        if not said.exists():
            sys.exit((trees[0].parent / "tree0.log").read_text(encoding="utf-8")[-4000:])
        known = json.loads(said.read_text(encoding="utf-8"))
        print(
            f"{len(known['seconds'])} tests without a fault: {time.monotonic() - since:.0f} s, status {known['status']}"
        )
        for name in known["failed"]:
            print(f"left out, as it fails without a fault: {name}")
            known["seconds"].pop(name, None)
        since = time.monotonic()
        done = run_all(faults, trees, known, given.seconds)
    counts = {name: sum(one["result"] == name for one in done) for name in ("killed", "timeout", "survived", "no test")}
    took = round(time.monotonic() - since)
    print(counts, f"{took} s")
    report = {"seed": given.seed, "folders": folders, "possible": total, "counts": counts, "seconds": took}
    done.sort(key=lambda one: (one["file"], one["line"], one["kind"], one["after"]))
    given.out.write_text(json.dumps(report | {"faults": done}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
