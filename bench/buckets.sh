#!/usr/bin/env bash
# Runs of the glyphs with data and output in a bucket of a real S3 server, versitygw (github.com/versity/versitygw, one Go
# program whose buckets are folders), compared byte by byte with runs in a folder: undisturbed, killed by SIGKILL and
# taken up again, in two shards at once, read as a zip and as objects in folders, verified, exported and evaluated.
#
#     bench/buckets.sh DIR          DIR/mgd3 and DIR/versitygw are built if they are not there
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(realpath -m "$1"); mkdir -p "$dir"
[ -x "$dir/mgd3" ] || CGO_ENABLED=0 go build -o "$dir/mgd3" ./cmd/mgd3
[ -x "$dir/versitygw" ] || GOBIN=$dir go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
mgd3=$dir/mgd3
cd "$dir"
rm -rf buckets folder* out* exports; mkdir -p buckets/lab
./versitygw --access test --secret testsecret --port 127.0.0.1:17070 posix buckets >versitygw.log 2>&1 &
server=$!
trap 'kill $server' EXIT
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=testsecret AWS_REGION=us-east-1
export AWS_ENDPOINT_URL=http://127.0.0.1:17070
at='?use_path_style=true'
for _ in $(seq 50); do (exec 3<>/dev/tcp/127.0.0.1/17070) 2>/dev/null && break; sleep 0.2; done

check() { # NAME LEFT RIGHT: the visible files are the same
  if diff -r -x '.*' "$2" "$3" >diff.txt; then echo "ok     $1"; else echo "DIFFER $1"; head -5 diff.txt; fi
}
run() { "$mgd3" distill --data "$1" --split train --model glyphs --ipc 2 --limit 40 --steps 10 -q "${@:3}" --out "$2"; }

[ -d set ] || "$mgd3" glyphs --out set -q
(cd set && rm -f ../buckets/lab/set.zip && python3 -m zipfile -c ../buckets/lab/set.zip train test)
run buckets/lab/set.zip folder

run "s3://lab/set.zip$at" "s3://lab/plain$at" >out.txt
check "data and run in a bucket" folder buckets/lab/plain

kills=0
for delay in 2 3 4 5 6 8 10 15; do
  run "s3://lab/set.zip$at" "s3://lab/killed$at" >/dev/null 2>&1 & pid=$!
  sleep "$delay"
  if kill -9 $pid 2>/dev/null; then kills=$((kills+1)); fi
  wait $pid 2>/dev/null && break
done
run "s3://lab/set.zip$at" "s3://lab/killed$at" >/dev/null
check "killed $kills times" folder buckets/lab/killed

run "s3://lab/set.zip$at" "s3://lab/shards$at" --shard 0/2 >/dev/null & pid=$!
run "s3://lab/set.zip$at" "s3://lab/shards$at" --shard 1/2 >/dev/null
wait $pid
check "two shards at once" folder buckets/lab/shards

"$mgd3" verify "s3://lab/plain$at"
mkdir exports
"$mgd3" export "s3://lab/plain$at" --format zip --out exports/bucket.zip -q
"$mgd3" export folder --format zip --out exports/folder.zip -q
cmp exports/bucket.zip exports/folder.zip && echo "ok     export"

cp -r set buckets/lab/set
run "s3://lab/set$at" "s3://lab/objects$at" >/dev/null
check "objects in folders: the images" folder/images buckets/lab/objects/images

ev() { "$mgd3" evaluate --train "set=$1" --test "$2" --test-split test --net convnet3 --epochs 2 -q --out "$3" >/dev/null; }
ev folder buckets/lab/set.zip folder-scores
ev "s3://lab/plain$at" "s3://lab/set.zip$at" "s3://lab/scores$at"
scores() { grep -vE '"(key|seconds|crc32c)"' "$1/set/convnet3/seed-0/result.json"; } # the key has times or MD5s of files
[ "$(scores folder-scores)" = "$(scores buckets/lab/scores)" ] && echo "ok     evaluate" || echo "DIFFER evaluate"

for wrong in "s3://nowhere/x$at" ; do "$mgd3" verify "$wrong" || echo "exit code $?"; done
AWS_SECRET_ACCESS_KEY=wrong "$mgd3" verify "s3://lab/plain$at" || echo "exit code $?"
