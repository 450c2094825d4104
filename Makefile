PYTHON ?= python3

.PHONY: demo docs test

demo: .venv/installed
	.venv/bin/lenet demo -o demo

docs: .venv/installed-for-docs
	.venv/bin/sphinx-build --builder html --nitpicky --fail-on-warning --keep-going \
		docs docs/_build/html

test: .venv/installed-for-tests
	.venv/bin/pytest -n auto

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
