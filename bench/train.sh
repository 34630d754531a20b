#!/usr/bin/env bash
# Measures training steps beside PyTorch: autoencoder and DiT as docs/training.md trains them on the glyphs, one program after
# the other, several rounds, two threads each. Prints images per second; take the medians.
#
# usage: bench/train.sh        ROUNDS=3 SECONDS_EACH=10 THREADS=2 PRECISION=float32 (or bf16) PYTHON=python3 (one that has torch)
#
# Debian: apt-get install --no-install-recommends python3-torch libopenblas0-pthread. Without the second torch multiplies with
# the reference BLAS, many times as slow in the DiT.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-10} threads=${THREADS:-2} python=${PYTHON:-python3} precision=${PRECISION:-float32}
bin=$(mktemp)
trap 'rm -f "$bin"' EXIT
go test -c -o "$bin" ./train
torch=yes
"$python" -c 'import torch' 2>/dev/null || { echo "without PyTorch: $python lacks torch" >&2; torch=; }
for round in $(seq "$rounds"); do
  echo "round $round of $rounds"
  "$bin" -test.run '^$' -test.bench "Step/^$precision\$" -test.benchtime "${seconds}s" -test.cpu "$threads" | grep images/s
  [ -z "$torch" ] || "$python" bench/train_torch.py --threads "$threads" --seconds "$seconds" --precision "$precision"
done
