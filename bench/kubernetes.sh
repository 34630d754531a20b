#!/usr/bin/env bash
# A whole distil and evaluation of the glyphs by "mgd3 cluster kubernetes --apply --wait" on a real control plane: etcd,
# the API server and the Job controller of Kubernetes 1.37 as ordinary Go programs, and kubectl of the same version. The
# kubelets are played by bench/kubelet, which runs each pod's command in an empty root and reports how it ended. The
# bytes are compared with those of one process. Needs root, openssl, Go and its module proxy. Building takes some eight
# minutes and 4 GB of memory, once: what is in DIR/bin stays.
#
#     bench/kubernetes.sh DIR [CASE...]     cases: faults image usage model bucket; default all
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(realpath -m "$1"); shift
cases=("$@"); [ $# -gt 0 ] || cases=(faults image usage model bucket)
mkdir -p "$dir/bin"
version=37.2 # of Kubernetes: v1.$version, its parts are v0.$version

# ---- the programs
main() { # main NAME: a module with the lines of standard input as its main.go
  mkdir -p "$dir/src/$1"; cat >"$dir/src/$1/main.go"
  printf 'module %s\n\ngo 1.26.0\n' "$1" >"$dir/src/$1/go.mod"
}
build() { (cd "$dir/src/$1" && GOFLAGS=-mod=mod GOWORK=off go get "${@:2}" && GOFLAGS=-mod=mod go build -o "$dir/bin/$1" .); }
parts() { # outside its own tree k8s.io/kubernetes needs a version for each of its parts
  local mod; mod=$(go mod download -json "k8s.io/kubernetes@v1.$version" | sed -n 's/.*"GoMod": "\(.*\)",*/\1/p')
  sed -n "s#^\t\(k8s.io/[^ ]*\) => ./staging/.*#replace \1 => \1 v0.$version#p" "$mod" >>"$dir/src/$1/go.mod"
}
[ -x "$dir/bin/etcd" ] || {
  main etcd <<'GO'
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
GO
  build etcd go.etcd.io/etcd/server/v3@v3.6.5
}
[ -x "$dir/bin/plane" ] || {
  main plane <<'GO'
package main

import (
	"os"

	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	which := os.Args[1]
	os.Args = append(os.Args[:1], os.Args[2:]...)
	if which == "apiserver" {
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	}
	os.Exit(cli.Run(manager.NewControllerManagerCommand()))
}
GO
  parts plane; build plane "k8s.io/kubernetes@v1.$version"
}
[ -x "$dir/bin/kubectl" ] || {
  main kubectl <<'GO'
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
)

func main() { os.Exit(cli.Run(cmd.NewDefaultKubectlCommand())) }
GO
  parts kubectl; build kubectl "k8s.io/kubectl@v0.$version"
}
CGO_ENABLED=0 go build -o "$dir/bin/mgd3" ./cmd/mgd3
go build -o "$dir/bin/kubelet" ./bench/kubelet
PATH=$dir/bin:$PATH

# ---- the control plane
run=$dir/run; rm -rf "$run"; mkdir -p "$run"
port=12379 secure=16443
pids=()
stop() { for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null || true; wait "${pids[i]}" 2>/dev/null || true; done; }
trap stop EXIT
etcd --data-dir "$run/etcd" --listen-client-urls http://127.0.0.1:$port --advertise-client-urls http://127.0.0.1:$port \
  --listen-peer-urls http://127.0.0.1:$((port + 1)) >"$run/etcd.log" 2>&1 & pids+=($!)
openssl genrsa -out "$run/sa.key" 2048 2>/dev/null
openssl rsa -in "$run/sa.key" -pubout -out "$run/sa.pub" 2>/dev/null
echo 'tok,admin,1,"system:masters"' >"$run/tokens.csv"
cat >"$run/kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$secure", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: tok}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
YAML
export KUBECONFIG=$run/kubeconfig
plane apiserver --etcd-servers=http://127.0.0.1:$port --secure-port=$secure --bind-address=127.0.0.1 --cert-dir="$run/certs" \
  --service-account-issuer=https://localhost --service-account-key-file="$run/sa.pub" --service-account-signing-key-file="$run/sa.key" \
  --token-auth-file="$run/tokens.csv" --authorization-mode=AlwaysAllow --disable-admission-plugins=ServiceAccount \
  --service-cluster-ip-range=10.0.0.0/24 >"$run/apiserver.log" 2>&1 & pids+=($!)
