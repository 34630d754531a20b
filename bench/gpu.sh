#!/usr/bin/env bash
# First contact with a GPU, ten minutes: what is there, whether every network agrees with the processor, how fast sampling is beside
# PyTorch on the same card, whether a run survives shards and an interruption. With random weights; no file is needed.
#
# IT HAS NOT BEEN RUN ON A GPU. It was rehearsed with xla:cpu in the card's place: docs/gpu.md has what came of it.
#
# On a bare machine, without Go and without network:
#
#   here    bench/gpu.sh pack [FILE]           the program, this script and gpu_torch.py; mgd3-gpu.tar.xz
#   there   tar xf mgd3-gpu.tar.xz && MGD3=mgd3-gpu/mgd3 mgd3-gpu/gpu.sh
#
# usage: bench/gpu.sh [BATCH ...]             1 8 32 64 without any; with MODEL=toy 1 4
#
#   MGD3=FILE          the program; built with Go if not given
#   BACKEND=xla:cuda   or xla:cpu, cpu         PLUGIN=   file of the PJRT plugin, if it is not found
#   MODEL=xl2          or toy                  REPEAT=3  runs per measurement, the median counts
#   PYTHON=python3     one that has torch 2    DEVICE=cuda   torch's
#   OUT=out/gpu        results, each written when it is there; log.txt has what programs said; summary.txt all lines
#   LIMIT=240          seconds for one measurement
#
# Every step stands alone: one that fails or takes too long is named, and the next begins. So what is there after an interruption at
# any moment is complete. Goals (docs/gpu.md): as fast as PyTorch in bf16, compiled; 5 times PyTorch as published; half of the speed of
# the card's products in bf16.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = pack ]; then
  set -e
  file=$(realpath -m "${2:-mgd3-gpu.tar.xz}") dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  mkdir "$dir/mgd3-gpu"
  (cd "$here/.." && go build -trimpath -tags nocloud,noplot -ldflags "-s -w" -o "$dir/mgd3-gpu/mgd3" ./cmd/mgd3)
  cp "$here/gpu.sh" "$here/gpu_torch.py" "$dir/mgd3-gpu/"
  tar -C "$dir" -cf - mgd3-gpu | xz -T0 --x86 --lzma2=preset=6,pb=0 >"$file"
  size=$(stat -c %s "$file")
  echo "$file: $((size / 1000)) kB"
  [ "$size" -lt 20000000 ] || echo "more than 20 MB"
  exit
fi

