#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What knowing every wait costs (toll run --recorder bpf): a ping-pong, a loop of system calls, beside perf and strace
where they are installed; and whether the waits that a program measured itself are told exactly. A server: service_bench.py.

Walls are those that the programs measure themselves, so loading and ending a recorder is no part of them.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

TOLL = os.environ["TOLL"]
ROUNDS = int(os.environ.get("ROUNDS", "7"))
PEER_ROUNDS = 1  # strace -f takes half a minute

CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
"""

PING = CLOCK + r"""
int main(void)
{
    int there[2], back[2], count = 200000;
    char byte = 0;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    if (pipe(there) || pipe(back))
        return 1;
    double start = now();
    if (fork() == 0) {
        for (int i = 0; i < count; i++)
            if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < count; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            return 1;
    wait(NULL);
    printf("wall %.6f\n", now() - start);
    return 0;
}
"""

CALLS = CLOCK + r"""
int main(void)
{
    char byte;
    int fd = open("/dev/zero", O_RDONLY);
    double start = now();
    for (int i = 0; i < 2000000; i++)
        if (read(fd, &byte, 1) != 1)
            return 1;
    printf("wall %.6f\n", now() - start);
    return 0;
}
"""

EXACT = CLOCK + r"""
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void pause_ms(int ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};
    nanosleep(&t, NULL);
}
static int turn;
static void *holder(void *nothing)
{
    for (int i = 0; i < 40; i++) {
        pthread_mutex_lock(&lock);
        __atomic_store_n(&turn, i + 1, __ATOMIC_SEQ_CST);
        pause_ms(5);
        pthread_mutex_unlock(&lock);
        while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != -i - 1)
            sched_yield();
    }
    return nothing;
}
int main(void)
{
    int ends[2];
    char byte = 0;
    double sum, start;
    pthread_t thread;
    if (pipe(ends))
        return 1;
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 60; i++) {
            pause_ms(5);
            if (write(ends[1], &byte, 1) != 1)
                _exit(1);
        }
        close(ends[0]);
        pause_ms(300);
        _exit(0);
    }
    sum = 0;
    for (int i = 0; i < 60; i++) {
        start = now();
        if (read(ends[0], &byte, 1) != 1)
            return 1;
        sum += now() - start;
    }
    printf("pipe %.6f\n", sum);
    start = now();
    waitpid(child, NULL, 0);
    printf("child %.6f\n", now() - start);
    pthread_create(&thread, NULL, holder, NULL);
    sum = 0;
    for (int i = 0; i < 40; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != i + 1)
            sched_yield();
        start = now();
        pthread_mutex_lock(&lock);
        sum += now() - start;
        pthread_mutex_unlock(&lock);
        __atomic_store_n(&turn, -i - 1, __ATOMIC_SEQ_CST);
    }
    printf("lock %.6f\n", sum);
    pthread_join(thread, NULL);
    return 0;
}
"""

def talk(text):
    print(f"wait_cost_bench: {text}", file=sys.stderr, flush=True)


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def compile_program(folder, name, text):
    (folder / f"{name}.c").write_text(text)
    subprocess.run(["cc", "-O2", "-g", "-fno-omit-frame-pointer", "-pthread", "-o", name, f"{name}.c"], cwd=folder, check=True)


def toll(*options):
    return [TOLL, "run", "--no-store", "-q", "--recorder", "bpf", *options, "-o", "bench.toll", "--"]


def refused(folder):
    """Why there is no bpf rung here; '' when there is."""
    tried = subprocess.run([*toll(), "true"], cwd=folder, capture_output=True, text=True, check=False)
    return " ".join(tried.stderr.split())[:120] if tried.returncode else ""


def wall(command, folder):
    """What the program says of itself."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return float(re.search(r"^wall ([0-9.]+)", ran.stdout, re.MULTILINE).group(1))


def ratios(ways, program, folder, rounds=ROUNDS):
    """Median of (way / native) over interleaved rounds, by way."""
    seen = {name: [] for name in ["native", *ways]}
    for turn in range(rounds):
        for name in list(seen)[::-1 if turn % 2 else 1]:
            seen[name].append(wall([*ways.get(name, []), program], folder))
    talk(f"{program} alone: {statistics.median(seen['native']):.3f} s")
    return {name: statistics.median(mine / native for mine, native in zip(seen[name], seen["native"])) for name in ways}


def peers_of(folder, program, wanted):
    """One line of what others cost with the same program."""
    told = []
    for name, command in wanted.items():
        if not shutil.which(command[0]):
            continue
        try:
            told.append(f"{name} {ratios({name: command}, program, folder, PEER_ROUNDS)[name]:.1f} x")
        except (subprocess.CalledProcessError, AttributeError):
            told.append(f"{name} did not run")
    return ", ".join(told) or "no peer is installed"


def ping(folder):
    compile_program(folder, "ping", PING)
    seen = ratios({"toll": toll("--io", "none")}, "./ping", folder)
    peers = peers_of(folder, "./ping", {
        "perf sched_switch -g": ["perf", "record", "-q", "-g", "-e", "sched:sched_switch", "-o", "ping.data"],
        "perf trace": ["perf", "trace", "-o", "ping.trace"],
        "strace -f": ["strace", "-f", "-o", "ping.strace"]})
    figure("ping-pong on one core, every wait with its waker and stacks", f"{seen['toll']:.3f} x", "at most 1.3 x", peers)


def calls(folder):
    compile_program(folder, "calls", CALLS)
    seen = ratios({"none": toll("--io", "none"), "sampled": toll("--io", "sampled"), "all": toll("--io", "all")},
                  "./calls", folder)
    peers = peers_of(folder, "./calls", {"strace -c": ["strace", "-c", "-o", "calls.strace"],
                                         "perf trace -s": ["perf", "trace", "-s", "-o", "calls.trace"]})
    figure("2 million system calls, waits alone", f"{seen['none']:.3f} x", "at most 1.02 x", peers)
    figure("2 million system calls, sampled by peer", f"{seen['sampled']:.3f} x", "at most 1.1 x", peers)
    figure("2 million system calls, each counted by peer", f"{seen['all']:.3f} x", "at most 2.5 x", peers)


def exact(folder):
    compile_program(folder, "exact", EXACT)
    ran = subprocess.run([*toll(), "./exact"], cwd=folder, capture_output=True, text=True, check=True)
    said = {name: float(value) for name, value in re.findall(r"^(\w+) ([0-9.]+)$", ran.stdout, re.MULTILINE)}
    report = subprocess.run([TOLL, "report", "--format", "json", "bench.toll"], cwd=folder, capture_output=True, check=True)
    told = {}
    for stage in json.loads(report.stdout)["stages"]:
        for reason, ns in stage["wait_ns"].items():
            told[reason] = told.get(reason, 0) + ns / 1e9
    worst = max(abs(told.get(reason, 0) / measured - 1) for reason, measured in said.items())
    talk(", ".join(f"{reason}: measured {measured:.4f} s, told {told.get(reason, 0):.4f} s" for reason, measured in said.items()))
    figure("waits by reason against what the program measured", f"{worst * 100:.2f} % off", "at most 1 %", "its own clock")


def main():
    with tempfile.TemporaryDirectory(prefix="toll-waits-") as name:
        folder = pathlib.Path(name)
        parts = {"exact": exact, "ping": ping, "calls": calls}
        why = refused(folder)
        for part in sys.argv[1:] or parts:
            if why:
                figure(f"{part}: what waits cost", f"skip: {why}", "", "")
            else:
                parts[part](folder)


main()
