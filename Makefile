# make demo      the main job on real calls, verified; needs nothing else first
# make run       the switch with config/softswitch.toml
# make test      style, types and all tests
# make bench     measurements, one JSON line each; soak, flood, fuzz and kills are longer
SHELL := /bin/bash
# A switch that is started a hundred times must not be compiled a hundred times.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONFIG ?= config/softswitch.toml
TEST_LIMIT ?= 1500
# Asterisk beside ours needs root, for its chroot.
PEER ?= $(if $(filter 0,$(shell id -u)),--peer asterisk)
SOAK_CALLS ?= 325
FLOOD_SECONDS ?= 600

.PHONY: venv packages demo run test bench soak flood fuzz kills lint format types docs lock clean

venv: $(STAMP)

# Packages with hashes first, then the checkout itself, which needs nothing more.
$(STAMP): requirements.lock pyproject.toml tools/make_venv.sh
	tools/make_venv.sh $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

packages:
	tools/system_packages.sh

demo: packages $(STAMP)
	$(BIN)/python -m tools.demo

run: $(STAMP)
	$(BIN)/softswitch user secrets --config $(CONFIG)
	$(BIN)/softswitch run --config $(CONFIG)

# The tests are last, so that their closing lines are.
test: packages lint types
	tools/run_tests.sh $(BIN)/python $(TEST_LIMIT)

bench: packages $(STAMP)
	$(BIN)/python -m benchmarks.matcher
	$(BIN)/python -m benchmarks.sip_parse
	$(BIN)/python -m benchmarks.store_writer
	$(BIN)/python -m benchmarks.recorder_writer
	$(BIN)/python -m benchmarks.media_relay
	$(BIN)/python -m benchmarks.srtp_relay
	$(BIN)/python -m benchmarks.mixing
	$(BIN)/python -m benchmarks.load --rate 50 --seconds 60
	$(BIN)/softswitch bench --engines $(PEER)

soak: packages $(STAMP)
	mkdir -p var
	$(BIN)/python -m benchmarks.soak --calls $(SOAK_CALLS) --out var/soak.jsonl

# Calls while the switch is flooded, and whether users can be found out by the time of answers.
flood: packages $(STAMP)
	$(BIN)/python -m benchmarks.guard
	$(BIN)/python -m benchmarks.enumeration
	$(BIN)/python -m benchmarks.flood --seconds $(FLOOD_SECONDS)

fuzz: packages $(STAMP)
	HYPOTHESIS_PROFILE=default MUTATIONS=1000 FUZZ_COUNT=100000 $(BIN)/python -m pytest -q tests -k "fuzz or mutat or forged"

# Everything killed a hundred times at random moments, under twenty recorded calls, and under fifty that go on.
kills: packages $(STAMP)
	KILLS=100 KILL_CALLS=50 $(BIN)/python -m pytest -q -s tests/interop/test_recording_crash.py \
	    tests/recorder/test_recording_kill.py tests/interop/test_calls_over_kill.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

types: $(STAMP)
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)
	$(BIN)/python -m softswitch.config.reference > docs/configuration.md.new
	mv docs/configuration.md.new docs/configuration.md
	$(BIN)/python -m softswitch.config.rights_page > docs/rights.md.new
	mv docs/rights.md.new docs/rights.md
	$(BIN)/python -m tools.report_definitions
	$(BIN)/python -m softswitch.store.newest

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--all-extras --quiet pyproject.toml -o requirements.lock

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
