PYTHON ?= python3

.PHONY: demo test test-all

demo: .venv/installed
	.venv/bin/lenet demo -o demo

# A file's tests run in one process, so that what they train is trained once.
test: .venv/installed-for-tests
	.venv/bin/pytest -n auto --dist loadfile

# With what is marked slow: the wheel in an empty environment.
test-all: .venv/installed-for-tests
	.venv/bin/pytest -n auto --dist loadfile -m ""

.venv/installed: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable .
	touch $@

.venv/installed-for-tests: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable ".[test]"
	touch $@
