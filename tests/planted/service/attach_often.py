#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attaches to a busy nginx again and again: no request fails, and nothing is left behind.

usage: attach_often.py [--toll PROGRAM] [--times 20] [--seconds 1] [--recorder bpf|perf|proc]...

wrk keeps nginx busy over connections that stay open. toll attaches to it --times times for --seconds each, in turn on
each rung that works here; every fourth time toll is killed with SIGKILL in the middle. Before and after each
time nginx must have the same descriptors, mappings, threads and no tracer; no eBPF program or link may be left in the
kernel that no process holds; and no process of toll. `make soak` runs it for 30 s each time.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE))
from limits import RECORDERS, refused  # noqa: E402
from stack import StackError, Web, missing  # noqa: E402

CONNECTIONS = 16


def links_of(pid):
    folder = pathlib.Path(f"/proc/{pid}/fd")
    found = {}
    for entry in os.listdir(folder):
        try:
            found[entry] = os.readlink(folder / entry)
        except OSError:
            continue
    return found


def state_of(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    maps = [line.split(None, 5) for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return {"descriptors": links_of(pid),
            "mappings": sorted({fields[5] if len(fields) > 5 else fields[0] for fields in maps}),
            "threads": sorted(os.listdir(f"/proc/{pid}/task")),
            "tracer": [line for line in status.splitlines() if line.startswith("TracerPid")]}


def held_by_processes(what):
    """Ids of the programs or links that descriptors of living processes hold."""
    held = set()
    for descriptor in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if not os.readlink(descriptor).startswith("anon_inode:bpf"):
                continue
            text = (descriptor.parent.parent / "fdinfo" / descriptor.name).read_text()
        except OSError:
            continue  # the process or the descriptor is gone
        held |= {int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{what}_id:")}
    return held


def listed(what):
    done = subprocess.run(["bpftool", "-j", what, "list"], capture_output=True, text=True)
    return {item["id"] for item in json.loads(done.stdout)} if done.returncode == 0 and done.stdout else None


def orphans_of(what):
    """Ids of the programs or links in the kernel that no process holds; None where that cannot be told. Those of other
    recorders on the machine come and go, so what is left must be there, and unheld, for a while."""
    if not shutil.which("bpftool") or os.geteuid() != 0:
        return None
    orphans = listed(what)
    for _ in range(5):
        if not orphans:
            return orphans
        orphans -= held_by_processes(what)
        time.sleep(0.1)
        orphans &= listed(what) or set()
    return orphans


def difference(before, after):
    return [f"{key}: {value} became {after[key]}" for key, value in before.items() if after[key] != value]


def left_behind(toll_pid):
    return [f"process {toll_pid} of toll"] if os.path.exists(f"/proc/{toll_pid}") else []


def attach_once(options, recorder, pids, folder, killed):
    command = [options.toll, "attach", "-q", "--for", f"{options.seconds}s", "--recorder", recorder, "-o",
               f"{folder}/a.toll", *map(str, pids)]
    toll = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    if killed:
        time.sleep(options.seconds * 0.6)
        toll.kill()
    _, told = toll.communicate()
    problems = left_behind(toll.pid)
    if not killed and toll.returncode:
        problems.append(f"toll attach ended with {toll.returncode}: {told.strip()}")
    if not killed and subprocess.run([options.toll, "check", "-q", f"{folder}/a.toll"]).returncode:
        problems.append("the recording is damaged")
    return problems


def run(options, rungs, folder):
    problems = []
    with Web(folder) as web:
        wrk = web.load(int(options.times * (options.seconds + 1.5)) + 5, CONNECTIONS, "/static")
        time.sleep(1)
        pids = web.pids()
        before = {pid: state_of(pid) for pid in pids}
        orphans = {what: orphans_of(what) for what in ("prog", "link")}
        for turn in range(options.times):
            recorder, killed = rungs[turn % len(rungs)], turn % 4 == 3
            found = attach_once(options, recorder, pids, folder, killed)
            time.sleep(0.1)  # what the kernel frees after a process ends is freed a moment later
            for pid in pids:
                found += difference(before[pid], state_of(pid))
            for what, known in orphans.items():
                left = orphans_of(what) if known is not None else None
                found += [f"{what} {number} is left" for number in sorted((left or set()) - (known or set()))]
            problems += [f"time {turn + 1} on {recorder}{', killed' if killed else ''}: {problem}" for problem in found]
        wrk.terminate() if wrk.poll() is not None else wrk.send_signal(2)  # Ctrl-C: wrk tells what it has
        load = web.load_end(wrk)
    if load.failed_count:
        problems.append(f"{load.failed_count} of {load.request_count} requests failed")
    print(f"# {options.times} times {options.seconds:g} s on {', '.join(rungs)}: {load.request_count} requests, "
          f"{load.failed_count} failed, {load.requests_per_s:.0f}/s; eBPF programs and links "
          f"{'looked for' if orphans['prog'] is not None else 'not to be listed here'}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toll", default=os.environ.get("TOLL", ROOT / "build" / "toll"))
    parser.add_argument("--recorder", action="append", choices=RECORDERS)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--tap", action="store_true", help="nothing else than TAP is printed anyway")
    options = parser.parse_args()
    why = missing()
    rungs = [recorder for recorder in options.recorder or RECORDERS if not why and not refused(options, recorder)]
    if why or not rungs:
        print(f"ok 1 - attach, again and again # SKIP {why or 'no rung works here'}\n1..1")
        return 0
    with tempfile.TemporaryDirectory(prefix="toll-attach-", dir="/var/tmp") as folder:
        try:
            problems = run(options, rungs, folder)
        except StackError as failure:
            print(f"could not run: {failure}", file=sys.stderr)
            return 3
    for problem in problems:
        print(f"# {problem[:500]}")
    print(f"{'not ok' if problems else 'ok'} 1 - attach, again and again, fails no request and leaves nothing behind\n1..1")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
