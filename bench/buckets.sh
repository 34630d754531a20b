#!/usr/bin/env bash
# Runs of the glyphs with data and output in a bucket of a real server, compared byte by byte with runs in a folder:
# undisturbed; killed by SIGKILL and taken up again; in two shards at once; by workers that share it, of which one is
# killed and one is told to stop; read from a zip, a tar, WebDataset shards, Parquet and objects in folders; verified,
# exported, evaluated and compared with baselines. The law (docs/cluster.md, "What may differ"; TestBucketSameBytes):
# all files are the same to the byte; where the data are objects in the place of files, latents, modes and samples differ
# in their "key" and "crc32c" alone, images and the manifest in nothing. At last, what goes wrong with credentials and
# names is said soon, in words, with the store's own variables, and no credential is in any file or message. The servers:
#
#     s3       versitygw (github.com/versity/versitygw, one Go program whose buckets are folders)
#     gs       fake-gcs-server (github.com/fsouza/fake-gcs-server, one Go program)
#     azblob   Azurite (azurite of npm, Microsoft's own), which needs Node
#
#     bench/buckets.sh DIR [s3|gs|azblob]...     default all; DIR/mgd3 and the servers are built if they are not there
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(realpath -m "$1"); shift; mkdir -p "$dir"
stores=("$@"); [ $# -gt 0 ] || stores=(s3 gs azblob)
[ -x "$dir/mgd3" ] || CGO_ENABLED=0 go build -o "$dir/mgd3" ./cmd/mgd3
[ -x "$dir/bucket" ] || CGO_ENABLED=0 go build -o "$dir/bucket" ./bench/bucket
asked() { [[ " ${stores[*]} " == *" $1 "* ]]; }
! asked s3 || [ -x "$dir/versitygw" ] || GOBIN=$dir go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
! asked gs || [ -x "$dir/fake-gcs-server" ] || GOBIN=$dir go install github.com/fsouza/fake-gcs-server@v1.56.1
! asked azblob || [ -d "$dir/node_modules/azurite" ] || npm --prefix "$dir" install --silent azurite@3.37.0
mgd3=$dir/mgd3 bucket=$dir/bucket
cd "$dir"
server=
trap '[ -z "$server" ] || kill $server' EXIT

# ---- the servers: each sets at, the settings behind its addresses
up() { for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.2; done; echo "no server"; exit 1; }
start_s3() {
  mkdir -p buckets/lab
  ./versitygw --access test --secret testsecret --port 127.0.0.1:17070 posix buckets >server.log 2>&1 & server=$!; up 17070
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=testsecret AWS_REGION=us-east-1 AWS_ENDPOINT_URL=http://127.0.0.1:17070
  at='?use_path_style=true'
}
start_gs() {
  ./fake-gcs-server -backend memory -scheme http -host 127.0.0.1 -port 17072 -public-host 127.0.0.1:17072 >server.log 2>&1 & server=$!; up 17072
  curl -sf -X POST -H 'Content-Type: application/json' -d '{"name": "lab"}' 'http://127.0.0.1:17072/storage/v1/b?project=p' >/dev/null
  export STORAGE_EMULATOR_HOST=127.0.0.1:17072
  at=
}
start_azblob() { # with the account that its manual gives everybody
  node_modules/.bin/azurite-blob --inMemoryPersistence --blobHost 127.0.0.1 --blobPort 17074 --skipApiVersionCheck --silent >server.log 2>&1 & server=$!; up 17074
  export AZURE_STORAGE_ACCOUNT=devstoreaccount1
  export AZURE_STORAGE_KEY=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
  python3 - <<'PY'
import base64, email.utils, hashlib, hmac, os, urllib.request
account, key = os.environ["AZURE_STORAGE_ACCOUNT"], base64.b64decode(os.environ["AZURE_STORAGE_KEY"])
date = email.utils.formatdate(usegmt=True)
text = f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n/{account}/{account}/lab\nrestype:container"
signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:17074/{account}/lab?restype=container", b"", method="PUT", headers={
    "x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {account}:{signature}", "Content-Type": ""}))
PY
  at='?localemu=true&domain=127.0.0.1:17074&protocol=http'
}

