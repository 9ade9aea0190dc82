# Two commands on a fresh machine with Python 3.11+ and make: `make figures` and `make test`.
# Both set up .venv first. PROFILE=smoke|laptop|gpu|paper scales a run; DATASET, SEED, JOBS likewise.

PYTHON  ?= python3
PROFILE ?= laptop
DATASET ?= auto
SEED    ?= 0
JOBS    ?= 1
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
# The systems of the first table, each compared with those before it; + puts them side by side.
PROBED  := rr-spectral record-features semantic-autoencoder semantic-rhythm diffecg-signal \
  $(addprefix diffecg-signal+,record-features semantic-rhythm semantic-rhythm+record-features)

.PHONY: figures notebooks test data env lab lint format bench results weights pairs exercises clean help

help: ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

figures: env ## execute every notebook; figures, numbers and pages land under build/
	$(BIN)/ecglab notebooks run --profile $(PROFILE) --dataset $(DATASET) --seed $(SEED) --jobs $(JOBS)

notebooks: figures ## the same; e.g. make notebooks PROFILE=gpu

test: env ## every test
	$(BIN)/python -m pytest $(PYTEST)

data: env ## fetch CinC 2017 and MIT-BIH from PhysioNet, verified (about 170 MB)
	$(BIN)/ecglab data fetch cinc2017 mitbih

env: $(READY) ## set up .venv

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "ecglab needs Python 3.11 to 3.13; say which with make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev]'
	touch $@

lab: env ## open the course in JupyterLab
	$(BIN)/jupyter lab notebooks

lint: env ## formatting, style, types, layers, notebook pairs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/ecglab notebooks sync --check
	$(BIN)/ecglab results --check

format: env ## put formatting and notebook pairs in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/ecglab notebooks sync

bench: env ## print timings of the code's slow parts; ratios are taken within one run
	$(BIN)/python -m bench

results: env ## the probe of CinC 2017, anew, into results/ and the README
	$(BIN)/ecglab probe --dataset cinc2017 --profile $(PROFILE) \
	  $(addprefix --method ,$(PROBED))
	$(BIN)/ecglab results

weights: env ## train the shipped weights anew, on CinC 2017 and more (hours on a CPU)
	$(BIN)/ecglab pretrain diffecg-signal --dataset cinc2017 --out ecglab/weights/diffecg-signal
	for m in spectrogram lorenz; do $(BIN)/ecglab pretrain diffecg-$$m --dataset cinc2017 --half \
	  --out ecglab/weights/diffecg-$$m || exit 1; done
	$(BIN)/ecglab pretrain semantic-autoencoder --dataset cinc2017+mitbih+ptbxl --half \
	  --steps 4800 --devices 2 \
	  --out ecglab/weights/semantic-autoencoder
	$(BIN)/ecglab pretrain semantic-autoencoder --dataset cinc2017+mitbih+ptbxl --half \
	  --steps 4800 --devices 2 --body cnn \
	  --out ecglab/weights/semantic-autoencoder-cnn
	$(BIN)/ecglab dacl train --dataset cinc2017 --rhythm --out ecglab/weights/dacl

pairs: env ## derive every .ipynb from its .py
	$(BIN)/ecglab notebooks sync

exercises: env ## the hand-out version of the course, under build/exercises
	$(BIN)/ecglab notebooks exercises

clean: ## remove what was built, but not the data
	rm -rf build .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
