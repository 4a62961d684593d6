#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What knowing every wait costs (toll run --recorder bpf): a ping-pong, a loop of system calls, nginx under wrk; beside
perf, strace where they are installed; and whether the waits that a program measured itself are told exactly.

Walls are those that the programs measure themselves, so loading and ending a recorder is no part of them.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOLL = os.environ["TOLL"]
ROUNDS = int(os.environ.get("ROUNDS", "7"))
PEER_ROUNDS = 1  # strace -f takes half a minute
WRK_S = int(os.environ.get("WRK_S", "2"))

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

NGINX = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{ root {folder}/www; }}
        location /count {{ stub_status; }}
    }}
}}
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def served(folder, port):
    """An nginx that answers on the port."""
    (folder / "www").mkdir(exist_ok=True)
    (folder / "www" / "index.html").write_text("x" * 1024)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    server = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], cwd=folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    return server


def requests_per_s(port):
    said = subprocess.run(["wrk", "-t1", "-c16", f"-d{WRK_S}s", f"http://127.0.0.1:{port}/"], capture_output=True,
                          text=True, check=True).stdout
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", said).group(1))


def requests_counted(port):
    """How many requests nginx has answered so far (its stub_status), and when it said so."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.sendall(b"GET /count HTTP/1.0\r\n\r\n")
        said = b"".join(iter(lambda: line.recv(4096), b""))
    return int(re.search(rb"requests\s+\d+ \d+ (\d+)", said).group(1)), time.monotonic()


def window(port):
    """Requests/s of the next WRK_S seconds of a load that goes on."""
    before, start = requests_counted(port)
    time.sleep(WRK_S)
    after, end = requests_counted(port)
    return (after - before) / (end - start)


def watched(options, server, folder, port):
    """Requests/s while toll has been attached to the server for a second."""
    watch = None
    if options is not None:
        watch = subprocess.Popen([TOLL, "attach", "-q", "--recorder", "bpf", *options, "-o", "bench.toll", str(server.pid)],
                                 cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
    try:
        return window(port)
    finally:
        if watch:
            if watch.poll() is not None:
                raise RuntimeError("toll attach ended early")
            watch.send_signal(signal.SIGINT)
            watch.wait(20)


STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


def programs_ns():
    """What each eBPF program in the kernel has run so far, by its number."""
    told = subprocess.run(["bpftool", "prog", "show", "-j"], capture_output=True, check=True).stdout
    return {each["id"]: each.get("run_time_ns", 0) for each in json.loads(told)}


def cpu_ns(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf("SC_CLK_TCK")


def cpu_taken(options, server, folder, port):
    """The share of the machine's CPU time that toll and its eBPF programs took; the kernel's clock reads included."""
    before = programs_ns()
    watch = subprocess.Popen([TOLL, "attach", "-q", "--recorder", "bpf", *options, "-o", "bench.toll", str(server.pid)],
                             cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    start = {number: ns for number, ns in programs_ns().items() if number not in before}
    own, began = cpu_ns(watch.pid), time.monotonic_ns()
    requests_per_s(port)
    end, took = programs_ns(), time.monotonic_ns() - began
    own = cpu_ns(watch.pid) - own
    watch.send_signal(signal.SIGINT)
    watch.wait(20)
    return (sum(end[number] - ns for number, ns in start.items()) + own) / took / os.cpu_count()


def service_cpu(folder):
    """As service, but what toll takes is counted instead of what is lost: others on the machine do not show in it."""
    names = {"waits": ("nginx under wrk, CPU taken by waits and CPU at 99 Hz", "at most 3 %", ["--rate", "99", "--io", "none"]),
             "io": ("nginx under wrk, CPU taken with I/O by peer", "at most 6 %", ["--rate", "99"])}
    lacking = [name for name in ("wrk", "nginx", "bpftool") if not (shutil.which(name) or os.access(f"/usr/sbin/{name}", os.X_OK))]
    if lacking or not os.access(STATS, os.W_OK):
        for name, limit, _ in names.values():
            figure(name, f"skip: {' and '.join(lacking) or 'not allowed to count what eBPF programs run'}", limit, "")
        return
    kept = STATS.read_text()
    port = free_port()
    server = served(folder, port)
    try:
        STATS.write_text("1")
        for name, limit, options in names.values():
            taken = [cpu_taken(options, server, folder, port) for _ in range(ROUNDS)]
            middle, low, high = median_interval(taken)
            figure(name, f"{middle * 100:.2f} % ({low * 100:.1f} to {high * 100:.1f} %)", limit, "the machine's CPU time")
    finally:
        STATS.write_text(kept)
        server.terminate()
        server.wait(20)


def median_interval(values):
    """The median with its order-statistic interval of 95 % (binomial)."""
    values, count = sorted(values), len(values)
    rank = max(int(count / 2 - 0.98 * count ** 0.5), 0)
    return statistics.median(values), values[rank], values[count - 1 - rank]


def pin_apart(server, load):
    """nginx with its worker on one CPU, its load on another: where the kernel puts them makes more difference than toll."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return
    children = pathlib.Path(f"/proc/{server}/task/{server}/children").read_text().split()
    for pid in [server, *map(int, children)]:
        os.sched_setaffinity(pid, cpus[:1])
    for thread in os.listdir(f"/proc/{load}/task"):
        os.sched_setaffinity(int(thread), cpus[1:2])


def service(folder):
    """One nginx under one load all the time; windows with and without toll take turns, so that a slower minute, and how the
    kernel spread the load over the cores, fall on both."""
    names = {"waits": ("nginx under wrk, waits and CPU at 99 Hz, requests lost", "at most 3 %"),
             "io": ("nginx under wrk, with I/O by peer, requests lost", "at most 6 %")}
    missing = [name for name in ("wrk", "nginx") if not (shutil.which(name) or os.access(f"/usr/sbin/{name}", os.X_OK))]
    if missing:
        for name, limit in names.values():
            figure(name, f"skip: {' and '.join(missing)} not installed", limit, "")
        return
    ways = {"waits": ["--rate", "99", "--io", "none"], "io": ["--rate", "99"]}
    lost = {name: [] for name in ways}
    alone = []
    port = free_port()
    server = served(folder, port)
    load = subprocess.Popen(["wrk", "-t1", "-c16", "-d3600s", f"http://127.0.0.1:{port}/"], stdout=subprocess.DEVNULL)
    time.sleep(0.5)  # its threads are there
    pin_apart(server.pid, load.pid)
    try:
        window(port)
        for turn in range(2 * ROUNDS):
            for name, options in list(ways.items())[::-1 if turn % 2 else 1]:
                order = [None, options] if turn % 4 in (0, 3) else [options, None]
                seen = {each is not None: watched(each, server, folder, port) for each in order}
                alone.append(seen[False])
                lost[name].append(1 - seen[True] / seen[False])
    finally:
        load.terminate()
        load.wait(20)
        server.terminate()
        server.wait(20)
    talk(f"nginx alone: {statistics.median(alone):.0f} requests/s")
    for way, (name, limit) in names.items():
        middle, low, high = median_interval(lost[way])
        figure(name, f"{middle * 100:.2f} % ({low * 100:.1f} to {high * 100:.1f} %)", limit, "nginx alone")


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
        parts = {"exact": exact, "ping": ping, "calls": calls, "service": service,
             "service_cpu": service_cpu}
        why = refused(folder)
        for part in sys.argv[1:] or parts:
            if why:
                figure(f"{part}: what waits cost", f"skip: {why}", "", "")
            else:
                parts[part](folder)


main()
