# What people and CI call. Everything that is built or run stands in one of
# these; test/run.sh has the steps of `make test`.

VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X cairn/node.Version=$(VERSION)
PROTOS  := $(wildcard proto/*.proto)

.PHONY: run build test bench generate

run: build
	./bin/cairn dev

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/cairn ./cmd/cairn

test:
	./test/run.sh

bench: build
	./bench/run.sh

generate:
	protoc -I proto --go_out=proto --go_opt=paths=source_relative $(PROTOS)
