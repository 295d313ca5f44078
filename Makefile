# `make check` is what to run before each commit, in an environment with `pip install -e '.[test]'`.
.PHONY: check format lint rooms types types-all fast test

# Python files that were changed since the branch left main.
CHANGED = $(shell { git diff --name-only --diff-filter=d --merge-base main -- '*.py' 2>/dev/null; git ls-files -o --exclude-standard '*.py'; } | sort -u)

check: format lint rooms types fast

format:
	ruff format --check .

lint:
	ruff check .

rooms:
	lint-imports
	python docs/draw_rooms.py --check
	python docs/price_models.py --check

types:
	$(if $(CHANGED),pyright $(CHANGED),@echo "pyright: no Python file has changed")

types-all:
	pyright

# Without collecting the fuzz tests, which are all slow: importing Hypothesis takes a second.
fast:
	pytest -m "not slow" --ignore=chunk_assets_tests/fuzz

test:
	pytest
