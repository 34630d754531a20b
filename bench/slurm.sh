#!/usr/bin/env bash
# A whole distil and evaluation of the glyphs by "mgd3 cluster slurm" on a real Slurm, with faults; the bytes are compared
# with those of one process. Needs root on Debian 12: it installs slurm-wlm and munge, and starts munged, slurmctld and
# three slurmd on this host, on ports of their own and below DIR, without systemd. It stops them at its end.
#
#     bench/slurm.sh DIR [CASE...]     none and soft, without a fault, judged with hard labels and by a teacher that is trained
#                                      for it; faults: node preempt restart limit account cancel batch; default all
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(realpath -m "$1"); shift
faults=("$@"); [ $# -gt 0 ] || faults=(none soft node preempt restart limit account cancel batch)
mkdir -p "$dir"

command -v slurmctld slurmd munged >/dev/null || {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge
}
[ -x "$dir/mgd3" ] || CGO_ENABLED=0 go build -o "$dir/mgd3" ./cmd/mgd3
PATH=$dir:$PATH

# ---- the cluster
host=$(hostname -s)
getent hosts "$host" >/dev/null || echo "127.0.0.1 $host" >>/etc/hosts
export SLURM_CONF=$dir/slurm.conf
[ -f "$dir/munge.key" ] || { dd if=/dev/urandom of="$dir/munge.key" bs=1 count=1024 status=none; chmod 600 "$dir/munge.key"; }
cat >"$SLURM_CONF" <<CONF
ClusterName=mgd3test
SlurmctldHost=$host
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/slurmd.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
KillWait=3
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=5,batch_sched_delay=0
EnforcePartLimits=ALL
NodeName=n1 NodeHostname=$host Port=17001 CPUs=1
NodeName=n2 NodeHostname=$host Port=17002 CPUs=1
NodeName=n3 NodeHostname=$host Port=17003 CPUs=1
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=high Nodes=ALL MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF
PartitionName=closed Nodes=ALL MaxTime=INFINITE AllowAccounts=lab
CONF
rm -rf "$dir/state"; mkdir -p "$dir/state" "$dir/slurmd.n1" "$dir/slurmd.n2" "$dir/slurmd.n3"
stop() { for p in "$dir"/*.pid; do [ -f "$p" ] && kill "$(cat "$p")" 2>/dev/null; done; true; }
trap 'scancel --user=root --quiet 2>/dev/null; sleep 1; stop' EXIT
munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
  --log-file="$dir/munged.log" --seed-file="$dir/munge.seed"
slurmctld
node() { slurmd -N "$1"; }
node n1; node n2; node n3
for _ in $(seq 30); do [ "$(sinfo -h -p low -t idle -o %D 2>/dev/null)" = 3 ] && break; sleep 1; done
sinfo

# ---- the run
run=(--data glyphs --split train --limit 40 --model glyphs --ipc 4)
long=(--data glyphs --split train --limit 60 --model glyphs --ipc 60) # sampled by one task for longer than its limit
judge=(--test glyphs --test-split test --net convnet1,convnet2 --repeat 2)
soft=(epochs=4 teacher=train teacher-data="$dir/set" teacher-split=train teacher-net=dc-ConvNetW32 teacher-epochs=15)
submit() { mgd3 cluster slurm "${run[@]}" $test --out "$1" --tasks 5 --time 5m --grace 20s --partition low "${@:2}"; }
visible() { (cd "$1" && find . -type f ! -path '*/.*' ! -path './cluster/*' ! -path './evaluation/*' ! -path './soft/*' -print0 | sort -z | xargs -0 sha256sum); }
scores() { (cd "$1/evaluation" && cat $(find . -name result.json | sort) scores.json | grep -v '"key"\|"seconds"\|"peak_mib"\|"energy_j"\|"crc32c"' | sed -E 's/"(seconds|peak_mib|energy_j)":[0-9.e+-]*//g' | sha256sum); } # not their times, nor keys, which have paths
whole() { # DIR RUN...: the run by one process
  [ -f "$1/manifest.json" ] || mgd3 -q distill "${@:2}" --out "$1"
}
one=$dir/one
[ -d "$dir/set" ] || mgd3 -q glyphs --out "$dir/set" --per-class 60
whole "$one" "${run[@]}"
[ -f "$one/evaluation/scores.json" ] ||
  mgd3 -q evaluate --train distilled="$one" "${judge[@]}" --epochs 4 --out "$one/evaluation"
[ -f "$one/soft/evaluation/scores.json" ] ||
  mgd3 -q evaluate --train distilled="$one" "${judge[@]}" --protocol soft ${soft[@]/#/--} --out "$one/soft/evaluation"

same() {
  diff <(visible "$want") <(visible "$1") >/dev/null && { [ -z "$judged" ] || diff <(scores "$judged") <(scores "$1") >/dev/null; } ||
    { echo "FAILED $2: other bytes than one process"; exit 1; }
  mgd3 -q verify "$1"
  echo "ok $2: the bytes of one process"
}
await() { # until nothing of the run is queued
  for _ in $(seq 900); do
    [ -z "$(squeue -h -o %j 2>/dev/null || echo down)" ] && return
    sleep 1
  done
  squeue; mgd3 cluster status "$1"; echo "FAILED: not done in a quarter of an hour"; exit 1
}
started() { # OUT STAGE: until a task of the stage is at work, whose job is then $id
  for _ in $(seq 600); do
    id=$(cat "$1/cluster/$2"/*.json 2>/dev/null | tr -d ' \n' | grep -o '"state":"running","job":"[0-9]*"' | grep -o '[0-9]*' | head -n 1 || true)
    [ -n "$id" ] && return
    sleep 0.2
  done
  echo "FAILED: no task of $2 began"; exit 1
}
restarts() { scontrol -o show job | grep -F "$1/cluster/" | grep -c ' Restarts=[1-9]' || true; } # tasks that Slurm queued again

for fault in "${faults[@]}"; do
  out=$dir/$fault; rm -rf "$out"
  test=; judged=; want=$one
  echo "== $fault"; began=$(date +%s)
  case $fault in
    none) judged=$one; test="${judge[*]} --change epochs=4"; submit "$out" ;;
    soft) judged=$one/soft; test="${judge[*]} --protocol soft ${soft[*]/#/--change }"; submit "$out" ;;
    node) # a node that dies with its tasks, and comes back
      submit "$out"; started "$out" sample
      n=$(squeue -h -j "$id" -o %N)
      ids=$(squeue -h -t R -w "$n" -o %A | sort -u)
      echo "killing $n with the jobs" $ids
      kill -9 "$(cat "$dir/slurmd.$n.pid")"
      for id in $ids; do
        for p in $(pgrep -f "^slurmstepd: \[$id.batch\]"); do kill -9 "$p"; done
        for p in $(grep -lzs "^SLURM_JOB_ID=$id\$" /proc/[0-9]*/environ | cut -d/ -f3); do kill -9 "$p" 2>/dev/null || true; done
      done
      sleep 15; node "$n" ;;
    preempt) # a job of a higher partition takes all nodes
      submit "$out"; started "$out" sample
      sbatch --parsable -p high -N 3 --exclusive --time=1 --wrap 'sleep 5' -o /dev/null ;;
    restart) # the controller goes down in the middle, and comes back
      submit "$out"; started "$out" encode
      kill "$(cat "$dir/slurmctld.pid")"; mgd3 cluster status "$out"; sleep 8; slurmctld; sleep 5 ;;
    limit) # a task that needs longer than its limit
      want=$dir/long; whole "$want" "${long[@]}"
      submit "$out" "${long[@]}" --tasks 1 --time 1m --grace 40s ;;
    account) # an account that the partition does not take
      if submit "$out" --partition closed --account wrong; then echo "FAILED: a wrong account was taken"; exit 1; fi
      [ ! -d "$out/latents" ] && submit "$out" --account lab ;;
    cancel) # taken out in the middle, submitted again
      submit "$out"; started "$out" sample; mgd3 cluster cancel "$out"; await "$out"; submit "$out" ;;
    batch) # a task's own process is killed: Slurm takes out what waits for it, and the same command goes on
      submit "$out"; started "$out" sample
      merge=$(squeue -h -o '%j %A' | awk '/-merge/ {print $2; exit}')
      for p in $(grep -lzs "^SLURM_JOB_ID=$id\$" /proc/[0-9]*/environ | cut -d/ -f3); do
        if tr '\0' ' ' <"/proc/$p/cmdline" | grep -q 'mgd3 cluster task'; then echo "killing process $p of job $id"; kill -9 "$p"; fi
      done
      await "$out"
      scontrol -o show job "$merge" | grep -q 'JobState=CANCELLED' || { scontrol -o show job "$merge"; echo "FAILED batch: the merge was not cancelled"; exit 1; }
      [ ! -f "$out/manifest.json" ] || { echo "FAILED batch: merged without a task"; exit 1; }
      again=$(submit "$out"); echo "$again"
      ! grep -Eq '^(encode|modes)' <<<"$again" || { echo "FAILED batch: what is made is submitted again"; exit 1; } ;;
  esac
  await "$out"
  mgd3 cluster status "$out"
  again=$(restarts "$out")
  case $fault in node | preempt | limit)
    [ "$again" -gt 0 ] || { echo "FAILED $fault: it struck no task"; exit 1; } ;;
  esac
  same "$out" "$fault"
  echo "$fault: $(($(date +%s) - began)) s, $again tasks queued again by Slurm, $(cat "$out"/cluster/*/*.log | grep -c 'queued again' || true) by themselves, attempts: $(grep -ho '"attempt": [0-9]*' "$out"/cluster/*/*.json | sort | uniq -c | tr -s '\n ' ' ')"
done
