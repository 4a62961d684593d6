#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What watching a saturated server costs: one nginx on a CPU of its own under one load on another, all the time.

A virtual machine may run twice as fast in one second as in the next, so what is attached for seconds and taken away again
says little (`turns`, which is the whole cost, and tells what toll's start and end cost once). What does not drift is put
together from its parts (`parts`), each held against the tenths of a second beside it:

    kernel   the worker's thread is taken out of toll's table of threads and put back, a tenth of a second each: what the
             programs at its switches and wake-ups cost it
    windows  the requests missing around each moment in which its system calls are counted by peer
    own      the CPU time of toll itself, as if all of it were taken from the server

And above all of them (`whole`): the same turns, of WHOLE_S, in which toll itself is stopped as well. What it missed it does at
once when it is let go, so that is more than it costs.

What goes on while the thread is not in the table (a byte is looked up at each switch, the sampling clock ticks) is in none
of them; `programs` tells what the programs take while toll watches another process.

    bench/run service                                         about six minutes
    SERVICE_S=600 bench/run service                           ten each: narrower intervals
    TOGETHER=1 bench/run service                              both on one CPU: 40,000 switches a second
    bench/service_bench.py parts | turns | programs | noise   one alone (TOLL names the program)

`programs` asks the kernel what each eBPF program takes; `noise` runs the load alone and says how far neighbouring windows
of each length differ.
"""

import bisect
import ctypes
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

TOLL = os.environ["TOLL"]
SERVICE_S = float(os.environ.get("SERVICE_S", "120"))
WINDOW_S = float(os.environ.get("WINDOW_S", "2"))
TOGETHER = bool(os.environ.get("TOGETHER"))
SETTLE_S = float(os.environ.get("SETTLE_S", "3"))  # names of functions are looked for from two seconds on
PAUSE_S = 0.2  # after toll has ended
TURN_S = 0.1
WHOLE_S = 0.2
LOOK_S = 0.002  # between two looks for a window
ROUND_S = (-0.045, -0.01, 0.02, 0.05)  # before a window begins, and behind it: beside, from, to, beside
RESAMPLES = 1000
STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")

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

BPF_CALL = {"x86_64": 321, "aarch64": 280}
BPF_UPDATE, BPF_DELETE, BPF_FD_BY_ID = 2, 3, 14

WAYS = {"waits": ("waits and CPU at 99 Hz", "at most 3 %", ["--rate", "99", "--io", "none"]),
        "io": ("with I/O by peer (sampled)", "at most 6 %", ["--rate", "99", "--io", "sampled"])}


def talk(text):
    print(f"service_bench: {text}", file=sys.stderr, flush=True)


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


class Load:
    """nginx with one worker under one wrk, each on a CPU of its own."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "www").mkdir(exist_ok=True)
        (folder / "www" / "index.html").write_text("x" * 1024)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=self.port))
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.server = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], cwd=folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.line = self.connect()
        self.worker = int(pathlib.Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()[0])
        self.wrk = subprocess.Popen(["wrk", "-t1", "-c16", "-d36000s", f"http://127.0.0.1:{self.port}/"],
                                    stdout=subprocess.DEVNULL)
        time.sleep(0.5)  # its threads are there
        cpus = sorted(os.sched_getaffinity(0))
        for pid in (self.server.pid, self.worker):
            os.sched_setaffinity(pid, cpus[:1])
        for thread in os.listdir(f"/proc/{self.wrk.pid}/task"):
            os.sched_setaffinity(int(thread), cpus[:1] if TOGETHER else cpus[1:2] or cpus)

    def connect(self):
        for _ in range(100):
            try:
                return socket.create_connection(("127.0.0.1", self.port), 10)
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("nginx does not answer")

    def read(self):
        """When, how many requests nginx has answered by then (stub_status), and the CPU time of its worker in seconds."""
        self.line.sendall(b"GET /count HTTP/1.1\r\nHost: count\r\n\r\n")
        said = b""
        while b"Waiting" not in said.partition(b"Writing")[2]:
            said += self.line.recv(4096)
        count = int(re.search(rb"requests\s+\d+ \d+ (\d+)", said).group(1))
        return time.monotonic(), count, cpu_s(self.worker)

    def window(self, seconds):
        """Of some seconds: both ends, requests/s, and the worker's CPU time for one request."""
        start = self.read()
        time.sleep(seconds)
        end = self.read()
        requests = end[1] - start[1]
        return {"start": start, "end": end, "rate": requests / (end[0] - start[0]), "cpu": (end[2] - start[2]) / requests}

    def close(self):
        for process in (self.wrk, self.server):
            process.terminate()
            process.wait(20)


