#!/usr/bin/env bash
# Measures mgd3 beside PyTorch and ONNX Runtime: each load with each program in turn, several rounds, one
# process per measurement. Prints the medians and how many times as fast mgd3 is as the faster other one.
#
# usage: bench/compare.sh [LOAD ...]           all loads without any; see mgd3 bench --help
#
#   ROUNDS=3      how often each is measured        REPEAT=3   runs per measurement, the median counts
#   THREADS=2     of each program                   BACKEND=cpu
#   OUT=out/compare   results and the programs; lines are added to those of earlier calls
#   PEERS=../shared/bench   folder of peer_torch.py and peer_ort.mjs
#   PYTHON=python3    one that has PyTorch: apt-get install --no-install-recommends python3-torch
#                     python3-torchvision python3-sklearn libopenblas0-pthread
#   ORT=$OUT/ort      folder with ONNX Runtime: (cd $ORT && npm install onnxruntime-node@1.30.0 --ignore-scripts)
#   ONNX=$OUT/onnx    the networks as files; made by peer_torch.py --export where missing
#
# A program that is not there is left out, and the script says so.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-3} repeat=${REPEAT:-3} threads=${THREADS:-2} backend=${BACKEND:-cpu}
peers=${PEERS:-../shared/bench} python=${PYTHON:-python3} out=${OUT:-out/compare}
mkdir -p "$out"
out=$(cd "$out" && pwd)
ort=${ORT:-$out/ort} onnx=${ONNX:-$out/onnx}

go build -o "$out/mgd3" ./cmd/mgd3
loads=("$@")
[ $# -gt 0 ] || mapfile -t loads < <("$out/mgd3" bench --names)

torch=yes
if ! [ -e "$peers/peer_torch.py" ] || ! "$python" -c 'import torch, torchvision, sklearn' 2>"$out/torch.log"; then
  echo "without PyTorch: $python lacks torch, torchvision or sklearn, or $peers/peer_torch.py is not there" >&2
  torch=
fi
onnxruntime=yes
if ! [ -e "$peers/peer_ort.mjs" ] || ! [ -d "$ort/node_modules/onnxruntime-node" ]; then
  echo "without ONNX Runtime: $ort has none (npm install onnxruntime-node@1.30.0 --ignore-scripts), or $peers/peer_ort.mjs is not there" >&2
  onnxruntime=
elif ! [ -e "$onnx/vae_decode_256_b1.onnx" ]; then
  [ "$torch" ] && "$python" "$peers/peer_torch.py" --export "$onnx" 2>>"$out/torch.log" ||
    { echo "without ONNX Runtime: $onnx has no networks, and PyTorch cannot make them" >&2; onnxruntime=; }
fi

# add FILE COMMAND...: runs the command and adds its line to the file, with the process's peak of memory.
add() {
  local file=$1 line
  shift
  if [ -x /usr/bin/time ]; then
    line=$(/usr/bin/time -o "$out/memory" -f %M "$@" 2>>"$out/errors.log")
    line="${line%\}}, \"peak_mib\": $(awk 'END { printf "%.1f", $1 / 1024 }' "$out/memory")}"
  else
    line=$("$@" 2>>"$out/errors.log")
  fi
  echo "$line" >>"$file"
}

for round in $(seq "$rounds"); do
  for load in "${loads[@]}"; do
    echo "round $round of $rounds: $load" >&2
    "$out/mgd3" bench "$load" --backend "$backend" --threads "$threads" --repeat "$repeat" >>"$out/ours.json"
    if [ "$torch" ]; then
      add "$out/torch.json" "$python" "$peers/peer_torch.py" --threads "$threads" --repeat "$repeat" "$load"
    fi
    if [ "$onnxruntime" ] && grep -q "'$load'" "$peers/peer_ort.mjs"; then
      sed "/^  \['/{/'$load'/!d}" "$peers/peer_ort.mjs" >"$ort/one.mjs" # this load alone
      add "$out/ort.json" node "$ort/one.mjs" "$onnx" "$threads" "$repeat"
    fi
  done
done

against=()
for file in "$out/torch.json" "$out/ort.json"; do
  [ -e "$file" ] && against+=(--against "$file")
done
"$out/mgd3" bench --from "$out/ours.json" "${against[@]}"
