#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How good toll's predictions are, told by toll itself: each planted program that has a change of known size is recorded
(toll run), its fix measured beside what the recording predicted (toll verify), and all of them judged (toll calibration).

    bench/calibration_bench.py [CASE...]     RECORDER, RUNS (6); without cases all that need no real server or control group"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("SOURCE", pathlib.Path(__file__).resolve().parent.parent))
BUILD = pathlib.Path(os.environ.get("BUILD", SOURCE / "build"))
TOLL = os.environ.get("TOLL", str(BUILD / "toll"))
RUNS = os.environ.get("RUNS", "6")
PLANTED = SOURCE / "tests/planted"
sys.path.insert(0, str(PLANTED))

from cases import CASES, SERVERS  # noqa: E402: the path comes first
from run import Servers  # noqa: E402


def talk(text):
    print(text, file=sys.stderr, flush=True)


def toll(*arguments):
    return subprocess.run([TOLL, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)


def verify(case, names, work):
    """Records the broken program and verifies its fix; a line about it, or why there is none."""
    def filled(words):
        return [word.format(**names) for word in words]

    recording = work / f"{case.name}.toll"
    rung = ["--recorder", os.environ["RECORDER"]] if "RECORDER" in os.environ else []
    done = toll("run", "--no-store", "-q", *rung, "-o", recording, "--", *filled(case.broken))
    if done.returncode:
        return f"{case.name}: not recorded: {done.stderr.strip()}"
    # The name of a lock is not known before the run: then the first finding says the change.
    change = [] if case.change.endswith("*") else ["--change", case.change.format(**names)]
    done = toll("verify", "--yes", "--json", "-r", RUNS, "-w", "0", "--no-control", "--name", case.name, "--store", work / "history.db",
                "--tag", f"case={case.name}", "--recording", recording, *change, "--vs", " ".join(filled(case.fixed)), "--",
                *filled(case.broken))
    try:
        result = json.loads(done.stdout)
    except json.JSONDecodeError:
        return f"{case.name}: {done.stderr.strip()}"
    prediction, comparison = result["prediction"], result["comparison"]
    within = "within" if result["outcome"]["is_inside"] else "overlaps" if result["outcome"]["overlaps"] else "outside"
    return (f"{case.name}: predicted {prediction['factor']:.2f}x ({prediction['factor_low']:.2f} to {prediction['factor_high']:.2f}), "
            f"measured {1 / comparison['ratio']:.2f}x, {within}")


def usable(case, wanted):
    """Those with a change of known size that need nothing but the suite's own peers."""
    if wanted:
        return case.name in wanted
    return bool(case.change) and not case.service and not case.group_bytes


def main():
    cases = [case for case in CASES if usable(case, sys.argv[1:])]
    programs = BUILD / "tests/planted"
    if not (programs / "hot_function").exists():
        print("error of a predicted duration (planted suite) | skip: the planted programs are not built | at most 15 % | ")
        return 0
    work = pathlib.Path(tempfile.mkdtemp(prefix="toll-calibration-", dir=os.environ.get("DISK")))
    servers = Servers(programs, list(SERVERS))
    try:
        names = {"programs": programs, "here": PLANTED, "work": work, **servers.ports}
        for case in cases:
            if case.prepare:
                subprocess.run([word.format(**names) for word in case.prepare], check=True)
            talk(verify(case, names, work))
        talk(toll("calibration", "--store", work / "history.db").stdout)
        told = json.loads(toll("calibration", "--store", work / "history.db", "--json").stdout)
    finally:
        servers.stop()
        shutil.rmtree(work, ignore_errors=True)
    if not told["count"]:
        print("error of a predicted duration (planted suite) | skip: nothing could be predicted | at most 15 % | ")
        return 1
    print(f"error of a predicted duration (planted suite) | {100 * told['error_ratio']:.1f} % median of {told['count']} | "
          "at most 15 % | toll verify's measurement")
    print(f"outcomes within the predicted interval (planted suite) | {100 * told['coverage_ratio']:.0f} % "
          f"({told['inside_count']} of {told['interval_count']}, {told['overlap_count']} overlap) | | toll verify's measurement")
    return 0


sys.exit(main())
