#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills `toll run` with SIGKILL at random moments; every recording must be recovered, pass the check, and hold all but
the last second; the command must go on undisturbed. Prints TAP.

usage: killed_recorder.py TOLL [COUNT]
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

# Written at least twice a second, so a second bounds what is lost; the rest is for a busy machine.
LOST_S_MAX = 1.0
BUSY_S = 0.5
# Works and waits in turn, and marks the moments, so that there always is something to record.
COMMAND = ["sh", "-c", "while :; do sleep 0.02; head -c 300000 /dev/zero | cksum >/dev/null; done"]


def kill_once(toll, folder, number, chance):
    recording = folder / f"{number}.toll"
    started = time.monotonic()
    recorder = subprocess.Popen([toll, "run", "--no-store", "-q", "-o", recording, "--", *COMMAND], start_new_session=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.15, 1.2))
    recorder.kill()
    lived_s = time.monotonic() - started
    recorder.wait()
    try:
        os.killpg(recorder.pid, signal.SIGKILL)
    except ProcessLookupError:
        return "the command did not go on"
    saved = folder / f"{number}.saved.toll"
    for words in (["recover", recording, "-o", saved], ["check", "-q", saved]):
        done = subprocess.run([toll, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"toll {words[0]} exits with {done.returncode} after {lived_s:.2f} s: {done.stderr.strip()}"
    report = subprocess.run([toll, "report", saved, "--format", "json"], capture_output=True, text=True, check=False)
    if report.returncode:
        # Nothing was written yet: all of it was the last second.
        return None if lived_s < LOST_S_MAX + BUSY_S else f"no report after {lived_s:.2f} s: {report.stderr.strip()}"
    held_s = json.loads(report.stdout)["run"]["wall_ns"] / 1e9
    if lived_s - held_s > LOST_S_MAX + BUSY_S:
        return f"{lived_s - held_s:.2f} s of {lived_s:.2f} s are lost"
    return None


def main():
    toll, count = os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 50
    chance = random.Random(20)
    print(f"1..{count}")
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for number in range(1, count + 1):
            problem = kill_once(toll, pathlib.Path(name), number, chance)
            failed += problem is not None
            print(f"{'not ok' if problem else 'ok'} {number} - a killed recorder's file is saved", flush=True)
            if problem:
                print(f"# {problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
