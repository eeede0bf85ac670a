#!/usr/bin/env bash
# The steps of `make test`: install what the tests need, check the form of the
# code, run every test, prove that broken builds are caught, fuzz a little.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

install() {
	[ "$(id -u)" = 0 ] || { echo "not root: the client tests use what is on PATH"; return; }
	local want=()
	command -v aws >/dev/null || want+=(awscli)
	command -v s3cmd >/dev/null || want+=(s3cmd)
	command -v rclone >/dev/null || want+=(rclone)
	command -v restic >/dev/null || want+=(restic)
	command -v nbdinfo >/dev/null || want+=(libnbd-bin)
	command -v nbdsh >/dev/null || want+=(python3-libnbd)
	command -v qemu-img >/dev/null || want+=(qemu-utils)
	command -v fio >/dev/null || want+=(fio)
	[ ${#want[@]} = 0 ] && return
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends "${want[@]}" >/dev/null
}

form() {
	local bad
	bad=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
	[ -z "$bad" ] || { printf 'gofmt would change:\n%s\n' "$bad"; exit 1; }
	go vet ./...
}

# fuzz searches a while for input that breaks a decoder, with every fuzz test
# there is. It counts executions: a time limit that ends while the fuzzer minimises
# an input is reported as a failure of the test (go.dev/issue/75804).
fuzz() {
	local log
	log=$(mktemp)
	git grep -E -o '^func Fuzz[A-Za-z0-9]+' -- '*_test.go' | while IFS=: read -r file decl; do
		echo "$(dirname "$file") ${decl#func }"
		go test -run '^$' -fuzz "^${decl#func }\$" -fuzztime "${FUZZTIME:-10000x}" "./$(dirname "$file")" >"$log" 2>&1 ||
			{ cat "$log"; exit 1; }
	done
}

step "install"; install
step "form"; form
step "tests"; go test -timeout 14m ./...

step "broken on purpose"; go run ./test/sabotage

step "fuzz"; fuzz

echo
echo "all passed"
