#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long `toll investigate` takes over a recording of 10 million rows, on two cores, beside `toll report` of it alone."""

import json
import os
import pathlib
import subprocess
import tempfile
import time

TOLL = os.environ["TOLL"]
BUILD = pathlib.Path(os.environ.get("BUILD", pathlib.Path(TOLL).parent))
ROWS = int(os.environ.get("ROWS", "10000000"))


def seconds(*words):
    start = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    with tempfile.TemporaryDirectory(prefix="toll-investigate-") as folder:
        recording, report = f"{folder}/big.toll", f"{folder}/report"
        rows = int(subprocess.run([BUILD / "bench/big_recording", recording, str(ROWS)], check=True,
                                  capture_output=True, text=True).stdout.split()[0])
        alone = seconds(TOLL, "report", recording, "--format", "json")
        whole = seconds(TOLL, "investigate", recording, "-o", report, "-q", "--no-store")
        with open(f"{report}/report.json", encoding="utf-8") as file:
            asked = json.load(file)["investigators"]
        late = [one["name"] for one in asked if one["outcome"] != "finished"]
        if late:
            raise SystemExit(f"investigate_bench: did not finish: {late}")
        print(f"{rows / 1e6:.1f} million rows investigated by {len(asked)} on {len(cores)} cores | {whole:.1f} s | at most 10 s"
              f" | the verdict alone takes {alone:.1f} s")


main()
