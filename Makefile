# make demo   from nothing to an answer: base install, sample clips, a table of answers
# make test   everything: training and development extras, linters, types, the test suite
# make docs   the documentation as pages in build/site, to be read from there
# make bundle the bundled model anew, from a folder or manifest of labelled clips (CLIPS=…)

PYTHON ?= python3
PIP = --quiet --disable-pip-version-check --constraint constraints.txt
CLIPS ?= ../shared/corpus/manifest.csv
LIMITS ?= Clips come from public repositories and packages; many are screen-sized GIF conversions. \
Results on other sources, long films, vertical phone video or heavy compression are not covered \
by the figures above.
DATA ?= 718 labelled clips of 321 sources, 2 to 12 s each

.PHONY: demo test programs docs bundle clean

demo: .venv/.base
	@.venv/bin/python scripts/make_samples.py --out samples
	@.venv/bin/clipkind classify samples
	@echo
	@echo "Next:  .venv/bin/clipkind classify YOUR_VIDEO_OR_FOLDER"
	@echo "       .venv/bin/clipkind classify --json FOLDER > answers.jsonl"
	@echo "       .venv/bin/clipkind --help"

test: .venv/.all programs
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest

programs:
	@for name in chromium ffmpeg; do \
		command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	test -z "$$missing" || { test "$$(id -u)" = 0 && apt-get -qq update && \
		apt-get -qq install --no-install-recommends $$missing >/dev/null; } || \
		echo "Not here:$$missing; the tests that need it will be skipped."

docs: .venv/.all
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet
	@echo "Open build/site/index.html"

bundle: .venv/.all
	.venv/bin/clipkind extract $(CLIPS) --backbone efficientnet_lite0_stages --out build/single.h5
	.venv/bin/python benchmarks/outliers.py --features build/single.h5
	.venv/bin/python scripts/make_bundle.py build/single.h5 --members linear \
		--answers benchmarks/results/out_of_fold.json \
		--data "$(DATA)" --limits "$(LIMITS)" --out src/clipkind/bundled/default

.venv/bin/python:
	@$(PYTHON) -m venv .venv

.venv/.base: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing clipkind into .venv …"
	@.venv/bin/pip install $(PIP) --editable '.[demo]'
	@touch $@

.venv/.all: .venv/bin/python pyproject.toml constraints.txt
	.venv/bin/pip install $(PIP) --editable '.[all]'
	@touch $@

clean:
	rm -rf .venv build samples .pytest_cache .mypy_cache .ruff_cache .hypothesis