model=${MODEL:-xl2} backend=${BACKEND:-xla:cuda} repeat=${REPEAT:-3} python=${PYTHON:-python3} device=${DEVICE:-cuda}
out=${OUT:-out/gpu} limit=${LIMIT:-240} on=(--backend "$backend")
[ -z "${PLUGIN:-}" ] || on+=(--plugin "$PLUGIN")
batches=("$@") product=matmul_8192_x8
if [ "$model" = toy ]; then
  product=matmul_64_x8_toy
  [ $# -gt 0 ] || batches=(1 4)
fi
[ ${#batches[@]} -gt 0 ] || batches=(1 8 32 64)
[ ! -e "$out/summary.txt" ] || { echo "$out has results; set OUT"; exit 1; }
mkdir -p "$out" || exit
mgd3=${MGD3:-}
if [ -z "$mgd3" ]; then
  mgd3=$out/mgd3
  (cd "$here/.." && go build -o "$(realpath -m "$OLDPWD/$mgd3")" ./cmd/mgd3) || exit
fi

say() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }

# try NAME FILE COMMAND...: runs a command, shows its output and adds it to a file; says how long it took, or that it failed.
try() {
  local name=$1 file=$2 start=$SECONDS rc=0
  shift 2
  printf '== %s: %s\n' "$name" "$*" >>"$out/log.txt"
  timeout -k 10 "$limit" "$@" 2>>"$out/log.txt" | tee -a "$out/$file" || rc=$?
  if [ $rc = 0 ]; then
    say "$(printf '%4d s  %s' $((SECONDS - start)) "$name")"
  elif [ $rc = 124 ] || [ $rc = 137 ]; then
    say "$(printf '%4d s  %s: stopped after %d s, or killed' $((SECONDS - start)) "$name" "$limit")"
  else
    say "$(printf '%4d s  %s: failed: %s' $((SECONDS - start)) "$name" "$(grep -v 'hint:' "$out/log.txt" | tail -n 1)")"
  fi
  return $rc
}

# 1. What is there.
say "$(date -u +%FT%TZ) $("$mgd3" --version 2>&1 | head -n 1)"
say "$(nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader 2>/dev/null || echo "no nvidia-smi here")"
try "backends" backends.txt "$mgd3" backends "${on[@]}"

# 2. Is it right: every network beside the processor. In bf16 heads of at most 128 numbers run in cuDNN's fused attention on CUDA, and
# longer ones in three operations; the check has both.
for precision in float32 bf16; do
  try "check, $precision" check.txt bash -o pipefail -c '"$@" | grep --line-buffered "^check"' check \
    "$mgd3" backends --check --precision "$precision" "${on[@]}"
done

# 3. How fast: products and all batches in one process, which shares the weights and prints each result at once.
loads=()
for n in "${batches[@]}"; do loads+=("dit_${model}_50steps_b$n"); done
limit=$((limit * 2)) try "mgd3, bf16, products and batches ${batches[*]}" ours.json \
  "$mgd3" bench "$product" "${loads[@]}" "${on[@]}" --precision bf16 --repeat "$repeat"
try "mgd3, float32, batch 1" float32.json "$mgd3" bench "${loads[0]}" "${on[@]}" --repeat 1

# 4. Beside PyTorch, the least slow first.
if "$python" -c 'import torch; assert int(torch.__version__.split(".")[0]) >= 2' 2>>"$out/log.txt"; then
  list=$(IFS=,; echo "${batches[*]}")
  torch=("$python" "$here/gpu_torch.py" --model "$model" --device "$device" --repeat "$repeat")
  try "PyTorch, bf16" torch.json "${torch[@]}" --as bf16 --peak --batch "$list"
  try "PyTorch, bf16, compiled" compiled.json "${torch[@]}" --as bf16 --compile --batch "$list"
  try "PyTorch as published" published.json "${torch[@]}" --as published
else
  say "without PyTorch: $python has no torch 2"
fi

# 5. Is a run whole: in one go, and in two shards of which one is killed on the way. Same bytes.
printf '%s\n' A B C >"$out/classes.txt"
run=("$mgd3" distill --quiet --data glyphs --split train --model glyphs --classes "$out/classes.txt" --limit 20 --ipc 4 --batch 4 "${on[@]}")
whole() {
  "${run[@]}" --out "$out/set" || return
  "${run[@]}" --shard 0/2 --out "$out/shards" &
  sleep 5
  kill -KILL $!
  wait $! # until its memory is free and its folder too
  "${run[@]}" --shard 0/2 --out "$out/shards" && "${run[@]}" --shard 1/2 --out "$out/shards" && "$mgd3" verify "$out/shards" &&
    diff -rq -x '.*' "$out/set/images" "$out/shards/images" && cmp "$out/set/manifest.json" "$out/shards/manifest.json"
}
start=$SECONDS
if whole >>"$out/log.txt" 2>&1; then
  say "$(printf '%4d s  distill: the same bytes in one go, in shards and after a kill' $((SECONDS - start)))"
else
  say "$(printf '%4d s  distill: FAILED or other bytes, see %s' $((SECONDS - start)) "$out/log.txt")"
fi

# 6. How far bf16 ends from float32.
try "bf16 and float32 after 50 steps" difference.json "$mgd3" bench "dit_${model}_50steps_b4" --difference "${on[@]}"

"$python" - "$out" <<'PY' | tee -a "$out/summary.txt"
import json, os, sys
def read(name):
    path = os.path.join(sys.argv[1], name)
    lines = [json.loads(l) for l in open(path) if l.startswith("{")] if os.path.exists(path) else []
    return {r["load"]: r for r in lines if str(r.get("load", "")).startswith("dit")}
ours, torch, compiled, published = (read(f"{n}.json") for n in ("ours", "torch", "compiled", "published"))
once = [r["per_item_s"] for r in published.values()]
if ours:
    print("images per second; share of the speed of products; times PyTorch as published, in bf16, in bf16 compiled")
for load, r in ours.items():
    cells = [f"{1 / r['per_item_s']:10.3f}/s", f"{r['peak_share']:7.3f}" if r.get("peak_share") else "      -"]
    cells += [f"{once[0] / r['per_item_s']:7.2f}×" if once else "       -"]
    cells += [f"{t[load]['per_item_s'] / r['per_item_s']:7.2f}×" if load in t else "       -" for t in (torch, compiled)]
    print(f"{load:24}", *cells)
PY
