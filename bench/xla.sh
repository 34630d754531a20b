#!/usr/bin/env bash
# The program from end to end on two backends, with the glyphs and the model that are in it: demo, distill (in one go, in shards,
# killed), evaluate, compare, score, train autoencoder and dit (in one go, killed), bench. Prints a table: what must be equal, what
# must be near, and the times. It ends with an error if shards or kills change a byte on either backend, or if a pipeline of
# text to image (Stable Diffusion 1, 2 and XL, small) or the class-conditional one draws otherwise than diffusers; that needs Go.
#
# usage: bench/xla.sh [OUT]         OUT defaults to out/xla and must not exist
#
#   BACKENDS="cpu xla:cpu"          PLUGIN=FILE   of OpenXLA's PJRT; fetched by .ci/pjrt-cpu if not given
#   MGD3=FILE                       the program, if it need not be built
#   PYTHON=python3                  any, without packages: it compares images
#
# Times are of a first run each, with all that XLA compiles. On a machine that does other things the seconds of processors say more
# than those that passed.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-out/xla} python=${PYTHON:-python3}
read -ra backends <<<"${BACKENDS:-cpu xla:cpu}"
[ ! -e "$out" ] || { echo "$out exists"; exit 1; }
plugin=${PLUGIN:-$(.ci/pjrt-cpu)}
mkdir -p "$out"
if [ -n "${MGD3:-}" ]; then cp "$MGD3" "$out/mgd3"; else go build -o "$out/mgd3" ./cmd/mgd3; fi

printf '%s\n' A B C D E >"$out/classes.txt"

# timed NAME COMMAND...: runs it, and notes its seconds and those of all processors.
timed() {
  local name=$1 TIMEFORMAT='%R %U %S'
  shift
  { time "$@" >>"$dir/log.txt" 2>&1; } 2>"$dir/seconds" || { echo "$name failed on $backend:"; tail -n 5 "$dir/log.txt"; exit 1; }
  awk -v name="$name" '{ printf "%s %.1f %.1f\n", name, $1, $2 + $3 }' "$dir/seconds" | tee -a "$dir/times.txt"
}

# killed MOMENTS COMMAND...: runs it once for each moment and kills it then, with SIGKILL; at last to its end.
killed() {
  local moments=$1 moment
  shift
  for moment in $moments; do
    "$@" >>"$dir/log.txt" 2>&1 &
    sleep "$moment"
    kill -KILL $! || true
    wait $! || true # timeout would not: the dying program still held its folder when the next one came
  done 2>/dev/null
  "$@" >>"$dir/log.txt" 2>&1
}

# same A B: ends the script where two files or folders differ.
same() { diff -rq -x '.*' "$1" "$2" || { echo "$1 and $2 differ"; exit 1; }; }

for backend in "${backends[@]}"; do
  echo "== $backend"
  dir=$out/${backend//:/-} on=(--quiet --backend "$backend")
  [ "$backend" = cpu ] || on+=(--plugin "$plugin")
  mkdir -p "$dir"
  m() { "$out/mgd3" "$@" "${on[@]}"; }
  run=("$out/mgd3" distill "${on[@]}" --data glyphs --split train --model glyphs --classes "$out/classes.txt" --limit 40 --ipc 4 --batch 8)

  timed demo m demo --letters ABCDE --images 40 --test-images 40 --ipc 4 --epochs 20 --out "$dir/demo"
  timed distill "${run[@]}" --out "$dir/set"
  for i in 0 1 2; do "${run[@]}" --shard "$i/3" --out "$dir/shards"; done >>"$dir/log.txt" 2>&1
  killed "2 5 9" "${run[@]}" --out "$dir/killed"
  for other in shards killed; do
    for part in images modes samples manifest.json; do same "$dir/set/$part" "$dir/$other/$part"; done
  done
  m verify "$dir/killed" >>"$dir/log.txt" 2>&1
  timed evaluate m evaluate --train "$dir/set" --test glyphs --test-split test --classes "$out/classes.txt" \
    --test-limit 40 --repeat 3 --epochs 20 --out "$dir/scores"
  timed compare m compare --data glyphs --split train --test-split test --classes "$out/classes.txt" --test-limit 40 \
    --limit 40 --model glyphs --ipc 4 --sets 1 --method mgd3,random --change epochs=20 --out "$dir/compare"
  timed score "$out/mgd3" score --json "${on[@]}" --set "$dir/set"

  small=(--data glyphs --split train --limit 20 --batch 16 --log-every 10 --checkpoint-every 5 --sample-every 0)
  vae=(train autoencoder "${small[@]}" --channels 8,16 --steps 60)
  dit=(train dit "${small[@]}" --hidden 48 --depth 2 --heads 2 --steps 120)
  timed "train-autoencoder" m "${vae[@]}" --out "$dir/model"
  timed "train-dit" m "${dit[@]}" --out "$dir/model"
  killed "2 5" "$out/mgd3" "${vae[@]}" "${on[@]}" --out "$dir/model-killed"
  killed "2 5" "$out/mgd3" "${dit[@]}" "${on[@]}" --out "$dir/model-killed"
  for part in autoencoder dit; do same "$dir/model/$part" "$dir/model-killed/$part"; done
  tests=(env "MGD3_TEST_BACKEND=$backend")
  [ "$backend" = cpu ] || tests+=("MGD3_TEST_PLUGIN=$(realpath "$plugin")")
  timed pipelines "${tests[@]}" XLA_FLAGS=--xla_backend_optimization_level=0 go test -count=1 -run PipelineGolden ./model
  # what .ci/run leaves out, since XLA compiles it for minutes
  timed goldens "${tests[@]}" go test -count=1 -short -run 'TestGolden$' ./evaluate
  timed loads "${tests[@]}" go test -count=1 -short ./internal/bench
  m bench matmul_1024 vae_decode_256_b1 dit_s2_10steps_b1 --json --repeat 2 >"$dir/bench.json" 2>>"$dir/log.txt"
done

"$python" - "$out" "${backends[@]}" <<'PY' | tee "$out/table.md"
import csv, glob, json, os, statistics, struct, sys, zlib

def pixels(path):
    data, at, idat = open(path, "rb").read(), 8, b""
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + n]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (8, 2), path
        idat += body if kind == b"IDAT" else b""
        at += 12 + n
    raw, stride, rows, last = zlib.decompress(idat), 3 * width, [], bytearray(3 * width)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            a, b, c = (row[i - 3] if i > 2 else 0), last[i], (last[i - 3] if i > 2 else 0)
            p = a + b - c
            paeth = min((a, b, c), key=lambda v: abs(p - v))
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        rows.append(row)
        last = row
    return b"".join(rows)

