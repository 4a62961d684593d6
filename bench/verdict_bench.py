#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far toll bench's word can be trusted: false alarms of a command against itself while another process loads the
machine at random, hyperfine with Welch's test beside it; and how often real differences are seen, idle and loaded.

    bench/verdict_bench.py [same] [power] [loaded]     TRIALS (60), POWER_TRIALS (20): 200 take 23 minutes"""

import json
import math
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOLL = os.environ["TOLL"]
TRIALS = int(os.environ.get("TRIALS", "60"))
POWER_TRIALS = int(os.environ.get("POWER_TRIALS", "20"))
SEED = int(os.environ.get("SEED", "1"))
TARGET_S = float(os.environ.get("TARGET_S", "0.02"))

SPIN = r"""
#include <stdlib.h>
volatile unsigned long sink;
int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    for (unsigned long i = 0; i < count; i++)
        sink += i * i;
    return 0;
}
"""

# Bursts of up to two busy processes with pauses between them, of random lengths.
LOAD = """
import os, random, sys, time
draw = random.Random(int(sys.argv[1]))
while True:
    children = []
    for _ in range(draw.randint(0, 2)):
        pid = os.fork()
        if pid == 0:
            end = time.monotonic() + draw.uniform(0.05, 1.5)
            while time.monotonic() < end:
                pass
            os._exit(0)
        children.append(pid)
    time.sleep(draw.uniform(0.05, 1.0))
    for pid in children:
        os.waitpid(pid, 0)
    if os.getppid() == 1:
        break
"""


def talk(text):
    print(f"verdict_bench: {text}", file=sys.stderr, flush=True)


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def calibrate(spin):
    count = 1_000_000
    while True:
        times = []
        for _ in range(7):
            start = time.monotonic()
            subprocess.run([spin, str(count)], check=True)
            times.append(time.monotonic() - start)
        if min(times) > TARGET_S / 2:
            return int(count * TARGET_S / min(times))
        count *= 2


def bench(a, b, *options):
    start = time.monotonic()
    out = subprocess.run([TOLL, "bench", "--no-store", a, "--vs", b, "--json", "-q", *options], capture_output=True, text=True, check=True).stdout
    result = json.loads(out)
    comparison = result["comparisons"][0]
    comparison["took_s"] = time.monotonic() - start
    comparison["rounds"] = result["rounds"]
    comparison["excludes"] = comparison["ratio_low"] > 1 or (comparison["ratio_high"] or math.inf) < 1
    return comparison


def welch(a, b):
    """Welch's test at 5 %: t against the quantile of Student's t, by the usual approximation of it (Abramowitz and
    Stegun 26.7.5)."""
    va, vb = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    if va + vb == 0:
        return False
    freedom = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    z = 1.959964
    t = z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
    return abs(statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(va + vb) > t


def hyperfine(folder, command):
    path = folder / "h.json"
    subprocess.run(["hyperfine", "-N", "-w", "1", "-r", "20", "--style", "none", "--export-json", str(path), command, command],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    one, two = json.loads(path.read_text())["results"]
    return welch(one["times"], two["times"])


def same(folder, command):
    """The same command against itself, under random load."""
    alarms = excludes = peer_alarms = denied = 0
    longest, has_peer = 0.0, shutil.which("hyperfine") is not None
    load = subprocess.Popen([sys.executable, "-c", LOAD, str(SEED)])
    try:
        for _ in range(TRIALS):
            comparison = bench(command, command)
            alarms += comparison["verdict"] in ("faster", "slower")
            excludes += comparison["excludes"]
            denied += comparison["denied_by"] is not None
            longest = max(longest, comparison["took_s"])
            peer_alarms += has_peer and hyperfine(folder, command)
    finally:
        load.kill()
        load.wait()
    talk(f"same: {TRIALS} trials, {alarms} verdicts, {excludes} intervals without 1, {denied} denied,"
         f" longest {longest:.1f} s, peer {peer_alarms}")
    peer = f"hyperfine -N, 20 runs each, Welch at 5 %: {peer_alarms} of {TRIALS}" if has_peer else "hyperfine is not installed"
    figure(f"a command against itself under random load, false verdicts of {TRIALS}", f"{alarms}", f"at most {0.08 * TRIALS:.0f}", peer)
    figure(f"the same, intervals that leave out 1, of {TRIALS}", f"{excludes}", f"at most {0.08 * TRIALS:.0f}", peer)
    figure("the longest of them", f"{longest:.1f} s", "at most 20 s", f"a command of {TARGET_S * 1000:.0f} ms")


def power(spin, count, where, limits):
    for percent, rounds, limit in limits:
        seen = 0
        order = random.Random(SEED)
        for _ in range(POWER_TRIALS):
            slow = f"{spin} {int(count * (1 + percent / 100))}"
            comparison = bench(f"{spin} {count}", slow, "-r", str(rounds), "--no-control", "--seed", str(order.randint(1, 10**9)))
            seen += comparison["excludes"] and comparison["ratio"] > 1
        talk(f"power {where}: {percent} %, {rounds} pairs: {seen} of {POWER_TRIALS}")
        figure(f"a real {percent} % seen, {where}, {rounds} pairs", f"{100 * seen / POWER_TRIALS:.0f} %", limit, f"{POWER_TRIALS} trials")


def main():
    which = sys.argv[1:] or ["same", "power", "loaded"]
    with tempfile.TemporaryDirectory(prefix="toll-verdict-") as name:
        folder = pathlib.Path(name)
        (folder / "spin.c").write_text(SPIN)
        subprocess.run(["cc", "-O1", "-o", "spin", "spin.c"], cwd=folder, check=True)
        spin = str(folder / "spin")
        count = calibrate(spin)
        if "same" in which:
            same(folder, f"{spin} {count}")
        if "power" in which:
            power(spin, count, "idle", [(2, 40, "at least 80 %"), (5, 20, "at least 90 %"), (10, 20, "at least 99 %")])
        if "loaded" in which:
            load = subprocess.Popen([sys.executable, "-c", LOAD, str(SEED)])
            try:
                power(spin, count, "under load", [(2, 40, ""), (5, 20, ""), (10, 20, "")])
            finally:
                load.kill()
                load.wait()


main()
