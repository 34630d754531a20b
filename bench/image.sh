#!/usr/bin/env bash
# The steps of Dockerfile without an engine. Of the static image: it builds the program with the commands of the
# Dockerfile, lays the image's files into an empty folder, and runs it there by chroot, where there is nothing else. Of
# the image with CUDA, on Debian 12, which is the one that it is made of: it builds the program, lets pip settle what it
# would install, and installs the plugin alone of it, 0.4 of 4 GB; the program must find it, and among the rest must be
# all libraries of NVIDIA's that it is made for. What is not tried is the opening of the plugin, which wants a card.
# Needs root, Go, a C compiler, and Python 3.11 or later.
#
#     bench/image.sh DIR [static|cuda]...     default static
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(realpath -m "$1"); shift
targets=("$@"); [ $# -gt 0 ] || targets=(static)
step() { # step STAGE: its RUN
  local text; text=$(awk -v name="$1" '/^FROM/ {on = $0 ~ " AS " name "$"; next} on && sub(/^RUN /, "")' Dockerfile)
  [ -n "$text" ] || { echo "Dockerfile has no RUN in $1" >&2; exit 1; }
  echo "$text"
}

static() {
  rm -rf "$root"; mkdir -p "$root"
  step=$(step static-build)
  bash -c "${step//\/mgd3 /$root/mgd3 }"
  [ "$(find "$root" -type f | wc -l)" = 1 ]
  mkdir "$root/data" "$root/proc" "$root/dev"
  mknod -m 666 "$root/dev/null" c 1 3
  mount -t proc proc "$root/proc" # as every engine does
  trap 'umount "$root/proc"' EXIT
  chroot "$root" /mgd3 --version
  chroot "$root" /mgd3 -q distill --data glyphs --split train --limit 10 --model glyphs --ipc 1 --steps 4 --out /data/run
  chroot "$root" /mgd3 verify /data/run
  JOB_COMPLETION_INDEX=0 MGD3_SHARDS=1 chroot "$root" /mgd3 cluster task --record /data/run/cluster/distill --stage distill --task auto -- \
    distill --data=glyphs --split=train --limit=10 --model=glyphs --ipc=1 --steps=4 --out=/data/run --json --shard=auto
  chroot "$root" /mgd3 cluster status /data/run
  echo "ok: $(du -h "$root/mgd3" | cut -f1), static"
}

cuda() {
  grep -q 'VERSION_CODENAME=bookworm' /etc/os-release || { echo "cuda is tried on Debian 12 only"; exit 1; }
  local at=$root.cuda build install
  mkdir -p "$at"
  build=$(step cuda-build); bash -c "${build//\/mgd3 /$at/mgd3 }"
  install=$(step cuda); python3 -m venv "$at/python"; "$at/python/bin/pip" -q install --upgrade pip # the old one loads all to settle
  install=${install/#pip install /$at/python/bin/pip -q install --report $at/report.json --dry-run }
  bash -c "$install" >/dev/null
  python3 -c 'import json, sys
for p in json.load(open(sys.argv[1]))["install"]: print(p["metadata"]["name"] + "==" + p["metadata"]["version"])' "$at/report.json" | tee "$at/packages"
  for library in cuda-runtime cublas cudnn cufft cusolver cusparse nccl cuda-nvrtc nvjitlink cuda-cupti; do
    grep -q "^nvidia-$library-cu12==" "$at/packages" || { echo "NVIDIA's $library is not among them"; exit 1; }
  done
  "$at/python/bin/pip" -q install --no-cache-dir --no-deps "$(grep ^jax-cuda12-pjrt== "$at/packages")"
  export VIRTUAL_ENV=$at/python
  "$at/mgd3" --version
  "$at/mgd3" backends | tee "$at/backends"
  grep -q 'jax_plugins/xla_cuda12' "$at/backends" || { echo "the plugin is not found"; exit 1; }
  ! ldd "$(find "$at/python" -name 'xla_cuda_plugin.so')" | grep 'not found' || { echo "the plugin is linked with what is not there"; exit 1; }
  echo "ok cuda: the program has $(du -h "$at/mgd3" | cut -f1), the plugin $(du -sh "$at/python/lib" | cut -f1)"
}

for target in "${targets[@]}"; do "$target"; done
