# make demo   JupyterLab on examples/quickstart.ipynb   (on a server: make demo ARGS=--no-browser)
# make test   everything that must hold: ruff, mypy, tsc, biome, vitest, pytest with a real JupyterLab
# make test-all   the same with the long tests and every case of each, about an hour
# make test-oldest  unit tests with the oldest versions that pyproject.toml allows, on Python 3.11
# make fuzz   2,000 random models against an independent unroll, at most 40 minutes; before, every
#             trait of explorers is set 2,000 times in random order, at most 20 minutes
#             (make fuzz ARGS="--examples 100 --seed 7 --family cells")
# make soak   1,000 trainings with the engine at work in other threads, at most 30 minutes
# make soak-page   live training and a page that is used at random, at most 30 minutes
# make bench  tables against other ways to the same, some 40 minutes on a machine with nothing else to do
# make docs   the documentation site, in docs/_build/html: open index.html there, from disk
# make js     rebuild the browser half into the environment; reload the page afterwards
# make audit  known vulnerabilities of what users get, and whether two builds are the same bytes
# make release  build and check what a person then uploads; refuses what is not committed or not dated
# make lint   what of that takes no browser: ruff, mypy, lint-imports, tsc, biome
# make clean  remove all that was made, the environments too: the tree is as cloned
#
# Another Python: make PYTHON=python3.12 test

PYTHON ?= python3
# Looked up before the environment's own python comes first on PATH.
BASE_PYTHON := $(shell command -v $(PYTHON))
VENV := .venv
# A Python 3.11, which is the newest that all of the oldest versions run on.
OLDEST_PYTHON := $(if $(filter file,$(origin PYTHON)),$(shell command -v python3.11))
OLDEST_PYTHON := $(or $(OLDEST_PYTHON),$(BASE_PYTHON))
OLDEST := .venv-oldest
FRONT_ENDS := .venv-front-ends
# Whether the extension works in the oldest JupyterLab; all of tests/browser would take too long.
OLDEST_BROWSER := tests/browser/test_harness.py tests/browser/test_explorer_controls.py
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PIP_INSTALL := $(VENV)/bin/python -m pip install --quiet --editable
SHARE := $(VENV)/share/jupyter
JS_SOURCES := $(shell find js/src js/style js/scripts -type f) \
	js/package.json js/package-lock.json js/tsconfig.json js/install.json
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: demo docs test test-all fuzz soak soak-page bench test-oldest audit release lint lint-python lint-js js clean FORCE

demo: $(VENV)/.demo
	cd examples && jupyter lab --LabApp.default_url=/lab/tree/quickstart.ipynb $(AS_ROOT) $(ARGS)

test: lint $(FRONT_ENDS)/.installed
	cd js && npm --silent test
	$(VENV)/bin/python tests/browser/chromium.py
	$(VENV)/bin/python tests/browser/other_engines.py
	$(VENV)/bin/python -m pytest -n 2 $(CASES) tests/front_ends
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal $(CASES) $(ARGS)

test-all:
	$(MAKE) test CASES=--all-cases

test-oldest: export PATH := $(CURDIR)/$(OLDEST)/bin:$(PATH)
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python tests/browser/chromium.py
	$(OLDEST)/bin/python -m pytest tests/unit $(OLDEST_BROWSER) -n 2 --dist worksteal $(ARGS)

# Two processes, each with the time and half of the settings and of the models.
fuzz: $(VENV)/.built
	$(VENV)/bin/python -m tests.unit.explorer.random_settings --settings 2000 --minutes 20 --processes 2
	$(VENV)/bin/python -m tests.unit.engine.random_models --examples 2000 --minutes 40 --processes 2 $(ARGS)

soak: $(VENV)/.built
	$(VENV)/bin/python -m tests.unit.engine.stress_threads --processes 2 $(ARGS)

soak-page: $(VENV)/.built
	$(VENV)/bin/python tests/browser/chromium.py
	$(VENV)/bin/python -m tests.browser.soak $(ARGS)

bench: $(VENV)/.built
	$(VENV)/bin/python benchmarks/peers.py
	$(VENV)/bin/python tests/browser/chromium.py
	$(VENV)/bin/python benchmarks/browser.py

