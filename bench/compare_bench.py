#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far toll compare's word can be trusted: recordings of a program against others of the same, where nothing may be claimed,
and against those of the program with one function twice as slow, where that one may be claimed and no other.

    bench/compare_bench.py     RECORDINGS (8) of each; all pairs, and sets of three, are compared"""

import itertools
import json
import os
import pathlib
import random
import subprocess
import tempfile

TOLL = os.environ["TOLL"]
RECORDINGS = int(os.environ.get("RECORDINGS", "8"))
SETS = 30
SOURCE = pathlib.Path(__file__).resolve().parent.parent / "tests/data/programs/rows.c"
PIPELINE = """seq 400000 | sort -r | gzip -1 > z.gz
sleep 0.1
dd if=/dev/zero of=f bs=1M count=20 conv=fsync 2> dd.err
zcat z.gz | awk '{s += $1} END {print s}'
"""


def record(path, command):
    subprocess.run([TOLL, "run", "--no-store", "-q", "-o", path, "--", *command], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


def compare(a, b):
    data = json.loads(subprocess.run([TOLL, "compare", *a, "--vs", *b, "--json"], check=True, capture_output=True).stdout)
    claims = [c for c in data["comparisons"] if c["verdict"] in ("faster", "slower") and not c["follows"]]
    functions = [c["detail"] for c in claims if c["kind"] == "function"]
    return claims, functions, [frame["function"] for frame in data["frames"]]


def same(name, recordings):
    pairs = list(itertools.combinations(recordings, 2))
    false = sum(bool(claims or frames) for claims, _, frames in (compare([a], [b]) for a, b in pairs))
    print(f"{name} against itself, one recording each: pairs with a claim | {false} of {len(pairs)} | at most {len(pairs) // 20} |")
    rng, false = random.Random(1), 0
    for _ in range(SETS):
        chosen = rng.sample(recordings, 6)
        claims, _, frames = compare(chosen[:3], chosen[3:])
        false += bool(claims or frames)
    print(f"{name} against itself, three recordings each: sets with a claim | {false} of {SETS} | at most {SETS // 10} |")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run(["cc", "-O1", "-g", "-fno-omit-frame-pointer", "-o", "rows", SOURCE], check=True)
        pathlib.Path("pipeline.sh").write_text(PIPELINE, encoding="utf-8")
        before, after, pipeline = [], [], []
        for i in range(RECORDINGS):
            before.append(record(f"before-{i}.toll", ["./rows", "1", "120"]))
            after.append(record(f"after-{i}.toll", ["./rows", "2", "120"]))
            pipeline.append(record(f"pipeline-{i}.toll", ["sh", "pipeline.sh"]))
        same("a program", before)
        same("a pipeline", pipeline)
        pairs = list(itertools.product(before, after))
        right = sum(functions == ["parse_row"] and frames == ["parse_row"]
                    for _, functions, frames in (compare([a], [b]) for a, b in pairs))
        print(f"one function twice as slow: pairs that name and colour it and no other | {right} of {len(pairs)} | "
              f"at least {len(pairs) * 9 // 10} |")


main()
