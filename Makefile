# `make help` lists the targets. CI runs the same ones (.ci/run).
.DEFAULT_GOAL := help
.PHONY: help build run test test-hermetic test-controllers test-vault servers lint format docs release check-licences

CARGO ?= cargo
ENVIRONMENT ?= sandbox
CARGO_DENY_VERSION ?= 0.20.2

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Compile the command (target/debug/holodeck-bootstrap).
	$(CARGO) build --locked

run: ## Make an environment in the sandbox: make run [ENVIRONMENT=staging].
	$(CARGO) run --locked -- up $(ENVIRONMENT) --sandbox --yes

test: ## Run every test. Needs Go, which builds the servers at the first run, and no network once crates and modules are there.
	servers=$$(hack/servers/install.sh) && KUBEBUILDER_ASSETS=$$servers $(CARGO) test --locked --workspace --features servers

test-hermetic: ## Run the tests that need no servers.
	$(CARGO) test --locked --workspace

test-controllers: ## Run Argo CD and cert-manager themselves on the platform. Builds them at the first run, beside the servers.
	servers=$$(hack/servers/install.sh controllers) && KUBEBUILDER_ASSETS=$$servers $(CARGO) test --locked --workspace --features controllers --test controllers

test-vault: ## Run Vault itself in the platform's pods. Builds it at the first run, beside the servers.
	servers=$$(hack/servers/install.sh vault) && KUBEBUILDER_ASSETS=$$servers $(CARGO) test --locked --workspace --features vault --test vault

servers: ## Build the servers that tests start, and print their folder.
	hack/servers/install.sh

lint: ## Check the format, then clippy with warnings as errors.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --features controllers,vault -- -D warnings

format: ## Format the sources.
	$(CARGO) fmt --all

docs: ## Write docs/environment.md anew from the schema.
	UPDATE_DOCS=1 $(CARGO) test --locked --workspace --features servers --test environment_reference

release: ## Compile the optimised command (target/release/holodeck-bootstrap).
	$(CARGO) build --locked --release

check-licences: ## Check licences, sources and advisories of all crates (installs cargo-deny, needs the network).
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny@$(CARGO_DENY_VERSION)
	$(CARGO) deny --all-features check
