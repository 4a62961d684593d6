#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the sums of a recording's waits, by reason, against what the program itself measured.

usage: exact_waits.py [--toll PROGRAM] [--recorder RUNG]... [--rounds N] [--programs FOLDER] [--work FOLDER]
                      [--json FILE] [--tap]

exact_waits waits in known ways on its main thread and times each wait. On rungs that see each wait
(LIMITS) the sums must agree, and each wait on a lock, pipe or child must name its waker. The others
are shown beside them: their reasons come from looks.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUNGS = ("bpf", "perf", "preload", "proc")
LIMITS = {"bpf": 0.01, "preload": 0.03}
WAKER_RATIO = 0.99
TRIES = 3
# What the program calls them, and the reason they have in a recording.
REASONS = {
    "pipe": ("pipe", "poll"),
    "lock": ("lock", "condition"),
    "child": ("child", "join"),
    "sleep": ("sleep",),
    "network": ("network",),
    "disk_sync": ("disk_sync",),
}
NAMED = ("lock", "pipe", "child")


def record(options, rung, work):
    """Returns (measured, recorded), or the reason why the rung cannot be had."""
    file = work / f"exact-{rung}.toll"
    file.unlink(missing_ok=True)
    command = [options.toll, "run", "--no-store", "-q", "-o", file, "--recorder", rung, "--"]
    program = [options.programs / "exact_waits", work, str(options.rounds)]
    done = subprocess.run(command + program, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[0] if done.stderr else f"exit status {done.returncode}"
    measured = json.loads(done.stdout)
    sums = subprocess.run(
        [options.programs / "wait_sums", file, str(measured["tid"])], capture_output=True, text=True, check=True
    )
    return measured, json.loads(sums.stdout)


def compare(measured, recorded):
    rows = []
    for reason, names in REASONS.items():
        own = sum(measured[name] for name in names)
        busy = sum(measured[f"{name}_cpu"] for name in names)
        seen = recorded.get(reason, {"ns": 0, "count": 0, "with_waker": 0})
        # A wait is the call, or the call but for what it ran: nothing is off between the two.
        nearest = min(max(seen["ns"], own - busy), own)
        rows.append(
            {
                "reason": reason,
                "measured_ns": own,
                "recorded_ns": seen["ns"],
                "error_ratio": (seen["ns"] - nearest) / own,
                "waker_ratio": seen["with_waker"] / seen["count"] if seen["count"] else 0.0,
            }
        )
    return rows


def problems_of(rung, rows):
    limit = LIMITS.get(rung)
    if limit is None:
        return []
    found = [
        f"{row['reason']}: {row['error_ratio']:+.1%}, the limit is {limit:.0%}"
        for row in rows
        if abs(row["error_ratio"]) > limit
    ]
    found += [
        f"{row['reason']}: {row['waker_ratio']:.0%} of the waits name their waker"
        for row in rows
        if row["reason"] in NAMED and row["waker_ratio"] < WAKER_RATIO
    ]
    return found


def print_rows(rung, rows):
    print(f"# {rung:8} {'reason':10} {'program':>10} {'recording':>10} {'error':>8} {'wakers':>7}")
    for row in rows:
        print(
            f"# {'':8} {row['reason']:10} {row['measured_ns'] / 1e6:8.1f}ms {row['recorded_ns'] / 1e6:8.1f}ms "
            f"{row['error_ratio']:+8.2%} {row['waker_ratio']:7.0%}"
        )


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--toll", default=ROOT / "build/toll", type=pathlib.Path)
    parser.add_argument("--programs", default=ROOT / "build/tests/planted", type=pathlib.Path)
    parser.add_argument("--recorder", action="append")
    parser.add_argument("--rounds", default=20, type=int)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/var/tmp"))
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--tap", action="store_true")
    options = parser.parse_args()
    rungs = options.recorder or RUNGS
    results, failed = {}, 0
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        if options.tap:
            print(f"1..{len(rungs)}")
        for number, rung in enumerate(rungs, 1):
            for _ in range(TRIES):
                outcome = record(options, rung, pathlib.Path(folder))
                if isinstance(outcome, str):
                    break
                rows = compare(*outcome)
                problems = problems_of(rung, rows)
                if not problems:
                    break
            if isinstance(outcome, str):
                forced = options.recorder is not None
                failed += forced
                print(f"{'not ok' if forced else 'ok'} {number} - {rung} # SKIP {outcome}")
                continue
            results[rung] = rows
            print_rows(rung, rows)
            failed += bool(problems)
            print(f"{'not ok' if problems else 'ok'} {number} - {rung}")
            for problem in problems:
                print(f"# {problem}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
