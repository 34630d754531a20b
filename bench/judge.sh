#!/usr/bin/env bash
# CIFAR-10 (the JPEG copy): sets of several methods, all of 10 images per class, under three protocols and three
# networks, with everything else equal, and paired tests of mgd3 against each. The whole takes days on two cores;
# JUDGE_EPOCHS, JUDGE_LIMIT, JUDGE_REPEAT, JUDGE_NETS and JUDGE_PROTOCOLS make it small. Started again, it goes on.
#
# usage: bench/judge.sh [OUT]      OUT defaults to out/judge; JUDGE_DM names DM's set, which bench/judge_dm.py makes, and
#                                  JUDGE_MTT that of trajectories, which bench/judge_mtt.py makes
set -euo pipefail
cd "$(dirname "$0")/.."
data=../shared/data/cifar10.zip
model=../shared/models/cifar10-tiny
out=${1:-out/judge}
ipc=${JUDGE_IPC:-10}
limit=${JUDGE_LIMIT:-0}
repeat=${JUDGE_REPEAT:-3}
epochs=${JUDGE_EPOCHS:-}
nets=${JUDGE_NETS:-convnet3,resnet10,resnetap10}

for need in "$data" "$model"; do
  [ -e "$need" ] || { echo "skipped: $need is not here"; exit 0; }
done

mkdir -p "$out"
go build -o "$out/mgd3" ./cmd/mgd3
made=(--data "$data" --split train --model "$model" --ipc "$ipc" --limit "$limit" --latents "$out/latents" --quiet)

sets=("mgd3=$out/mgd3-set")
"$out/mgd3" distill "${made[@]}" --out "$out/mgd3-set"
for method in random herding kcenter unguided nostop; do
  "$out/mgd3" baseline --method "$method" "${made[@]}" --out "$out/$method"
  sets+=("$method=$out/$method")
done
[ -z "${JUDGE_DM:-}" ] || sets+=("dm=$JUDGE_DM")
[ -z "${JUDGE_MTT:-}" ] || sets+=("mtt=$JUDGE_MTT")

for protocol in ${JUDGE_PROTOCOLS:-hard dsa mtt}; do
  echo "== $protocol"
  "$out/mgd3" evaluate --train "${sets[@]}" --test "$data" --test-split test --test-limit "$limit" \
    --protocol "$protocol" --net "$nets" --repeat "$repeat" ${epochs:+--epochs "$epochs"} \
    --out "$out/scores-$protocol"
done