# ---- the runs
bad=0
say() { if [ "$1" = 0 ]; then echo "$store ok     $2"; else echo "$store DIFFER $2"; bad=1; fi; }
address() { echo "$store://lab/$1$at"; }
same() { # NAME FOLDER KEY: the visible files are the same
  rm -rf got; $bucket get "$(address "$3")" got
  diff -r -x '.*' "$2" got >diff.txt && say 0 "$1" || { say 1 "$1"; head -5 diff.txt; }
}
law() { # NAME FOLDER KEY, of sets whose files go by their times on disk, and by their MD5s in a bucket
  rm -rf got; $bucket get "$(address "$3")" got
  visible() { (cd "$1" && find . -type f -not -path '*/.*' | sort); }
  but_keys() { LC_ALL=C sed -E 's/"(key|crc32c)": ?"[0-9a-f]+"//g' "$1"; }
  diff <(visible "$2") <(visible got) >diff.txt || true
  visible "$2" | while read -r f; do
    case $f in
      ./latents/*|./modes/*|./samples/*) cmp -s <(but_keys "$2/$f") <(but_keys "got/$f") || echo "$f" ;;
      *) cmp -s "$2/$f" "got/$f" || echo "$f" ;;
    esac
  done >>diff.txt
  [ ! -s diff.txt ] && say 0 "$1: the same but for keys" || { say 1 "$1"; head -5 diff.txt; }
}
made() { "$mgd3" distill --data "$1" --model glyphs --ipc 2 --limit 40 --steps 10 -q "${@:3}" --out "$2"; }
run() { made "$1" "$2" --split train "${@:3}"; }

for store in "${stores[@]}"; do
rm -rf buckets folder* out* exports got* plain; mkdir exports
"start_$store"
[ -d set ] || "$mgd3" glyphs --out set -q
[ -f set.zip ] || (cd set && python3 -m zipfile -c ../set.zip train test)
[ -f set.tar ] || tar -C set -cf set.tar train test
$bucket put set.zip "$(address set.zip)"; $bucket put set.tar "$(address set.tar)"
run set.zip folder

[ "$($bucket race "$(address race)" 20)" = 1 ] && say 0 "of 20 conditional puts one is done" || say 1 "conditional puts"

run "$(address set.zip)" "$(address plain)" >out.txt
same "data and run in a bucket" folder plain

kills=0
for delay in 2 3 4 5 6 8 10 15; do
  run "$(address set.zip)" "$(address killed)" >/dev/null 2>&1 & pid=$!
  sleep "$delay"
  if kill -9 $pid 2>/dev/null; then kills=$((kills+1)); fi
  wait $pid 2>/dev/null && break
done
run "$(address set.zip)" "$(address killed)" >/dev/null
same "killed $kills times" folder killed

run "$(address set.zip)" "$(address shards)" --shard 0/2 >/dev/null & pid=$!
run "$(address set.zip)" "$(address shards)" --shard 1/2 >/dev/null
wait $pid
same "two shards at once" folder shards

# two workers that share the pieces, and two that are lost: one is killed, one is told to stop
shared() { run "$(address set.zip)" "$(address any)" --shard any/10 >/dev/null; }
began=$SECONDS
shared & one=$!
shared & two=$!
"$mgd3" distill --data "$(address set.zip)" --split train --model glyphs --ipc 2 --limit 40 --steps 10 -q --shard any/10 --out "$(address any)" >/dev/null 2>&1 & killed=$!
"$mgd3" distill --data "$(address set.zip)" --split train --model glyphs --ipc 2 --limit 40 --steps 10 -q --shard any/10 --out "$(address any)" >/dev/null 2>&1 & told=$!
sleep 4; kill -9 $killed 2>/dev/null || true; kill -TERM $told 2>/dev/null || true
wait $told || true
wait $one; wait $two
same "workers that share it, one killed, one told to stop, in $((SECONDS - began)) s" folder any
[ $((SECONDS - began)) -lt 170 ] && say 0 "nobody waited for the end of a lease" || say 1 "somebody waited for the end of a lease"

"$mgd3" verify -q "$(address plain)" && say 0 verify || say 1 verify
"$mgd3" export "$(address plain)" --format zip --out exports/bucket.zip -q
"$mgd3" export folder --format zip --out exports/folder.zip -q
cmp exports/bucket.zip exports/folder.zip && say 0 export || say 1 export

# other layouts, beside the same on disk
run set.tar folder-tar; run "$(address set.tar)" "$(address tar)" >/dev/null; same "a tar" folder-tar tar
"$mgd3" export folder --format parquet --out exports/set.parquet -q
"$mgd3" export folder --format webdataset --out exports/shards -q
$bucket put exports/set.parquet "$(address set.parquet)"
$bucket put exports/shards "$(address shards-of)"
made exports/set.parquet folder-parquet; made "$(address set.parquet)" "$(address parquet)" >/dev/null
law Parquet folder-parquet parquet
made exports/shards folder-shards; made "$(address shards-of)" "$(address wds)" >/dev/null; law WebDataset folder-shards wds
rm -rf few; mkdir few; (cd set && find train -type f | sort | awk 'NR % 10 == 1' | xargs cp --parents -t ../few)
$bucket put few "$(address objects)"
run few folder-few; run "$(address objects)" "$(address few)" >/dev/null
law "objects in folders" folder-few few

ev() { "$mgd3" evaluate --train "set=$1" --test "$2" --test-split test --net convnet3 --epochs 2 -q --out "$3" "${@:4}" >/dev/null; }
ev folder set.zip folder-scores
ev "$(address plain)" "$(address set.zip)" "$(address scores)" --shard any & pid=$!
ev "$(address plain)" "$(address set.zip)" "$(address scores)" --shard any; wait $pid
rm -rf got; $bucket get "$(address scores)" got
scores() { grep -vE '"(key|seconds|crc32c)"' "$1/set/convnet3/seed-0/result.json"; } # the key has times or MD5s of files
[ "$(scores folder-scores)" = "$(scores got)" ] && say 0 "evaluate, shared by two" || say 1 evaluate

base() { "$mgd3" baseline --data "$1" --split train --limit 40 --model glyphs --ipc 2 --method "$3" -q --out "$2" >/dev/null; }
base set.zip folder-base herding; base "$(address set.zip)" "$(address base)" herding; same "baseline" folder-base base
comparison() { "$mgd3" compare --data "$1" --split train --test "$1" --test-split test --limit 40 --model glyphs --ipc 1 --sets 1 --method random,nearest \
  --net convnet1 --change epochs=1 -q --out "$2" >/dev/null; }
comparison set.zip folder-compare; comparison "$(address set.zip)" "$(address compare)"
table() { cat $(find "$1" -name table.txt | sort); }
rm -rf got; $bucket get "$(address compare)" got; [ "$(table folder-compare)" = "$(table got)" ] && say 0 compare || say 1 compare
swept() { "$mgd3" sweep --data "$1" --split train --limit 40 --model glyphs --ipc 1 --steps 10 --stop 0,5 --net convnet1 --recipe epochs=1 -q --out "$2" >/dev/null; }
swept set.zip folder-sweep; swept "$(address set.zip)" "$(address sweep)"
rm -rf got; $bucket get "$(address sweep)" got; diff folder-sweep/sweep.csv got/sweep.csv >/dev/null && say 0 sweep || say 1 sweep

$bucket list "$(address '')" | grep -v '^shards-of\|^objects' | grep '/\.' >hidden.txt || true
grep -q 'lock\|clock-\|\.1$\|\.2$' hidden.txt && { say 1 "leases or locks are left"; head -3 hidden.txt; } || say 0 "no lease and no lock is left"
wrong() { # NAME WORDS VARIABLE COMMAND...: exit code 5 within half a minute, in these words, with a hint of this variable
  local began=$SECONDS code=0
  "${@:4}" >said.txt 2>&1 || code=$?
  cat said.txt >>all-said.txt
  [ $code = 5 ] && grep -q "$2" said.txt && grep -q "hint:.*$3" said.txt && [ $((SECONDS - began)) -lt 30 ] &&
    say 0 "$1, said in $((SECONDS - began)) s" || { say 1 "$1: exit code $code in $((SECONDS - began)) s"; cat said.txt; }
}
plain=$(address plain) nowhere=$(address plain | sed s/lab/nowhere/) none='no credentials, or wrong ones'
missing='there is no such bucket'
case $store in
  s3)
    wrong "no bucket" "$missing" AWS_ENDPOINT_URL "$mgd3" verify "$nowhere"
    wrong "no bucket to write to" "$missing" AWS_ENDPOINT_URL run set.zip "$nowhere"
    wrong "another's key" "$none" AWS_SECRET_ACCESS_KEY env AWS_SECRET_ACCESS_KEY=wrongsecret "$mgd3" verify "$plain"
    wrong "no such user" "$none" AWS_SECRET_ACCESS_KEY env AWS_ACCESS_KEY_ID=nobody "$mgd3" verify "$plain"
    wrong "no credentials" "$none" AWS_SECRET_ACCESS_KEY env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY "$mgd3" verify "$plain" ;;
  gs)
    wrong "no bucket" "$missing" name "$mgd3" verify "$nowhere"
    wrong "no bucket to write to" "$missing" name run set.zip "$nowhere"
    wrong "no credentials" "$none" GOOGLE_APPLICATION_CREDENTIALS env -u STORAGE_EMULATOR_HOST "$mgd3" verify "$plain" ;;
  azblob)
    wrong "no container" "$missing" AZURE_STORAGE_ACCOUNT "$mgd3" verify "$nowhere"
    wrong "no container to write to" "$missing" AZURE_STORAGE_ACCOUNT run set.zip "$nowhere"
    wrong "another's key" "$none" AZURE_STORAGE_KEY env AZURE_STORAGE_KEY=d3Jvbmc= "$mgd3" verify "$plain"
    wrong "no key" "$none" AZURE_STORAGE_KEY env -u AZURE_STORAGE_KEY "$mgd3" verify "$plain"
    wrong "no account" "$none" AZURE_STORAGE_ACCOUNT env -u AZURE_STORAGE_KEY -u AZURE_STORAGE_ACCOUNT "$mgd3" verify "$plain" ;;
esac
secrets=(-e testsecret -e wrongsecret -e Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq)
rm -rf got; $bucket get "$plain" got
grep -rqF "${secrets[@]}" got exports ./*.txt && say 1 "a credential stands somewhere" || say 0 "no credential in a run, an export or a message"
kill $server; wait $server 2>/dev/null || true; server=
done
exit $bad
