#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What recording a program's allocations costs it: two million blocks made and freed, 10 to 18 functions deep.

Interleaved runs, the median of each side; the time that the loop takes, measured by the program itself.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

TOLL, BUILD = os.environ["TOLL"], os.environ["BUILD"]
ROUNDS = 7
LOOP = [f"{BUILD}/bench/heap_loop", "2000000"]
SIDES = {
    "native": [],
    "sampled": ["--heap"],
    "exact": ["--heap-exact"],
    "heaptrack": ["heaptrack"],
}


def run(side, folder):
    words = LOOP
    if side == "heaptrack":
        words = [*SIDES[side], *LOOP]
    elif side != "native":
        words = [TOLL, "run", "--no-store", "-q", "-o", f"{folder}/a.toll", *SIDES[side], "--", *LOOP]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit status {done.returncode}: {done.stderr.strip()}")
    return next(tuple(map(float, line.split())) for line in done.stdout.splitlines() if line.replace(" ", "").isdigit())


def main():
    sides = [side for side in SIDES if side != "heaptrack" or shutil.which("heaptrack")]
    times = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            for side in sides if turn % 2 else reversed(sides):
                times[side].append(run(side, pathlib.Path(folder)))
    for index, what, limits in ((0, "wall time", ("at most 1.3 x", "at most 4 x")), (1, "CPU time", ("at most 1.3 x", "at most 4 x"))):
        medians = {side: statistics.median(figures[index] for figures in times[side]) for side in sides}
        peer = f"{medians['heaptrack'] / medians['native']:.1f} x by heaptrack" if "heaptrack" in medians else "heaptrack is missing"
        for side, limit in zip(("sampled", "exact"), limits):
            print(f"2 million mallocs and frees, --heap {side}, {what} | {medians[side] / medians['native']:.2f} x | {limit} | {peer}",
                  flush=True)


if __name__ == "__main__":
    main()
