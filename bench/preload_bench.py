#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the preload rung costs the programs recorded: free locks, system calls, a pipe between two processes.

Interleaved runs, the median of each side; CPU time that the programs measure themselves.
"""
import os
import statistics
import subprocess
import sys
import tempfile

TOLL, BUILD = os.environ["TOLL"], os.environ["BUILD"]
ROUNDS = 5


def run(command, recorder, folder):
    words = [str(word) for word in command]
    if recorder:
        words = [TOLL, "run", "--no-store", "-q", "-o", f"{folder}/a.toll", "--recorder", recorder, "--", *words]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit status {done.returncode}: {done.stderr.strip()}")
    return float(done.stdout)


def ratio(command, folder):
    native, recorded = [], []
    for turn in range(ROUNDS):
        for side in ("native", "preload") if turn % 2 else ("preload", "native"):
            figure = run(command, None if side == "native" else "preload", folder)
            (native if side == "native" else recorded).append(figure)
    return statistics.median(recorded) / statistics.median(native)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, program, count, limit in (
            ("100 million free lock pairs, preload rung", "lock_pairs", 100_000_000, "at most 1.8 x"),
            ("2 million reads that never wait, each counted by peer, preload rung", "read_calls", 2_000_000, "at most 2.5 x"),
            ("pipe ping-pong on one core, preload rung", "ping_pong", 100_000, ""),
        ):
            print(f"{name} | {ratio([f'{BUILD}/bench/{program}', count], folder):.2f} x | {limit} | not recorded", flush=True)


if __name__ == "__main__":
    main()
