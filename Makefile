PYTHON ?= python3

.PHONY: demo docs test test-all test-floors

demo: .venv/installed
	.venv/bin/lenet demo -o demo

docs: .venv/installed-for-docs
	.venv/bin/sphinx-build --builder html --nitpicky --fail-on-warning --keep-going \
		docs docs/_build/html

# A file's tests run in one process, so that what they train is trained once.
test: .venv/installed-for-tests tests/browser/node_modules
	.venv/bin/pytest -n auto --dist loadfile

# With what is marked slow: trainings, stacks of pages, the documentation's examples.
test-all: .venv/installed-for-tests tests/browser/node_modules
	.venv/bin/pytest -n auto --dist loadfile -m ""

# The suite under the lowest versions that pyproject.toml allows.
test-floors: .venv-floors/installed tests/browser/node_modules
	.venv-floors/bin/pytest -n auto --dist loadfile

.venv/installed: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable .
	touch $@

.venv/installed-for-tests: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable ".[test]"
	touch $@

.venv/installed-for-docs: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable ".[docs]"
	touch $@

# pip always takes the newest versions; uv can take the oldest, where none is
# installed yet.
.venv-floors/installed: pyproject.toml
	$(PYTHON) -m venv --clear .venv-floors
	.venv-floors/bin/pip install --quiet uv
	.venv-floors/bin/uv pip install --quiet --python .venv-floors/bin/python \
		--resolution lowest-direct --editable ".[test]"
	touch $@

# What checks the scripts of the pages. Without npm, or without Chromium, the tests that
# need them are skipped.
tests/browser/node_modules: tests/browser/package-lock.json
	! command -v npm || npm ci --prefix tests/browser --no-audit --no-fund --silent
	test ! -d $@ || touch $@
