#!/bin/bash
# fuzz.sh runs every fuzz target of the tree for a stated number of executions, before a release.
# Seconds say nothing: under Go's default minimising some targets ran 5 inputs in 15 s where they run
# 27,645 without it. It fails if a target fails, or ends below its floor, or the table names one that is gone.
#
#	bench/fuzz.sh                 all targets
#	bench/fuzz.sh dataset weights those whose "package Target" holds one of the words
#	N=2000 bench/fuzz.sh          another default
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
N=${N:-20000}
OUT=$(mktemp -d) || exit 1
MEM=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 1 # the targets' folders: a disk would take most of the time
trap 'rm -rf "$OUT" "$MEM"' EXIT

# The exceptions: targets whose one execution compiles, computes or writes much. Package, target, floor.
slow="
./cpu FuzzGraphs 2000
./dataset FuzzCIFAR 5000
./dataset FuzzClassTars 5000
./dataset FuzzIDX 5000
./dataset FuzzLists 5000
./dataset FuzzParquet 5000
./dataset FuzzWebDataset 5000
./export FuzzNames 2000
./modes FuzzDiscover 5000
"

# targets prints "package target" of every fuzz target in the tree.
targets() {
	grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . |
		sed -E 's,^(.*)/[^/]*_test\.go:[0-9]+:func (Fuzz.*)$,\1 \2,' | sort
}

# floor prints how many executions target $2 of package $1 must reach.
floor() {
	awk -v p="$1" -v t="$2" -v n="$N" '$1 == p && $2 == t && $3 < n { n = $3 } END { print n }' <<<"$slow"
}

wanted() { # line words...: whether the line holds one of the words; without words, all are wanted
	local line=$1 word
	shift
	[ $# -eq 0 ] && return 0
	for word; do [[ $line == *"$word"* ]] && return 0; done
	return 1
}

failed=0
all=$(targets)
while read -r pkg target _; do
	[ -z "$pkg" ] || grep -qxF "$pkg $target" <<<"$all" || { echo "the table names $pkg $target, which is gone"; failed=1; }
done <<<"$slow"

printf '%-44s %10s %10s %8s  %s\n' target floor executions seconds findings
while read -r pkg target; do
	wanted "$pkg $target" "$@" || continue
	least=$(floor "$pkg" "$target")
	start=$SECONDS
	TMPDIR=$MEM GOTMPDIR=$OUT go test -run '^$' -fuzz "^$target\$" -fuzztime "${least}x" -fuzzminimizetime 1x -parallel 2 \
		-timeout 30m "$pkg" >"$OUT/log" 2>&1 </dev/null
	rc=$?
	# A corpus of more inputs than the floor ends the run while it is gone through: these count too.
	ran=$(sed -nE 's/.*(execs: |coverage: )([0-9]+).*/\2/p' "$OUT/log" | sort -n | tail -1)
	ran=${ran:-0}
	finding=none
	if [ $rc -ne 0 ]; then
		finding=FAILED
	elif [ "$ran" -lt "$least" ]; then
		finding="below its floor"
	fi
	printf '%-44s %10d %10d %8d  %s\n' "$pkg $target" "$least" "$ran" $((SECONDS - start)) "$finding"
	[ "$finding" = none ] || { failed=1; tail -n 40 "$OUT/log" | sed 's/^/    /'; }
done <<<"$all"
exit $failed
