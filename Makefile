PYTHON ?= python3

.PHONY: demo test

demo: .venv/installed
	.venv/bin/lenet demo -o demo

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
