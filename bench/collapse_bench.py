#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""toll collapse, and toll import with its folded stacks, against stackcollapse-perf.pl of the FlameGraph tools, whose folder
FLAMEGRAPH_DIR names: 100 MB of perf script's text, made up after a server's profile (6,000 stacks of 8 to 40 frames), in turns, from a
file and into a file, and from a pipe; what they print must be the same.
"""
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
SIZE_BYTES = int(os.environ.get("COLLAPSE_BYTES", "100000000"))


def make(path):
    draw = random.Random(3)
    kinds = ["std::vector<int, std::allocator<int> >::", "ns::(anonymous namespace)::", "", "llvm::"]
    names = [f"{draw.choice(kinds)}fn_{i}(int, char const*)+0x{draw.randrange(4096):x}" for i in range(4000)]
    modules = ["/usr/bin/server", "/usr/lib/x86_64-linux-gnu/libc.so.6", "[kernel.kallsyms]", "/usr/lib/libfoo.so.1.2"]
    frames = [f"\t    {draw.randrange(1 << 44):12x} {name} ({draw.choice(modules)})\n" for name in names]
    stacks = ["".join(draw.choice(frames) for _ in range(draw.randint(8, 40))) + "\n" for _ in range(6000)]
    with open(path, "w", encoding="ascii") as out:
        written, number = 0, 0
        while written < SIZE_BYTES:
            written += out.write(f"server{number % 5} {1000 + number % 7}/{2000 + number % 40} [00{number % 2}] {number / 1000:.6f}: "
                                 f"    {draw.randrange(1, 99999)} cycles:u: \n{draw.choice(stacks)}")
            number += 1


def run(command, text, folded):
    start_s = time.monotonic()
    with open(text, "rb") as source, open(folded, "wb") as out:
        subprocess.run(command, stdin=source, stdout=out, stderr=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - start_s
    return seconds, pathlib.Path(folded).read_bytes()


def main():
    peer = pathlib.Path(os.environ.get("FLAMEGRAPH_DIR", "/nowhere"), "stackcollapse-perf.pl")
    if not os.access(peer, os.X_OK):
        for what, least in (("collapse 100 MB of perf script", 30), ("collapse 100 MB of perf script from a pipe", 20), ("import 100 MB of perf script, folded stacks of it", 10)):
            print(f"{what} | skip: FLAMEGRAPH_DIR names no folder with stackcollapse-perf.pl | at least {least} x | stackcollapse-perf.pl")
        return
    with tempfile.TemporaryDirectory(prefix="toll-collapse-") as folder:
        text = f"{folder}/perf.txt"
        make(text)
        toll = os.environ["TOLL"]
        both = f"'{toll}' import -q -o {folder}/perf.toll - && '{toll}' report {folder}/perf.toll --format folded"
        sides = {"perl": [str(peer)], "toll": [toll, "collapse"], "pipe": ["sh", "-c", f"cat | '{toll}' collapse"],
                 "import": ["sh", "-c", both]}
        seconds, answers = {name: [] for name in sides}, set()
        for number in range(ROUNDS):
            for name in list(sides)[::1 if number % 2 else -1]:
                took, output = run(sides[name], text, f"{folder}/folded")
                seconds[name].append(took)
                answers.add(output)
        if len(answers) != 1:
            sys.exit("collapse_bench: the outputs differ")
        median = {name: statistics.median(values) for name, values in seconds.items()}
        size = f"{SIZE_BYTES / 1e6:g} MB of perf script"
        print(f"collapse {size} | {median['perl'] / median['toll']:.1f} x faster | at least 30 x | stackcollapse-perf.pl, the same output")
        print(f"collapse {size} from a pipe | {median['perl'] / median['pipe']:.1f} x faster | at least 20 x | stackcollapse-perf.pl, the same output")
        print(f"import {size}, folded stacks of it | {median['perl'] / median['import']:.1f} x faster | at least 10 x | stackcollapse-perf.pl, the same output")


main()
