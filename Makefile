# make run     everything, in the foreground, on embedded servers; Ctrl-C stops it
# make test    all tests            make check   what CI checks besides
# make bench   measure              make faults  the long fault tests
# make format  tidy the code        make lock    newest versions into requirements/*.txt
# make clean   remove .venv and what the tools left; DATA_DIR stays

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

# Settings need these; nothing is connected to. The keys are examples.
CHECK_ENV := DATABASE_URL=postgres://check:check@127.0.0.1:1/check REDIS_URL=redis://127.0.0.1:1/0 \
	SECRET_KEY=check-check-check-check-check-check-check-check-0123456789 \
	FIELD_KEYS=dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtMDA= PUBLIC_BASE_URL=https://callsign.example TRUSTED_PROXY_COUNT=1

.PHONY: run test check bench faults format lock clean
.DEFAULT_GOAL := run

run: $(VENV)/base.stamp
	@exec $(BIN)/python -m config.run --with-parent

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

faults: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -o addopts= -qs --import-mode=importlib -p no:randomly --timeout 900 tests/faults $(ARGS)
	QUEUED=1000000 $(BIN)/python -m pytest -q -p no:randomly tests/messaging/test_long_queues.py
	WALK=full $(BIN)/python -m pytest -qs -p no:randomly --timeout 7200 tests/walk
	REQUESTS=10000 $(BIN)/python -m pytest -qs -p no:randomly tests/tenants/test_pooling.py
	SLOPPY=10000 $(BIN)/python -m pytest -qs -p no:randomly tests/messaging/test_sloppy_inputs.py
	RACES=200 $(BIN)/python -m pytest -qs -p no:randomly tests/browser/test_races.py

bench: $(VENV)/dev.stamp
	@exec $(BIN)/python -m bench $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(CHECK_ENV) $(BIN)/mypy .
	$(BIN)/lint-imports
	$(CHECK_ENV) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	$(BIN)/djlint templates --lint --quiet
	$(CHECK_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The extra words keep addresses of package indexes out of the files.
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock: $(VENV)/dev.stamp
	$(LOCK) --output-file requirements/base.txt requirements/base.in
	$(LOCK) --output-file requirements/dev.txt requirements/dev.in

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp holds what was installed, so that only a changed lock installs again.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.stamp: requirements/base.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/base.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
