#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the end of a program to its flame graph: `toll run` and `toll report --format flamegraph` against `perf record --call-graph
dwarf`, `perf script` (which names inlined calls) and the FlameGraph scripts, whose folder FLAMEGRAPH_DIR names. The program is toll
itself, a large binary with debug information and inlined calls, which judges a recording again and again until there are 60,000
samples. What both write on the disk is compared as well. FLAMEGRAPH_SAMPLES makes it shorter.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SAMPLES = int(os.environ.get("FLAMEGRAPH_SAMPLES", "60000"))
RATE_HZ = 4999
ROWS = 400_000
TIME, BYTES = "record to flame graph, 60,000 samples", "bytes of that recording"
TIME_LIMIT, BYTES_LIMIT = "at least 20 x", "at least 20 x"
PEER = "perf record --call-graph dwarf, perf script, stackcollapse-perf.pl, flamegraph.pl"


def timed(command, **more):
    start_s = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    return time.monotonic() - start_s


def job_of(folder, toll):
    """A command of about SAMPLES samples, which notes when it ends; and the file with that."""
    recording = f"{folder}/judged.toll"
    subprocess.run([f"{os.environ['BUILD']}/bench/big_recording", recording, str(ROWS)], check=True, stdout=subprocess.DEVNULL)
    judge = [toll, "report", recording, "--format", "json", "-o", "/dev/null"]
    once_s = min(timed(judge) for _ in range(3))
    times = max(1, round(SAMPLES / RATE_HZ / once_s))
    script = f"i=0; while [ $i -lt {times} ]; do {' '.join(judge)}; i=$((i + 1)); done; date +%s.%N >{folder}/end"
    return ["sh", "-c", script]


def after_end_s(folder):
    return time.time() - float(pathlib.Path(folder, "end").read_text())


def with_perf(folder, job, scripts):
    data = f"{folder}/perf.data"
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(RATE_HZ), "--call-graph", "dwarf", "-o", data, "--", *job],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{folder}/perf.svg", "wb") as out:
        subprocess.run(f"perf script -i {data} 2>/dev/null | {scripts}/stackcollapse-perf.pl 2>/dev/null | {scripts}/flamegraph.pl",
                       shell=True, check=True, stdout=out, stderr=subprocess.DEVNULL)
    return after_end_s(folder), os.path.getsize(data)


def with_toll(folder, job, toll):
    recording = f"{folder}/a.toll"
    env = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}  # nothing known of the program from before
    shutil.rmtree(env["XDG_CACHE_HOME"], ignore_errors=True)
    subprocess.run([toll, "run", "-q", "--no-store", "--rate", str(RATE_HZ), "-o", recording, "--", *job], check=True, env=env,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([toll, "report", recording, "--format", "flamegraph", "-o", f"{folder}/toll.svg"], check=True, env=env)
    return after_end_s(folder), os.path.getsize(recording)


def sample_count(folder, toll):
    answer = subprocess.run([toll, "query", f"{folder}/a.toll", "--csv", "SELECT count(*) FROM sample"], check=True, stdout=subprocess.PIPE, text=True)
    return int(answer.stdout.split()[-1])


def main():
    toll = os.environ["TOLL"]
    scripts = pathlib.Path(os.environ.get("FLAMEGRAPH_DIR", "/nowhere"))
    why = ""
    if not os.access(scripts / "flamegraph.pl", os.X_OK):
        why = "FLAMEGRAPH_DIR names no folder with flamegraph.pl"
    elif subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "true"], check=False,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        why = "perf cannot record here"
    if why:
        print(f"{TIME} | skip: {why} | {TIME_LIMIT} | {PEER}")
        return
    with tempfile.TemporaryDirectory(prefix="toll-flame-") as folder:
        job = job_of(folder, toll)
        ours = [with_toll(folder, job, toll)]
        theirs = with_perf(folder, job, scripts)
        ours.append(with_toll(folder, job, toll))
        print(f"{sample_count(folder, toll)} samples; toll {ours[0][0]:.2f} and {ours[1][0]:.2f} s, perf {theirs[0]:.2f} s; "
              f"{ours[1][1]:,} bytes against {theirs[1]:,}", file=sys.stderr)
        print(f"{TIME} | {theirs[0] / max(each[0] for each in ours):.1f} x faster | {TIME_LIMIT} | {PEER}")
        print(f"{BYTES} | {theirs[1] / max(each[1] for each in ours):.1f} x fewer | {BYTES_LIMIT} | perf record --call-graph dwarf")


main()
