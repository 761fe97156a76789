# Two commands set everything up:
#   make demo   a virtual environment, the package, and the verdict on a shipped capture
#   make test   what the tests need (Debian packages too, when root), and every test
# CI runs the same targets, then `make lint types docs captures`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := fixtures/lab/syn-dropped-by-server-host/client.pcap

DEBIAN := tshark tcpdump chromium nftables iptables iproute2 ethtool iputils-ping tmux mandoc zsh fish

.PHONY: .debian demo test lint types docs captures check lab golden bench clean

demo: $(BIN)/synsight
	$(BIN)/synsight analyze $(DEMO) -o report.html
	@echo "The same with a timeline: report.html"

$(BIN)/synsight: pyproject.toml $(wildcard capture/*.p* capture/*/*.p* analysis/*.py* analysis/*/*.p* reports/*.* reports/*/*.* cli/*.py cli/commands/*.py)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

$(VENV)/.test: pyproject.toml $(wildcard capture/_*.py capture/*.pxd capture/layers/*.pxd capture/_*.pyx analysis/_*.pyx analysis/loop/*.pxd)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

.debian:
	@missing=""; for name in $(DEBIAN); do dpkg -s $$name >/dev/null 2>&1 || missing="$$missing $$name"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "not root: please install$$missing"; exit 0; fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -qq && apt-get install -qq -y --no-install-recommends $$missing >/dev/null

test: .debian $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.test
	$(BIN)/ruff check .

# mypy cannot follow an editable install's import hook: a small tree of links shows it the packages.
types: $(VENV)/.test
	rm -rf .typing && mkdir -p .typing/synsight
	for file in cli/*.py cli/py.typed cli/commands; do ln -s "../../$$file" .typing/synsight/; done
	for part in capture analysis reports; do ln -s "../../$$part" .typing/synsight/$$part; done
	MYPYPATH=.typing $(BIN)/mypy -p synsight

docs: $(VENV)/.test $(VENV)/.docs
	$(BIN)/python -m docs.generate --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

$(VENV)/.docs: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

# The shipped captures, held to the expectations beside them.
captures: $(VENV)/.test
	$(BIN)/synsight check fixtures

check: test lint types docs captures

# Make the lab's captures again (root, network namespaces).
lab: .debian $(VENV)/.test
	$(BIN)/python -m tests.lab

# Accept the reports as they are now.
golden: $(VENV)/.test
	$(BIN)/python -m tests.reports.accept

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .typing build *.egg-info capture/_*.c capture/*.so analysis/_*.c analysis/*.so
