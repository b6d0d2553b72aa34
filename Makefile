# make demo: a real job on your own Python's documentation.  make test: the test suite.  make test-kill: writes killed at every step.
# make mutants: faults put into the code, and which of them the tests notice.
# make notebooks: each notebook, run from top to bottom.  Each installs what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo pages test test-kill mutants notebooks lint package results clean

demo: $(VENV)/.demo
	HF_HUB_OFFLINE=1 $(BIN)/nudge demo

test: $(VENV)/.dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --ignore tests/kill
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/kill

# Every point at which a write is killed, and a thousand random times; `make test` kills at some of them. About an hour.
KILLS ?= 1000
test-kill: $(VENV)/.dev
	HF_HUB_OFFLINE=1 NUDGE_KILL_POINTS=all NUDGE_KILLS=$(KILLS) $(BIN)/python -m pytest tests/kill --timeout 1800

# 300 small faults, one at a time: which do the tests not notice? About an hour.
mutants: $(VENV)/.dev
	$(BIN)/python benchmarks/mutants.py --count 300

# Each notebook from its first cell to its last; `make test` looks at their outputs only.
notebooks: $(VENV)/.dev
	HF_HUB_OFFLINE=1 NUDGE_NOTEBOOKS=run $(BIN)/python -m pytest tests/test_notebooks.py --timeout 900

# The pages of real jobs in a browser: of the demo after `make demo`, of a labelled set where one is beside the project. Pictures: build/screenshots.
pages: $(VENV)/.dev
	$(BIN)/python -m pytest tests/report/test_real_pages.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The wheel, built from the sdist, in an empty environment without any extra.
package: $(VENV)/.dev
	rm -rf dist build/empty
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv build/empty
	build/empty/bin/pip install -q -c constraints.txt dist/*.whl
	cd build && empty/bin/python ../tests/without_extras.py

# The figures that the README quotes.
results: $(VENV)/.dev
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/stdlib.py build/stdlib
	$(BIN)/python benchmarks/stdlib.py --whole build/library
	HF_HUB_OFFLINE=1 $(BIN)/nudge embed build/library
	$(BIN)/python benchmarks/accuracy.py ../shared/data/*/ build/stdlib build/library
	$(BIN)/python benchmarks/accuracy.py --embedding TF-IDF ../shared/data/*/ build/stdlib build/library
	$(BIN)/python benchmarks/learning.py ../shared/data/*/ build/stdlib build/library
	$(BIN)/python benchmarks/ablation.py ../shared/data/covidqa ../shared/data/openbookqa
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/peers.py ../shared/data/covidqa ../shared/data/openbookqa build/stdlib build/library
	$(BIN)/python benchmarks/matching.py ../shared/data/squad ../shared/data/covidqa
	$(BIN)/python benchmarks/ray_corpus.py
	$(BIN)/python benchmarks/stores.py ../shared/data/nfcorpus ../shared/data/squad
	$(BIN)/nudge demo --out build/demo
	cp build/demo/figures.json benchmarks/results/demo.json
	cp build/demo/before-after.png benchmarks/results/demo.png
	$(BIN)/python benchmarks/readme.py
	HF_HUB_OFFLINE=1 $(BIN)/python notebooks/run.py

clean:
	rm -rf $(VENV) build dist nudge-demo

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV) (the first time takes a few minutes) …"
	$(BIN)/pip install -q -c constraints.txt -e '.[$*]'
	@touch $@
