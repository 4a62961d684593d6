#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What toll bench adds to a run of /bin/true: its own figure beside a bare vfork, execve and wait loop in C, and
beside hyperfine -N, in blocks that take turns. And the peak memory of a child of a megabyte under a runner that holds
200 MB, against what the child says of itself."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

TOLL = os.environ["TOLL"]
BLOCKS = int(os.environ.get("BLOCKS", "12"))
RUNS = int(os.environ.get("RUNS", "100"))

BARE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
extern char **environ;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
int main(int argc, char **argv)
{
    char *words[] = {"/bin/true", NULL};
    int nothing = open("/dev/null", O_RDWR), runs = atoi(argv[argc - 1]);
    dup2(nothing, 0);
    dup2(nothing, 2);
    for (int i = 0; i < runs; i++) {
        struct rusage usage;
        int status;
        double start = now();
        pid_t pid = vfork();
        if (pid == 0) {
            execve(words[0], words, environ);
            _exit(127);
        }
        wait4(pid, &status, 0, &usage);
        printf("%.0f\n", now() - start);
    }
    return 0;
}
"""


CHILD = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    char line[256];
    volatile char *held = malloc(1 << 20);
    for (size_t i = 0; i < 1 << 20; i += 512)
        held[i] = 1;
    FILE *status = fopen("/proc/self/smaps_rollup", "r"), *told = fopen(argv[argc - 1], "w");
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "Rss:", 4) == 0)
            fputs(line, told);
    return held[512] != 1 || fclose(told);
}
"""


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def bare(folder):
    out = subprocess.run([str(folder / "bare"), str(RUNS)], capture_output=True, text=True, check=True).stdout
    return [float(line) for line in out.split()]


def toll(_):
    out = subprocess.run([TOLL, "bench", "--no-store", "-q", "--json", "-r", str(RUNS), "-w", "5", "--", "/bin/true"],
                         capture_output=True, text=True, check=True).stdout
    return [run["wall_ns"] for run in json.loads(out)["arms"][0]["runs"]]


def hyperfine(folder):
    path = folder / "h.json"
    subprocess.run(["hyperfine", "-N", "-r", str(RUNS), "-w", "5", "--style", "none", "--export-json", str(path), "/bin/true"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return [seconds * 1e9 for seconds in json.loads(path.read_text())["results"][0]["times"]]


def memory(folder):
    """The runner is toll, started by a process of 200 MB; the peer is what that process would say itself (wait4)."""
    (folder / "child.c").write_text(CHILD)
    subprocess.run(["cc", "-O1", "-static", "-o", "child", "child.c"], cwd=folder, check=True)
    words, held = [str(folder / "child"), str(folder / "told")], b"x" * (200 << 20)
    out = subprocess.run([TOLL, "bench", "-q", "--json", "-r", "6", "--", *words], capture_output=True, text=True, check=True).stdout
    told = float((folder / "told").read_text().split()[1]) * 1024
    own = os.wait4(os.posix_spawn(words[0], words, {}), 0)[2].ru_maxrss * 1024
    median = statistics.median(run["memory_bytes_max"] for run in json.loads(out)["arms"][0]["runs"])
    assert held[-1] == ord("x")
    figure("peak memory of a child of 1 MB under a process of 200 MB, off by", f"{100 * abs(median / told - 1):.1f} %", "at most 10 %",
           f"wait4 in that process: {own / told:.0f} times too much")


def main():
    with tempfile.TemporaryDirectory(prefix="toll-start-") as name:
        folder = pathlib.Path(name)
        (folder / "bare.c").write_text(BARE)
        subprocess.run(["cc", "-O2", "-o", "bare", "bare.c"], cwd=folder, check=True)
        ways = {"bare": bare, "toll": toll}
        if shutil.which("hyperfine"):
            ways["hyperfine"] = hyperfine
        medians = {way: [] for way in ways}
        for block in range(BLOCKS):
            for way in list(ways)[::-1 if block % 2 else 1]:
                medians[way].append(statistics.median(ways[way](folder)))
        ratio = {way: statistics.median(mine / native for mine, native in zip(medians[way], medians["bare"]))
                 for way in ways}
        print(f"start_bench: the bare loop: {statistics.median(medians['bare']) / 1e3:.1f} us a run,"
              f" {BLOCKS} blocks of {RUNS}", file=sys.stderr)
        peer = f"hyperfine -N: {ratio['hyperfine']:.3f} x" if "hyperfine" in ways else "a bare vfork, execve, wait loop"
        memory(folder)
        figure("one run of /bin/true, against a bare loop", f"{ratio['toll']:.3f} x", "at most 1.03 x", peer)


main()
