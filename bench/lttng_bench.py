#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A span with libtoll, recorded by toll run, against its begin and end as two events of LTTng-UST with a session at work,
in turns in one process (span_pair.c). Several runs; the median of their ratios.
"""
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 5
LINE = "span, begin and end"
PEER = "two events of LTTng-UST, one with a number"
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def build(folder):
    source, out = pathlib.Path(os.environ["SOURCE"]), pathlib.Path(os.environ["BUILD"])
    command = ["gcc", "-O2", f"-I{source}/include", f"-I{source}/bench", f"{source}/bench/span_pair.c", "-o", f"{folder}/span_pair",
               f"-L{out}", f"-Wl,-rpath,{out}", "-ltoll", "-llttng-ust", "-ldl"]
    return subprocess.run(command, **QUIET).returncode == 0


@contextlib.contextmanager
def session(folder, env):
    """A session daemon of our own, and a session with all events on."""
    daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel"], env=env, **QUIET)
    try:
        steps = [["create", "toll-bench", f"--output={folder}/trace"],
                 ["enable-channel", "--userspace", "--subbuf-size=4M", "--num-subbuf=8", "wide"],
                 ["enable-event", "--userspace", "--channel=wide", "toll_bench:*"], ["start"]]
        for step in steps:
            deadline_s = time.monotonic() + 20
            while subprocess.run(["lttng", *step], env=env, **QUIET).returncode != 0:
                if time.monotonic() > deadline_s:
                    sys.exit(f"lttng_bench: lttng {' '.join(step)} failed")
                time.sleep(0.1)
        yield
        subprocess.run(["lttng", "destroy", "toll-bench"], env=env, **QUIET)
    finally:
        daemon.terminate()
        daemon.wait()


def main():
    limit = "at least 4 x"
    if not shutil.which("lttng-sessiond"):
        print(f"{LINE} | skip: lttng-tools is not installed | {limit} | {PEER}")
        return
    with tempfile.TemporaryDirectory(prefix="toll-lttng-") as folder:
        env = {**os.environ, "LTTNG_HOME": folder}
        if not build(folder):
            print(f"{LINE} | skip: liblttng-ust-dev is not installed | {limit} | {PEER}")
            return
        pairs = []
        with session(folder, env):
            for _ in range(RUNS):
                told = subprocess.run([os.environ["TOLL"], "run", "-q", "--no-store", "-o", f"{folder}/a.toll", "--", f"{folder}/span_pair"],
                                      env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
                pairs.append((float(told[0]), float(told[1])))
        events = subprocess.run(f"find {folder}/trace -type f -size +1M | wc -l", shell=True, stdout=subprocess.PIPE, text=True).stdout
        if int(events) == 0:
            sys.exit("lttng_bench: LTTng recorded nothing")
        for ours_ns, theirs_ns in pairs:
            print(f"toll {ours_ns:.1f} ns, LTTng-UST {theirs_ns:.1f} ns")
        ratio = statistics.median(theirs / ours for ours, theirs in pairs)
        print(f"{LINE} | {ratio:.1f} x cheaper | {limit} | {PEER}")


main()
