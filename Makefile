# Everything that can be done here. `make` alone lists it.
PYTHON ?= python3
STAGE ?= prod
# PORT, DATA, TEST_CLOCK and DYNAMODB_ENDPOINT reach the programs as environment variables; their defaults stand there.

APP = .venv/bin/python

.PHONY: help run reset token package test check format bench demo demo-campaign audit replay redrive simulate lock clean env-run env-test env-package

help:
	@echo "make run       the whole app on this machine (PORT=4566 DATA=.local TEST_CLOCK=on DYNAMODB_ENDPOINT=…)"
	@echo "make token     a token: make -s token ROLE=owner|checkout|support|marketer|finance|shopper [CUSTOMER=id]"
	@echo "make reset     empties what the app stored"
	@echo "make demo      a story told over HTTP to a running app"
	@echo "make demo-campaign  a campaign for 5,000 made-up customers, from the segment to what it earned"
	@echo "make audit     replays the ledgers of a running app against its wallets"
	@echo "make replay    tells the bus again of entries: make replay CUSTOMER=id CURRENCY=EUR FROM=1 TO=20"
	@echo "make redrive   moves dead letters back: make redrive QUEUE=order-events|refund-events|customer-events|settle|release|notices [DRY_RUN=1]"
	@echo "make test      all tests; make test TIERS=\"unit engine\" some of them"
	@echo "make simulate  random histories under faults: make simulate SEEDS=5000 STEPS=200, or one of them: SEED=12345"
	@echo "make check     format, lint, types, import contracts, templates"
	@echo "make format    puts the code into the house's format"
	@echo "make bench     what the operations cost"
	@echo "make package   out/STAGE: template and code (STAGE=prod|dev|local)"
	@echo "make lock      pins the newest versions of all libraries"
	@echo "make clean     takes away all that was made here, but not the data"

run: env-run
	@$(APP) -m dev.stack

reset: env-run
	@$(APP) -m dev.stack reset

token: env-run
	@$(APP) -m dev.tokens "$(ROLE)" "$(CUSTOMER)"

package: env-package
	@$(APP) -m dev.package $(STAGE)

test: env-test
	@$(APP) -m dev.test $(TIERS)

check: env-test
	@$(APP) -m dev.check

format: env-test
	@$(APP) -m ruff check --fix-only --quiet .
	@$(APP) -m ruff format .

bench: env-test
	@$(APP) -m bench

demo: env-run
	@$(APP) -m dev.demo

demo-campaign: env-test
	@$(APP) -m dev.demo_campaign

audit: env-run
	@$(APP) -m dev.audit

replay: env-run
	@$(APP) -m dev.replay "$(CUSTOMER)" "$(CURRENCY)" "$(FROM)" "$(TO)"

redrive: env-run
	@$(APP) -m dev.redrive "$(QUEUE)" $(if $(DRY_RUN),--dry-run)

simulate: env-test
	@$(APP) -m tests.simulation

lock: env-test
	@$(APP) -m dev.lock

clean:
	rm -rf .venv .venv-aws out .chalice/deployments .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

env-run env-test env-package: env-%:
	@$(PYTHON) -m dev.environments $*