docs: $(VENV)/.built
	$(VENV)/bin/python -m sphinx -W --keep-going --quiet --jobs 4 --builder html docs docs/_build/html $(ARGS)

audit: $(VENV)/.release
	$(VENV)/bin/python scripts/audit.py

release: $(VENV)/.release
	$(VENV)/bin/python scripts/release.py

lint: lint-python lint-js

lint-python: $(VENV)/.built
	ruff check .
	ruff format --check .
	mypy --strict
	lint-imports --no-cache

lint-js: $(VENV)/.built
	cd js && npm --silent run typecheck
	cd js && npm --silent run lint

js: js/node_modules/.made
	cd js && npm --silent run build
	rm -rf $(SHARE)/labextensions/rnngrad-widgets $(SHARE)/nbextensions/rnngrad-widgets
	mkdir -p $(SHARE)/labextensions $(SHARE)/nbextensions
	cp -r rnngrad_widgets/labextension $(SHARE)/labextensions/rnngrad-widgets
	cp js/install.json $(SHARE)/labextensions/rnngrad-widgets/
	cp -r rnngrad_widgets/nbextension $(SHARE)/nbextensions/rnngrad-widgets
	touch $(VENV)/.built $(VENV)/.demo

clean:
	rm -rf $(VENV) $(OLDEST) $(FRONT_ENDS) js/node_modules js/lib js/*.tsbuildinfo dist build *.egg-info \
		docs/_build rnngrad_widgets/labextension rnngrad_widgets/nbextension tests/artifacts \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# Stamps: each stands for a state of the environment and is older than what it must be redone for.

# Looked at again only when a Python was asked for: the environment might hold another one.
$(VENV)/.python: $(if $(filter file,$(origin PYTHON)),,FORCE)
	@$(or $(BASE_PYTHON),$(error $(PYTHON) is not there: name a Python 3.10 to 3.13 with make PYTHON=...)) \
		scripts/make_venv.py $(VENV)
	@touch $@

FORCE:

# pip builds the browser half too, with a node of its own; an editable install copies the result,
# so it is installed again when the JavaScript sources change.
$(VENV)/.demo: pyproject.toml $(JS_SOURCES) | $(VENV)/.python
	@echo "installing into $(VENV): some minutes the first time, for TensorFlow and JupyterLab"
	$(PIP_INSTALL) ".[demo]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.python
	@echo "installing into $(VENV): some minutes the first time, for TensorFlow and JupyterLab"
	$(PIP_INSTALL) ".[dev]"
	@touch $@ $(VENV)/.built $(VENV)/.demo

# The package itself is there already.
$(VENV)/.release: pyproject.toml | $(VENV)/.built
	$(VENV)/bin/python -m pip install --quiet "rnngrad-widgets[release]"
	@touch $@

$(OLDEST)/.installed: pyproject.toml scripts/oldest_requirements.py $(JS_SOURCES)
	@$(or $(OLDEST_PYTHON),$(error $(PYTHON) is not there: name a Python 3.11 with make PYTHON=...)) \
		scripts/make_venv.py $(OLDEST) 3.11
	@echo "installing the oldest versions into $(OLDEST): some minutes, for TensorFlow and JupyterLab"
	$(OLDEST)/bin/python scripts/oldest_requirements.py > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --constraint $(OLDEST)/constraints.txt --editable ".[test]"
	@touch $@

js/node_modules/.made: js/package.json js/package-lock.json | $(VENV)/.dev
	cd js && npm --silent ci
	@touch $@

# Other front ends; the .pth file lets them see all that $(VENV) has.
$(FRONT_ENDS)/.installed: pyproject.toml | $(VENV)/.built
	$(BASE_PYTHON) -m venv $(FRONT_ENDS)
	$(VENV)/bin/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' > \
		`$(FRONT_ENDS)/bin/python -c 'import site; print(site.getsitepackages()[0])'`/venv.pth
	$(FRONT_ENDS)/bin/python -m pip install --quiet 'rnngrad-widgets[front-ends]'
	touch $@

$(VENV)/.built: $(JS_SOURCES) | js/node_modules/.made
	$(MAKE) js
