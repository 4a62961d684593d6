#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What recording costs: CPU time of a busy program, beside perf record; wall time of a build of thousands of
short processes; and how many of those a recording lacks, counted by strace in the same run."""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOLL = os.environ["TOLL"]
SOURCE = pathlib.Path(os.environ["SOURCE"])
ROUNDS = int(os.environ.get("ROUNDS", "7"))
BUILD_ROUNDS = int(os.environ.get("BUILD_ROUNDS", "3"))

PEER = "perf record"

BUSY = r"""
#include <stdio.h>
volatile unsigned long sink;
__attribute__((noinline)) static void parse_row(unsigned long n) { for (unsigned long i = 0; i < n; i++) sink += i * i; }
__attribute__((noinline)) static void write_row(unsigned long n) { for (unsigned long i = 0; i < n; i++) sink ^= i; }
int main(void)
{
    for (unsigned long i = 0; i < 3000; i++) { parse_row(800000); write_row(400000); }
    printf("%lu\n", sink);
    return 0;
}
"""


def talk(text):
    print(f"recorder_cost_bench: {text}", file=sys.stderr, flush=True)


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def measure(command, folder):
    """(CPU seconds of the command and all that it waited for, wall seconds); the exit status must be 0."""
    start = time.monotonic()
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}: {said.decode()[-500:]}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start


def interleave(ways, rounds, folder, before=lambda: None):
    """Each way once a round, every other round the other way round; lists of (CPU, wall) by way. A peer that breaks
    leaves the race."""
    seen = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(seen)[::-1 if turn % 2 else 1]:
            before()
            try:
                seen[name].append(measure(ways[name], folder))
            except RuntimeError as broken:
                if name != PEER:
                    raise
                talk(broken)
                del seen[name]
    return seen


def added(seen, way, index):
    """Median over the rounds of (way - native) / native."""
    return statistics.median(mine[index] / native[index] - 1 for mine, native in zip(seen[way], seen["native"]))


def cpu_bound(folder):
    limit, peer = "at most 2 %", "perf record -g -F 999"
    (folder / "busy.c").write_text(BUSY)
    subprocess.run(["cc", "-O2", "-g", "-fno-omit-frame-pointer", "-o", "busy", "busy.c"], cwd=folder, check=True)
    ways, refused = {"native": ["./busy"]}, []
    for rung in ("bpf", "perf", "preload"):
        way = [TOLL, "run", "--no-store", "-q", "--recorder", rung, "-o", "busy.toll", "--", "./busy"]
        tried = subprocess.run([*way[:-1], "true"], cwd=folder, capture_output=True, check=False)
        if tried.returncode:
            refused.append(rung)
        else:
            ways[rung] = way
    if shutil.which("perf"):
        ways[PEER] = ["perf", "record", "-q", "-g", "-F", "999", "-o", "busy.data", "./busy"]
    seen = interleave(ways, ROUNDS, folder)
    has_perf = PEER in seen
    talk(f"native {statistics.median(cpu for cpu, _ in seen['native']):.2f} s of CPU time")
    for rung in refused:
        figure(f"recording a CPU-bound program, added CPU time, {rung}", f"skip: {rung} is refused here", limit, peer)
    total = {way: sum(cpu for cpu, _ in seen[way]) for way in seen}
    for rung in [way for way in ways if way not in ("native", PEER)]:
        figure(f"recording a CPU-bound program, added CPU time, {rung}", f"{added(seen, rung, 0) * 100:.2f} %", limit, peer)
        if has_perf:
            figure(f"recording a CPU-bound program, CPU time in all, {rung}", f"{total[rung] / total[PEER]:.4f} x",
                   "at most 1 x", f"perf record -g -F 999, which adds {added(seen, PEER, 0) * 100:.2f} %")


def copy_tree(folder):
    tree = folder / "tree"
    shutil.copytree(SOURCE, tree, ignore=lambda _, names: [n for n in names if n.startswith(("build", ".git"))])
    subprocess.run(["meson", "setup", "-Doptimization=0", "-Dwerror=false", "out"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    return tree


def build(folder):
    name, limit, peer = "recording ninja -j2 of toll itself, wall time", "at most 1.05 x", "the same without toll"
    if not shutil.which("ninja"):
        figure(name, "skip: ninja is not installed", limit, peer)
        return
    tree = copy_tree(folder)
    ninja = ["ninja", "-C", "out", "-j2"]
    ways = {"native": ninja, "toll": [TOLL, "run", "--no-store", "-q", "-o", str(folder / "make.toll"), "--", *ninja]}

    def clean():
        subprocess.run([*ninja, "-t", "clean"], cwd=tree, check=True, stdout=subprocess.DEVNULL)

    measure(ninja, tree)
    seen = interleave(ways, BUILD_ROUNDS, tree, clean)
    talk(f"the build: {statistics.median(wall for _, wall in seen['native']):.1f} s,"
         f" added CPU time {added(seen, 'toll', 0) * 100:.1f} %")
    figure(name, f"{1 + added(seen, 'toll', 1):.3f} x", limit, peer)
    missing(folder, tree, ninja, clean)


def missing(folder, tree, ninja, clean):
    name, limit, peer = "processes of that build not in the recording", "at most 0", "strace -f -e trace=process"
    if not shutil.which("strace"):
        figure(name, "skip: strace is not installed", limit, peer)
        return
    clean()
    trace, recording = folder / "trace", folder / "traced.toll"
    measure(["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=process", "-o", str(trace), TOLL, "run", "--no-store", "-q",
             "-o", str(recording), "--", *ninja], tree)
    started = set()
    for line in trace.read_text(errors="replace").splitlines():
        made = re.search(r"(?:clone|clone3|fork|vfork)(?:\(| resumed>)(.*)\) += (\d+)$", line)
        if made and "CLONE_THREAD" not in made.group(1):
            started.add(made.group(2))
    report = subprocess.run([TOLL, "report", "--format", "json", str(recording)], capture_output=True, check=True)
    recorded = json.loads(report.stdout)["run"]["process_count"]
    talk(f"{len(started)} processes started, {recorded} recorded")
    figure(name, f"{max(0, len(started) - recorded)}", limit, peer)


def main():
    with tempfile.TemporaryDirectory(prefix="toll-cost-") as name:
        folder = pathlib.Path(name)
        which = sys.argv[1:] or ["cpu", "build"]
        if "cpu" in which:
            cpu_bound(folder)
        if "build" in which:
            build(folder)


main()