def cpu_s(pid):
    """CPU time of a process of one thread, to the nanosecond."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def attach(load, options, pid=0):
    return subprocess.Popen([TOLL, "attach", "-q", "--recorder", "bpf", *options, "-o", "bench.toll", str(pid or load.worker)],
                            cwd=load.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def detach(watch):
    if watch.poll() is not None:
        raise RuntimeError("toll attach ended early")
    watch.send_signal(signal.SIGINT)
    watch.wait(30)


def middle(values):
    """The mean of the middle three fifths: a single odd turn does not move it."""
    cut = len(values) // 5
    return statistics.mean(sorted(values)[cut:len(values) - cut])


def interval(values):
    """The middle, and where 95 % of it lie over resampled turns."""
    drawn = random.Random(1)
    seen = sorted(middle(drawn.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return middle(values), seen[int(0.025 * RESAMPLES)], seen[int(0.975 * RESAMPLES)]


def percent(values):
    at, low, high = interval(values)
    return f"{at * 100:.2f} % ({low * 100:.1f} to {high * 100:.1f} %)"


def lost_ms(before, after, rate):
    """Of the time between two readings what was no service."""
    return (after[0] - before[0] - (after[1] - before[1]) / rate) * 1e3


def turn(load, options, before):
    """One turn with toll, after a window without; and the window without it that follows."""
    watch = attach(load, options)
    time.sleep(SETTLE_S)
    own = cpu_s(watch.pid)
    on = load.window(WINDOW_S)
    own = cpu_s(watch.pid) - own
    detach(watch)
    time.sleep(PAUSE_S)
    after = load.window(WINDOW_S)
    rate = (before["rate"] + after["rate"]) / 2
    cpu = (before["cpu"] + after["cpu"]) / 2
    return after, {"lost": 1 - on["rate"] / rate, "cpu": on["cpu"] / cpu - 1, "own": own / WINDOW_S,
                   "start_ms": lost_ms(before["end"], on["start"], rate), "end_ms": lost_ms(on["end"], after["start"], rate)}


class Table:
    """The entry of one thread in toll's table of threads in the kernel."""

    def __init__(self, watch, tid):
        told = subprocess.run(["bpftool", "map", "show", "-j"], capture_output=True, check=True).stdout
        tables = {each["id"]: each for each in json.loads(told) if each.get("name") == "threads"}
        held = {int(found) for path in pathlib.Path(f"/proc/{watch.pid}/fdinfo").iterdir()
                for found in re.findall(r"map_id:\s*(\d+)", path.read_text())}
        table = tables[(held & set(tables)).pop()]
        self.call = lambda command, *words: ctypes.CDLL(None, use_errno=True).syscall(
            BPF_CALL[os.uname().machine], command, struct.pack("=16Q", *words, *[0] * (16 - len(words))), 128)
        self.fd = self.call(BPF_FD_BY_ID, table["id"])
        self.key = ctypes.create_string_buffer(struct.pack("=I", tid), 4)
        self.value = ctypes.create_string_buffer(struct.pack("=II", tid, tid), table["bytes_value"])
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "no access to toll's table of threads")

    def put(self):
        self.done(self.call(BPF_UPDATE, self.fd, ctypes.addressof(self.key), ctypes.addressof(self.value), 0))

    def take(self):
        self.done(self.call(BPF_DELETE, self.fd, ctypes.addressof(self.key)))

    @staticmethod
    def done(status):
        if status:
            raise OSError(ctypes.get_errno(), "toll's table of threads did not take it")


def between(start, end):
    return (end[1] - start[1]) / (end[0] - start[0])


def taken_out(table, watch, folder, usual):
    """toll stands still, not while it counts calls: two more descriptors are open then."""
    table.take()
    while usual:
        watch.send_signal(signal.SIGSTOP)
        if len(os.listdir(folder)) <= usual:
            return
        watch.send_signal(signal.SIGCONT)
        time.sleep(LOOK_S)


