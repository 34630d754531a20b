#!/usr/bin/env bash
# The steps of Dockerfile's static image without an engine: it builds the program with the commands of the Dockerfile, lays
# the image's files into an empty folder, and runs it there by chroot, where there is nothing else. Needs root and Go.
#
#     bench/image.sh DIR
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(realpath -m "$1")
rm -rf "$root"; mkdir -p "$root"
step=$(awk '/^FROM .* AS static-build$/ {on = 1; next} /^FROM/ {on = 0} on && sub(/^RUN /, "")' Dockerfile)
[ -n "$step" ] || { echo "Dockerfile has no step that builds the static program"; exit 1; }
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
