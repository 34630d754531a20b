#!/usr/bin/env bash
# Runs all fuzz targets of the tree, each for a stated number of executions, and fails where one finds something or stays below
# its floor. For releases; ordinary tests run the seeds alone.
#
#   bench/fuzz.sh              all targets
#   bench/fuzz.sh FuzzMat      those whose names hold a word
#   SCALE=10 bench/fuzz.sh     ten times as many executions
#
# Go spends up to a minute on making an input smaller that it finds interesting; of slow targets that takes all the time there is. So
# this asks for one attempt (-fuzzminimizetime=1x), and for executions, not seconds.
set -uo pipefail
cd "$(dirname "$0")/.."

# Executions of those that take a millisecond or more each: a network, a file system, a zip. All others take the default.
default=20000
declare -A floor=(
  [FuzzGraphs]=300 [FuzzNames]=300 [FuzzInfer]=2000 [FuzzManifest]=3000 [FuzzClaims]=3000 [FuzzReadModes]=3000 [FuzzJournal]=3000
  [FuzzDecode]=10000 [FuzzLists]=3000 [FuzzCIFAR]=3000 [FuzzIDX]=3000 [FuzzClassTars]=3000 [FuzzWebDataset]=3000 [FuzzParquet]=3000
  [FuzzScanTar]=5000 [FuzzScanZip]=5000 [FuzzDiscover]=3000 [FuzzPyTorch]=5000 [FuzzIndex]=5000
)

scale=${SCALE:-1} word=${1:-} bad=0
list=$(git ls-files '*_test.go' | xargs grep -H '^func Fuzz' | sed -E 's|^([^:]*)/[^/:]*:func (Fuzz[A-Za-z0-9_]*)\(.*|\1 \2|')
for name in "${!floor[@]}"; do
  grep -q " $name\$" <<< "$list" || { echo "the table names $name, which is no target"; bad=1; }
done
printf '%-28s %-26s %10s %10s %8s  %s\n' package target wanted done seconds result
while read -r dir name; do
  [[ $name == *$word* ]] || continue
  want=$(( ${floor[$name]:-$default} * scale ))
  start=$(date +%s)
  out=$(go test "./$dir" -run '^$' -fuzz "^$name\$" -fuzztime "${want}x" -fuzzminimizetime 1x -timeout 30m 2>&1)
  code=$?
  seconds=$(( $(date +%s) - start ))
  runs=$(grep -oE 'execs: [0-9]+' <<< "$out" | tail -1 | grep -oE '[0-9]+'); runs=${runs:-0}
  result=ok
  if [ $code -ne 0 ]; then
    result="FAILED"; bad=1
  elif [ "$runs" -lt "$want" ]; then
    result="too few"; bad=1
  fi
  printf '%-28s %-26s %10d %10d %8d  %s\n' "$dir" "$name" "$want" "$runs" "$seconds" "$result"
  [ $code -eq 0 ] || grep -vE '^fuzz: (elapsed|minimizing)' <<< "$out" | tail -20
done <<< "$list"
exit $bad