for _ in $(seq 300); do kubectl get --raw /readyz >/dev/null 2>&1 && break; kill -0 "${pids[-1]}" || { tail -3 "$run/apiserver.log"; exit 1; }; sleep 1; done
go version -m "$dir/bin/plane" | grep -o "k8s.io/kubernetes.v[0-9.]*"
plane controller-manager --kubeconfig "$run/kubeconfig" --secure-port=$((secure + 1)) --bind-address=127.0.0.1 --cert-dir="$run/certs2" \
  --controllers=job-controller,garbage-collector-controller,namespace-controller,pod-garbage-collector-controller \
  --leader-elect=false >"$run/manager.log" 2>&1 & pids+=($!)
kubelet() { # kubelet ARGS: it ends with the case
  "$dir/bin/kubelet" --server https://127.0.0.1:$secure --token tok --program "$dir/bin/mgd3" --claims "$dir/claims" --work "$run/pods" "$@" \
    >>"$run/kubelet.log" 2>&1 & kubelet=$!; pids+=($!)
}

# ---- the runs
fail() { echo "FAILED $case: $*"; tail -30 "$run/kubelet.log"; exit 1; }
visible() { (cd "$1" && find . -type f ! -path '*/.*' ! -path './cluster/*' ! -path './evaluation/*' -print0 | sort -z | xargs -0 sha256sum); }
scores() { (cd "$1/evaluation" && cat $(find . -name result.json | sort) scores.json | grep -v '"key"\|"seconds"\|"peak_mib"\|"energy_j"\|"crc32c"' | sed -E 's/"(seconds|peak_mib|energy_j)":[0-9.e+-]*//g' | sha256sum); }
same() { # same ONE OUT
  diff <(visible "$1") <(visible "$2") >/dev/null || fail "other bytes than one process"
  mgd3 -q verify "$2"
}
status() { kubectl get job "$1" -o jsonpath="{.status.$2}"; }
want() { [ "$(status "$1" "$2")" = "$3" ] || fail "$1: $2 is \"$(status "$1" "$2")\", want \"$3\""; }
submit() { mgd3 cluster kubernetes "${set[@]}" --out "/out/$case" --tasks 4 --retries 3 --image mgd3 --volume data:/data:ro --volume out:/out --apply --wait "$@"; }

claims=$dir/claims; rm -rf "$claims"; mkdir -p "$claims/data" "$claims/out"
mgd3 -q glyphs --out "$claims/data/set" --per-class 12
judge=(--test glyphs --test-split test --net convnet1,convnet2 --repeat 2)
glyphs=(--data glyphs --split train --limit 40 --model glyphs --ipc 4)
one=$dir/one
if [ ! -f "$one/evaluation/scores.json" ]; then
  rm -rf "$one"
  mgd3 -q distill "${glyphs[@]}" --out "$one"
  mgd3 -q evaluate --train distilled="$one" "${judge[@]}" --epochs 4 --out "$one/evaluation"
fi
small=$dir/small; rm -rf "$small"
mgd3 -q distill --data "$claims/data/set" --split train --model glyphs --ipc 2 --out "$small"