out, backends = sys.argv[1], sys.argv[2:]
dirs = [os.path.join(out, b.replace(":", "-")) for b in backends]
def load(*path): return json.load(open(os.path.join(*path)))
def line(name, values): print(f"| {name} | " + " | ".join(str(v) for v in values) + " |")
line("", backends)
print("|---" * (len(backends) + 1) + "|")
times = [dict(l.split(maxsplit=1) for l in open(os.path.join(d, "times.txt"))) for d in dirs]
worst, same, total = 0, 0, 0
names = sorted(glob.glob(os.path.join(dirs[0], "set", "images", "*", "*.png")))
for name in names:
    a, b = (pixels(os.path.join(d, os.path.relpath(name, dirs[0]))) for d in (dirs[0], dirs[-1]))
    diff = max(abs(x - y) for x, y in zip(a, b))
    worst, same, total = max(worst, diff), same + (diff == 0), total + 1
def distance(d):
    m = load(d, "set", "manifest.json")["distance"]
    return f"{m['own']:.5f}, {m['others']:.5f}"
line("distance to the own mode, to others", map(distance, dirs))
def rows(rows): return ", ".join(f"{name} {value:.1f}" for name, value in rows)
def demo(d):
    return rows((r["name"], statistics.mean(r["cells"][0]["values"])) for r in load(d, "demo", "result.json")["tables"][0]["rows"])
def evaluated(d):
    return rows((s["name"], 100 * statistics.mean(t["last"] for t in s["scores"][0])) for s in load(d, "scores", "scores.json")["sets"])
def compared(d):
    files = sorted(glob.glob(os.path.join(d, "compare", "*", "*", "*", "result.json")))
    return rows((os.path.basename(os.path.dirname(f)).split("-")[0], 100 * load(f)["score"]["last"]) for f in files)
for name, of in (("demo", demo), ("evaluate", evaluated), ("compare", compared)):
    line(f"accuracy of `{name}`, %", map(of, dirs))
def loss(kind):
    def of(d):
        path = sorted(glob.glob(os.path.join(d, "model", "**", kind, "loss.csv"), recursive=True))
        rows = list(csv.DictReader(open(path[0])))
        return f"{float(rows[-1]['loss']):.5f}"
    return of
for kind in ("autoencoder", "dit"):
    line(f"last loss of `train {kind}`", map(loss(kind), dirs))
line("images alike to the last bit, largest difference of the others", ["", f"{same} of {total}, {worst} of 255"])
for key in times[0]:
    line(f"`{key.replace('-', ' ')}`, s, of processors", [", ".join(t[key].split()) for t in times])
loads = [{r["load"]: r for r in map(json.loads, open(os.path.join(d, "bench.json"))) if "load" in r} for d in dirs]
for load_ in loads[0]:
    line(f"bench `{load_}`, s", [f"{l[load_]['per_item_s']:.3g}" if load_ in l else "-" for l in loads])
PY