def turns_part(load, watch, is_whole):
    """What share of its requests the worker loses while it is in the table, turn by turn against its neighbours; or while toll
    works at all."""
    table, folder = Table(watch, load.worker), f"/proc/{watch.pid}/fd"
    usual = min(len(os.listdir(folder)) for _ in range(100)) if is_whole else 0
    reads = [load.read()]
    end = time.monotonic() + SERVICE_S / 2
    try:
        while time.monotonic() < end or len(reads) % 2:
            if len(reads) % 2:
                taken_out(table, watch, folder, usual)
            else:
                table.put()
                watch.send_signal(signal.SIGCONT)
            time.sleep(WHOLE_S if is_whole else TURN_S)
            reads.append(load.read())
        table.put()
    finally:
        watch.send_signal(signal.SIGCONT)
    rates = [between(a, b) for a, b in zip(reads, reads[1:])]
    return [1 - 2 * rates[i] / (rates[i - 1] + rates[i + 1]) for i in range(1, len(rates) - 1, 2)]


def windows_part(load, watch):
    """The share of its requests that are missing around the moments in which calls are counted."""
    folder = f"/proc/{watch.pid}/fd"
    looks, begins = [], []
    usual = len(os.listdir(folder))
    end = time.monotonic() + SERVICE_S / 2
    while time.monotonic() < end:
        time.sleep(LOOK_S)
        count = len(os.listdir(folder))
        usual = min(usual, count)
        looks.append(load.read())
        if count >= usual + 2 and (not begins or looks[-1][0] > begins[-1] + 0.02):
            begins.append(looks[-1][0])
    times = [look[0] for look in looks]
    missing = []
    for begin in begins:
        at = [bisect.bisect(times, begin + offset) for offset in ROUND_S]
        if at[0] == 0 or at[3] == len(looks):
            continue
        points = [looks[i] for i in at]
        beside = (points[1][1] - points[0][1] + points[3][1] - points[2][1]) / \
                 (points[1][0] - points[0][0] + points[3][0] - points[2][0])
        missing.append(points[2][0] - points[1][0] - (points[2][1] - points[1][1]) / beside)
    per_s = len(begins) / (times[-1] - times[0])
    return [each * per_s for each in missing]


def parts(folder):
    if not shutil.which("bpftool"):
        for name, limit, _ in WAYS.values():
            figure(f"nginx under wrk, {name}: requests lost", "skip: bpftool is not installed", limit, "")
        return
    load = Load(folder)
    try:
        for way, (name, limit, options) in WAYS.items():
            watch = attach(load, options)
            time.sleep(SETTLE_S)
            began, own = time.monotonic(), cpu_s(watch.pid)
            lost = {"kernel": interval(turns_part(load, watch, False))}
            if way == "io":
                lost["windows"] = interval(windows_part(load, watch))
            own = (cpu_s(watch.pid) - own) / (time.monotonic() - began)
            whole = turns_part(load, watch, True)
            detach(watch)
            told = ", ".join(f"{part} {at * 100:.2f} % ({low * 100:.2f} to {high * 100:.2f} %)" for part, (at, low, high) in lost.items())
            at = own + sum(each[0] for each in lost.values())
            wide = math.hypot(*((high - low) / 2 for _, low, high in lost.values()))
            figure(f"nginx under wrk, {name}: requests lost, the parts together",
                   f"{at * 100:.2f} % ({(at - wide) * 100:.2f} to {(at + wide) * 100:.2f} %)", limit,
                   f"{told}, toll itself {own * 100:.2f} %")
            figure(f"nginx under wrk, {name}: requests lost, toll stopped and let go in turns", percent(whole), limit,
                   f"{len(whole)} turns")
    finally:
        load.close()


def turns(folder):
    load = Load(folder)
    seen = {way: [] for way in WAYS}
    alone = []
    try:
        time.sleep(1)
        alone.append(load.window(WINDOW_S))
        end = time.monotonic() + SERVICE_S
        order = [*WAYS, *reversed(WAYS)]
        at = 0
        while time.monotonic() < end or at % len(order):
            way = order[at % len(order)]
            after, told = turn(load, WAYS[way][2], alone[-1])
            seen[way].append(told)
            alone.append(after)
            at += 1
    finally:
        load.close()
    null = [1 - b["rate"] * 2 / (a["rate"] + c["rate"]) for a, b, c in zip(alone, alone[1:], alone[2:])]
    talk(f"nginx alone: {statistics.median(each['rate'] for each in alone):.0f} requests/s, "
         f"{statistics.median(each['cpu'] for each in alone) * 1e6:.2f} us of CPU time each; "
         f"turns without toll against their neighbours: {percent(null)}")
    for way, (name, _, _) in WAYS.items():
        told = {key: [each[key] for each in seen[way]] for key in seen[way][0]}
        figure(f"nginx under wrk, {name}: requests lost, by turns of {WINDOW_S:g} s", percent(told["lost"]), "",
               f"nginx alone, {len(seen[way])} turns")
        figure(f"nginx under wrk, {name}: more CPU time of nginx for a request", percent(told["cpu"]), "", "nginx alone")
        figure(f"nginx under wrk, {name}: of one CPU, toll itself", percent(told["own"]), "", "")
        figure(f"nginx under wrk, {name}: service lost once at toll's start and its end",
               f"{statistics.median(told['start_ms']):.0f} ms and {statistics.median(told['end_ms']):.0f} ms", "", "")


