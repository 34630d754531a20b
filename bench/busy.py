#!/usr/bin/env python3
"""Is a core ever idle? Runs a command of mgd3 and reads its processor time from Linux ten times a second. Prints, for each stage that its
progress names: seconds, cores that were busy on average, and the share of time in which a fifth of a core or more was idle.

Usage: bench/busy.py [--threads 2] [--trace FILE.csv] mgd3 distill ...      --trace writes seconds, stage and busy cores of each sample
"""
import argparse, os, re, subprocess, sys, threading, time

EVERY = 0.1
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of all threads, of user and system; the kernel counts them in hundredths, so a sample is right within 0.1 of a core."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def follow(stream, at):
    """Passes the progress on, and keeps the stage that its last line begins with."""
    line = b""
    while piece := os.read(stream.fileno(), 4096):
        sys.stderr.buffer.write(piece)
        sys.stderr.flush()
        *lines, line = re.split(rb"[\r\n]", line + piece)
        for text in lines:
            if word := re.match(rb"([a-z]+) +\d+/\d+", text):
                at[0] = word[1].decode()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--trace")
    p.add_argument("command", nargs=argparse.REMAINDER)
    a = p.parse_args()
    run, at, samples = subprocess.Popen(a.command, stderr=subprocess.PIPE), ["start"], []
    threading.Thread(target=follow, args=(run.stderr, at), daemon=True).start()
    begin = last = time.monotonic()
    used = 0.0
    while run.poll() is None:
        time.sleep(EVERY)
        try:
            now, total = time.monotonic(), cpu(run.pid)
        except (FileNotFoundError, IndexError, ProcessLookupError):
            break
        if total >= used:
            samples.append((now - begin, at[0], now - last, (total - used) / (now - last)))
        last, used = now, total
    run.wait()
    if a.trace:
        with open(a.trace, "w") as f:
            f.write("seconds,stage,busy\n")
            f.writelines(f"{t:.2f},{stage},{busy:.2f}\n" for t, stage, _, busy in samples)
    print(f"{'stage':10} {'seconds':>8} {'cores busy':>11} {'idle, % of time':>16}")
    for stage in list(dict.fromkeys(s for _, s, _, _ in samples)) + ["all"]:
        mine = [(d, b) for _, s, d, b in samples if stage in (s, "all")]
        wall = sum(d for d, _ in mine)
        print(f"{stage:10} {wall:8.1f} {sum(d * b for d, b in mine) / wall:11.2f} "
              f"{100 * sum(d for d, b in mine if b < a.threads - 0.2) / wall:16.1f}")
    sys.exit(run.returncode)


if __name__ == "__main__":
    main()
