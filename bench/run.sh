#!/usr/bin/env bash
# The fixed set of `make bench`: S3 on six nodes in one process, then on six
# processes, each a fresh cluster on this disk. Writes bench/RESULTS.md. What is
# given as arguments goes to `cairn bench objects`.
set -euo pipefail
cd "$(dirname "$0")/.."

cairn=$PWD/bin/cairn
work=$(mktemp -d "${BENCH_DIR:-$PWD}/bench-XXXXXX")
pids=()
cleanup() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
	wait
	rm -rf "$work"
}
trap cleanup EXIT

one_process() {
	"$cairn" dev --dir "$work/dev" --s3 127.0.0.1:0 --admin 127.0.0.1:0 -- "$cairn" bench objects "$@"
}

# node NAME NUMBER COMMAND…: run a node in the background.
node() {
	local name=$1 i=$2
	shift 2
	"$cairn" "$@" --name "$name" --zone "${name:0:1}" --dir "$work/$name" --expect 6 \
		--listen "127.0.0.1:$((17400 + i))" --s3 "127.0.0.1:$((17500 + i))" --admin "127.0.0.1:$((17600 + i))" \
		--log-level warn >"$work/$name.out" 2>"$work/$name.log" &
	pids+=($!)
}

six_processes() {
	node a1 1 server --found
	until invitation=$("$cairn" --admin "$work/a1" node token 2>/dev/null); do sleep 0.2; done
	local i=1
	for name in a2 b1 b2 c1 c2; do
		i=$((i + 1))
		node "$name" "$i" join "$invitation"
	done
	until [ "$("$cairn" --admin "$work/a1" status --json | grep -c '"verdict": "healthy"')" = 1 ]; do sleep 0.5; done
	until grep -q ready "$work/a1.out"; do sleep 0.2; done
	"$cairn" --admin "$work/a1" bench objects "$@"
}

# limits: what this machine gives at the same time.
limits() {
	"$cairn" bench limits --dir "$work" | sed 's/^/    /'
	echo "    $(dd if=/dev/zero of="$work/limit" bs=1M count=512 conv=fdatasync 2>&1 | tail -1)  (512 MiB, one sync)"
	rm -f "$work/limit"
}

results=bench/RESULTS.md
{
	echo "# Measured"
	echo
	echo "Written by \`make bench\` on $(date -u +%F), commit $(git rev-parse --short HEAD)."
	echo "CPU is that of the servers alone. Times and rates are this machine's, which may be busy;"
	echo "CPU and counts are what to compare."
	echo
	echo "    $(uname -sr), $(nproc) CPUs ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)), $(free -h | awk '/^Mem/ {print $2}') memory, load $(cut -d' ' -f1-3 /proc/loadavg)"
	limits
	printf '\n## Six nodes in one process\n\n```\n'
	one_process "$@"
	printf '```\n\n## Six processes\n\n```\n'
	six_processes "$@"
	printf '```\n'
} >"$results.new"
mv "$results.new" "$results"
cat "$results"