def programs_ns():
    """What each eBPF program in the kernel has run so far, and how often, by its number and name."""
    told = subprocess.run(["bpftool", "prog", "show", "-j"], capture_output=True, check=True).stdout
    return {(each["id"], each.get("name", "")): (each.get("run_time_ns", 0), each.get("run_cnt", 0)) for each in json.loads(told)}


def programs(folder):
    """What each eBPF program takes while the load goes on; the kernel's own clock reads for it are not told."""
    if not os.access(STATS, os.W_OK) or not shutil.which("bpftool"):
        figure("nginx under wrk, what eBPF programs take of one CPU", "skip: not allowed to count it", "", "")
        return
    kept = STATS.read_text()
    load = Load(folder)
    idle = subprocess.Popen(["sleep", "3600"])
    try:
        STATS.write_text("1")
        for name, options, pid in [(name, options, load.worker) for name, _, options in WAYS.values()] + \
                [("toll attached to another process", WAYS["waits"][2], idle.pid)]:
            before = programs_ns()
            watch = attach(load, options, pid)
            time.sleep(SETTLE_S)
            start = {key: ns for key, ns in programs_ns().items() if key not in before}
            own, began = cpu_s(watch.pid), time.monotonic()
            rate = load.window(3 * WINDOW_S)["rate"]
            took = time.monotonic() - began
            end = programs_ns()
            own = cpu_s(watch.pid) - own
            detach(watch)
            shares = {key[1]: ((end[key][0] - ns[0]) / took / 1e9, (end[key][1] - ns[1]) / took) for key, ns in start.items()}
            talk(f"{name}: {rate:.0f} requests/s; toll {own / took * 100:.2f} % of a CPU; " + ", ".join(
                f"{each} {share * 100:.2f} % ({count:.0f}/s)" for each, (share, count) in shares.items() if count))
            figure(f"nginx under wrk, {name}: of one CPU, eBPF programs", f"{sum(share for share, _ in shares.values()) * 100:.2f} %",
                   "", f"toll itself {own / took * 100:.2f} %")
    finally:
        STATS.write_text(kept)
        idle.kill()
        idle.wait()
        load.close()


def noise(folder):
    load = Load(folder)
    step = 0.1
    try:
        time.sleep(1)
        seen = [load.read()]
        end = time.monotonic() + SERVICE_S
        while time.monotonic() < end:
            time.sleep(step)
            seen.append(load.read())
    finally:
        load.close()
    for size in (1, 2, 5, 10, 20, 30, 50, 100):
        points = seen[::size]
        rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(points, points[1:])]
        cpus = [(b[2] - a[2]) / (b[1] - a[1]) for a, b in zip(points, points[1:])]
        if len(rates) < 9:
            break
        talk(f"windows of {size * step:.1f} s: " + ", ".join(
            f"{name} {statistics.pstdev([1 - b * 2 / (a + c) for a, b, c in zip(each, each[1:], each[2:])]) * 100:.2f} %"
            for name, each in (("requests/s", rates), ("CPU time for one", cpus))))


def main():
    known = {"parts": parts, "turns": turns, "programs": programs, "noise": noise}
    lacking = [name for name in ("wrk", "nginx") if not (shutil.which(name) or os.access(f"/usr/sbin/{name}", os.X_OK))]
    with tempfile.TemporaryDirectory(prefix="toll-service-") as name:
        folder = pathlib.Path(name)
        tried = subprocess.run([TOLL, "run", "--no-store", "-q", "--recorder", "bpf", "-o", "try.toll", "--", "true"], cwd=folder,
                               capture_output=True, text=True, check=False)
        why = f"{' and '.join(lacking)} not installed" if lacking else " ".join(tried.stderr.split())[:120] if tried.returncode else ""
        if why:
            for way, limit, _ in WAYS.values():
                figure(f"nginx under wrk, {way}: requests lost", f"skip: {why}", limit, "")
            return
        for part in sys.argv[1:] or ("parts", "turns", "programs"):
            known[part](folder)


main()
