#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether toll tune finds what is true, of programs that sleep for a known time: the best number of workers in the
plateau, a batch's a and b, and values that are all alike called so.

    TRIALS (10) of each: 10 take three minutes"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

TOLL = os.environ["TOLL"]
TRIALS = int(os.environ.get("TRIALS", "10"))

PROGRAM = r"""
#include <math.h>
#include <stdlib.h>
#include <time.h>
/* work_ms coherency_ms workers, or: rows fixed_ms each_ms batch; ceil(1 / batch) is 1 whatever the batch */
int main(int argc, char **argv)
{
    double v[5] = {0}, ms = 0;
    for (int i = 1; i < argc && i < 5; i++)
        v[i] = atof(argv[i]);
    ms = argc == 4 ? v[1] / v[3] + v[2] * v[3] : ceil(v[1] / v[4]) * v[2] + v[1] * v[3];
    struct timespec rest = {(time_t)(ms / 1e3), (long)(fmod(ms, 1e3) * 1e6)};
    nanosleep(&rest, NULL);
    return 0;
}
"""


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def tune(*words):
    out = subprocess.run([TOLL, "tune", "-q", "--json", *words], capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def workers(program):
    """200 ms / n + 1 ms n: 14.1 are best."""
    held, peaks, sizes = 0, [], []
    for _ in range(TRIALS):
        result = tune("--knob", "workers=1..64", "--", program, "200", "1", "{workers}")
        measured = [v["knobs"]["workers"] for v in result["values"]]
        best = min(measured, key=lambda n: 200 / n + n)
        plateau = [int(v["workers"]) for v in result["plateau"]["values"]]
        held += best in plateau
        sizes.append(max(200 / n + n for n in plateau) / (200 / best + best) - 1)
        if result["fit"]["law"] == "usl":
            peaks.append(result["fit"]["peak"]["value"])
    figure(f"the best number of workers is in the plateau, of {TRIALS} sweeps", f"{held}", f"at least {0.9 * TRIALS:.0f}",
           f"the worst value in it is {100 * statistics.median(sizes):.1f} % worse (median)")
    figure("the peak of the scalability law, off by (median)", f"{100 * abs(statistics.median(peaks) / 200 ** 0.5 - 1):.1f} %", "at most 10 %",
           "the peak that was planted")


def batches(program):
    """4 ms a batch and 0.5 ms a row, of 200 rows."""
    off = []
    for _ in range(TRIALS):
        fit = tune("--knob", "batch=1,2,5,10,20,50,100,200", "--rows", "200", "-r", "6", "--", program, "200", "4", "0.5", "{batch}")["fit"]
        off.append(max(abs(fit["fixed"]["value"] / 0.004 - 1), abs(fit["each"]["value"] / 0.0005 - 1)))
    figure("a and b of a batch, the worse one off by (median)", f"{100 * statistics.median(off):.1f} %", "at most 10 %", "what was planted")


def alike(program):
    flat = sum(tune("--knob", "n=1,2,4,8,16,32", "--", program, "1", "20", "0", "{n}")["plateau"]["is_flat"] for _ in range(TRIALS))
    figure(f"values that are all alike are called so, of {TRIALS} sweeps", f"{flat}", f"at least {0.9 * TRIALS:.0f}", "")


def main():
    with tempfile.TemporaryDirectory(prefix="toll-tune-") as name:
        folder = pathlib.Path(name)
        (folder / "program.c").write_text(PROGRAM)
        subprocess.run(["cc", "-O1", "-o", "program", "program.c", "-lm"], cwd=folder, check=True)
        program = str(folder / "program")
        for which in (workers, batches, alike):
            if not sys.argv[1:] or which.__name__ in sys.argv[1:]:
                which(program)


main()
