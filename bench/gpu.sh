#!/usr/bin/env bash
# Measures mgd3 on a GPU beside PyTorch on the same card, with random weights of DiT-XL/2: images per second at 50 steps and
# guidance 4, by batch; the share of the card's bf16 products; how far bf16 ends from float32.
#
# IT HAS NOT BEEN RUN ON A GPU. Its toy, MODEL=toy BACKEND=cpu, runs anywhere and measures nothing worth knowing.
#
# usage: bench/gpu.sh [BATCH ...]             1 4 8 16 32 64 without any; with MODEL=toy 1 4
#
#   BACKEND=xla:cuda   or cpu, for the toy     PLUGIN=   file of the PJRT plugin, if it is not found
#   MODEL=xl2          or toy                  REPEAT=3  runs per measurement, the median counts
#   PYTHON=python3     one that has torch 2    DEVICE=cuda   torch's
#   OUT=out/gpu        results: ours.json, published.json, torch.json, difference.json, log.txt
#
# Goals (docs/gpu.md): 12 times PyTorch as published, as fast as PyTorch in bf16, half of the speed of products in bf16. A batch that
# needs too much memory is left out, and the script says so.
set -euo pipefail
cd "$(dirname "$0")/.."
model=${MODEL:-xl2} backend=${BACKEND:-xla:cuda} repeat=${REPEAT:-3} python=${PYTHON:-python3} device=${DEVICE:-cuda} out=${OUT:-out/gpu}
plugin=()
[ -z "${PLUGIN:-}" ] || plugin=(--plugin "$PLUGIN")
batches=("$@") product=matmul_8192_x8
if [ "$model" = toy ]; then
  product=matmul_64_x8_toy
  [ $# -gt 0 ] || batches=(1 4)
fi
[ ${#batches[@]} -gt 0 ] || batches=(1 4 8 16 32 64)
mkdir -p "$out"
: >"$out/ours.json" && : >"$out/published.json" && : >"$out/torch.json" && : >"$out/difference.json" && : >"$out/log.txt"

go build -o "$out/mgd3" ./cmd/mgd3
bench() { "$out/mgd3" bench "$@" --backend "$backend" "${plugin[@]}" 2>>"$out/log.txt"; }

{
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>/dev/null || echo "no nvidia-smi here"
  "$out/mgd3" backends --backend "$backend" "${plugin[@]}"
} | tee -a "$out/log.txt"

for n in "${batches[@]}"; do
  echo "mgd3, bf16, batch $n" >&2
  bench "$product" "dit_${model}_50steps_b$n" --precision bf16 --repeat "$repeat" | tee -a "$out/ours.json" ||
    echo "left out, see $out/log.txt: $(tail -n 2 "$out/log.txt" | head -n 1)" >&2
done
echo "mgd3, float32, batch 1" >&2
bench "dit_${model}_50steps_b1" --repeat "$repeat" | tee "$out/float32.json" || echo "left out, see $out/log.txt" >&2
echo "bf16 and float32 at the end of 50 steps" >&2
bench "dit_${model}_50steps_b4" --difference | tee "$out/difference.json" || echo "left out, see $out/log.txt" >&2

if "$python" -c 'import torch; assert int(torch.__version__.split(".")[0]) >= 2' 2>>"$out/log.txt"; then
  torch() { "$python" bench/gpu_torch.py --model "$model" --device "$device" --repeat "$repeat" "$@" 2>>"$out/log.txt"; }
  echo "PyTorch as published" >&2
  torch --as published | tee "$out/published.json"
  echo "PyTorch in bf16" >&2
  torch --as bf16 --peak --batch "$(IFS=,; echo "${batches[*]}")" | tee "$out/torch.all"
  grep '"load"' "$out/torch.all" >"$out/torch.json"
  echo
  echo "images per second: ours by batch, PyTorch as published, PyTorch in bf16 by batch"
  "$python" - "$out" <<'PY'
import json, sys
def read(name):
    return {r["load"]: r for r in map(json.loads, open(f"{sys.argv[1]}/{name}")) if r["load"].startswith("dit")}
ours, published, torch = read("ours.json"), read("published.json"), read("torch.json")
once = [r["per_item_s"] for r in published.values()]
for load, r in ours.items():
    line = f'{load:24} {1 / r["per_item_s"]:8.3f}/s  share of products {r.get("peak_share", 0):.3f}'
    if once:
        line += f'  {once[0] / r["per_item_s"]:6.2f} × as published'
    if load in torch:
        line += f'  {torch[load]["per_item_s"] / r["per_item_s"]:6.2f} × bf16 of the same batch'
    print(line)
if ours and torch:
    best = min(r["per_item_s"] for r in torch.values()) / min(r["per_item_s"] for r in ours.values())
    print(f"best batch against best batch: {best:.2f} × PyTorch in bf16")
PY
else
  echo "without PyTorch: $python has no torch 2" >&2
fi
