# Mission Control. `make` lists what can be made.

GO      ?= go
BIN     := bin
LINT    := $(BIN)/golangci-lint
LINT_VERSION := v2.15.0
ROUNDS  ?= 1

.DEFAULT_GOAL := help
.PHONY: help run build test lint fmt bench soak golden

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | column -t -s '	'

run: build ## Run the server with everything that it needs
	@exec $(BIN)/missioncontrol serve

build: ## Build the program into bin/
	@test -x $(BIN)/missioncontrol || echo 'building bin/missioncontrol; the first time takes a minute'
	@$(GO) build -trimpath -o $(BIN)/missioncontrol ./cmd/missioncontrol

test: ## Run the whole suite with the race detector, on a real Postgres and NATS
	ROUNDS=$(ROUNDS) $(GO) test -race -shuffle=on -timeout 20m ./...

soak: ## Run the races and faults many times
	ROUNDS=20 $(GO) test -race -shuffle=on -timeout 3h -count=1 ./...

bench: ## Measure speed and memory, as ratios to a yardstick of the same run
	@$(GO) run ./cmd/bench
	@$(GO) test ./httpapi -run '^$$' -bench AgentAuthentication

lint: $(LINT) ## Check style, and that imports point one way
	$(LINT) run ./...

fmt: $(LINT) ## Format the code
	$(LINT) fmt ./...

golden: ## Rewrite what tests compare with
	UPDATE_GOLDEN=1 $(GO) test -count=1 ./... -run 'Golden'

$(LINT):
	GOBIN=$(CURDIR)/$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