for case in "${cases[@]}"; do
  echo "== $case"; began=$(date +%s); : >"$run/kubelet.log"
  job=mgd3-$case-distill
  set=(--data /data/set --split train --model glyphs --ipc 2)
  case $case in
    faults) # pods are killed, and drained more often than a task may fail; with the trainings
      set=("${glyphs[@]}")
      kubelet --fault kill:1:2 --fault kill:3:1 --fault disrupt:0:4
      submit "${judge[@]}" --change epochs=4
      want "$job" failed 3; want "$job" failedIndexes ""; want "$job" completedIndexes 0-3
      [ "$(grep -c 'disrupt DisruptionTarget' "$run/kubelet.log")" = 4 ] || fail "not four pods were drained"
      same "$one" "$claims/out/$case"
      diff <(scores "$one") <(scores "$claims/out/$case") >/dev/null || fail "other scores than one process" ;;
    image) # an image of one class is broken: its task fails at once, the others end; mended, the same command goes on
      kubelet
      image=$(find "$claims/data/set/train" -type f | sort | tail -1); cp -p "$image" "$run/good"; head -c 100 "$run/good" >"$image"
      if submit; then fail "it ended well"; fi
      want "$job" failed 1; want "$job" failedIndexes 3; want "$job" completedIndexes 0-2
      mgd3 cluster status "$claims/out/$case"
      touch "$run/before"; cp -p "$run/good" "$image" # with its time, by which images are told apart
      submit
      made=$(find "$claims/out/$case/images" -newer "$run/before" -type f | wc -l)
      [ "$made" -gt 0 ] && [ "$made" -lt "$(find "$claims/out/$case/images" -type f | wc -l)" ] || fail "$made images are made anew"
      same "$small" "$claims/out/$case" ;;
    usage) # a mistake in the environment: exit code 2, no second try of any task; without it, it goes on
      kubelet --env RANK=0 --env WORLD_SIZE=7
      if submit; then fail "it ended well"; fi
      want "$job" failed 4; want "$job" failedIndexes 0-3
      kill "$kubelet"; wait "$kubelet" || true; kubelet
      submit; same "$small" "$claims/out/$case" ;;
    model) # weights that are cut: exit code 4
      kubelet
      cp -r glyphs/model/files "$claims/data/model"
      weights=$(find "$claims/data/model" -path '*dit*' -name '*.safetensors' | head -1)
      truncate -s $(($(stat -c %s "$weights") / 2)) "$weights"
      set=(--data /data/set --split train --model /data/model --ipc 2)
      if submit; then fail "it ended well"; fi
      want "$job" failed 4; want "$job" failedIndexes 0-3 ;;
    bucket) # set and run in a bucket, credentials in a Secret, nothing mounted but scratch; killed and drained pods
      [ -x "$dir/bin/versitygw" ] || GOBIN=$dir/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
      rm -rf "$dir/buckets"; mkdir -p "$dir/buckets/lab"; zip=$dir/buckets/lab/set.zip
      (cd "$claims/data/set" && python3 -m zipfile -c "$zip" train test)
      rm -rf "$dir/zipped"; mgd3 -q distill --data "$zip" --split train --model glyphs --ipc 2 --out "$dir/zipped"
      versitygw --access test --secret testsecret --port 127.0.0.1:17071 posix "$dir/buckets" >"$run/versitygw.log" 2>&1 & pids+=($!)
      for _ in $(seq 50); do (exec 3<>/dev/tcp/127.0.0.1/17071) 2>/dev/null && break; sleep 0.2; done
      kubectl create secret generic lab --from-literal=AWS_ACCESS_KEY_ID=test --from-literal=AWS_SECRET_ACCESS_KEY=testsecret
      at='?region=us-east-1&use_path_style=true&endpoint=http://127.0.0.1:17071'
      kubelet --fault kill:1:2 --fault disrupt:0:1
      set=(--data "s3://lab/set.zip$at" --split train --model glyphs --ipc 2 --out "s3://lab/$case$at" --tasks 4 --image mgd3 --secret lab --scratch 64Mi)
      mgd3 cluster kubernetes "${set[@]}" >"$run/jobs.yaml"
      ! grep -q 'testsecret' "$run/jobs.yaml" || fail "credentials are in the YAML"
      AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=testsecret mgd3 cluster kubernetes "${set[@]}" --test "s3://lab/set.zip$at" --test-split test \
        --net convnet1 --change epochs=1 --apply --wait
      want "$job" failed 2; want "$job" completedIndexes 0-3
      diff <(visible "$dir/zipped") <(visible "$dir/buckets/lab/$case") >/dev/null || fail "other bytes than one process"
      ! grep -r testsecret "$dir/buckets/lab" "$run"/pods/*.log || fail "credentials are in the run, or in a log"
      export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=testsecret
      mgd3 cluster status "s3://lab/$case$at"; mgd3 -q verify "s3://lab/$case$at"
      unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY ;;
  esac
  kill "$kubelet"; wait "$kubelet" || true
  echo "ok $case: $(($(date +%s) - began)) s; pods: $(grep -o 'Succeeded.*\|Failed.*' "$run/kubelet.log" | sort | uniq -c | tr -s '\n ' ' ')"
done
