#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stacks of programs without frame pointers: how many reach the program's start, what they cost the program, and how many
bytes they take, beside perf record --call-graph dwarf (its default copy of 8 KiB) and perf record -g.

A C++ program with inlined calls, a Rust one where there is rustc, a Python one with native code; each built -O2 -g
without frame pointers. Times are those that the C++ program measures itself; its CPU time has what the samples take.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile

TOLL = os.environ["TOLL"]
ROUNDS = int(os.environ.get("ROUNDS", "5"))
RATE = 199

SHAPES = r"""
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>
#include <vector>
struct shape {
    virtual ~shape() {}
    virtual double area(int n) const = 0;
};
static inline double polynomial(double x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum = sum * x + i;
    return sum;
}
struct square : shape {
    double area(int n) const override { return polynomial(0.5, n); }
};
struct circle : shape {
    double area(int n) const override { return polynomial(0.25, n) * 3; }
};
__attribute__((noinline)) static std::string word(unsigned n)
{
    std::string text;
    for (; n; n /= 26)
        text += char('a' + n % 26);
    return text;
}
__attribute__((noinline)) static size_t count_words(unsigned n)
{
    std::map<std::string, size_t> counts;
    for (unsigned i = 1; i <= n; i++)
        counts[word(i * 2654435761u % 5000 + 1)]++;
    return counts.size();
}
template <typename item> __attribute__((noinline)) double areas(const item *const *items, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += items[i % 2]->area(1000);
    return sum;
}
__attribute__((noinline)) static unsigned sorted(std::vector<unsigned> &items)
{
    for (size_t i = 0; i < items.size(); i++)
        items[i] = unsigned(i) * 2654435761u;
    std::sort(items.begin(), items.end(), [](unsigned a, unsigned b) { return a % 1009 < b % 1009; });
    return items[5];
}
int main()
{
    const shape *shapes[] = {new square, new circle};
    std::vector<unsigned> items(60000);
    timespec start, end, used;
    double sum = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int round = 0; round < 80; round++)
        sum += areas(shapes, 5000) + double(count_words(30000)) + sorted(items);
    clock_gettime(CLOCK_MONOTONIC, &end);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    std::printf("wall %.6f cpu %.6f %g\n", double(end.tv_sec - start.tv_sec) + double(end.tv_nsec - start.tv_nsec) / 1e9,
                double(used.tv_sec) + double(used.tv_nsec) / 1e9, sum);
}
"""

RUST = r"""
use std::collections::BTreeMap;
#[inline(never)]
fn count(n: u64) -> usize {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for i in 0..n {
        *counts.entry(format!("{:x}", i.wrapping_mul(2654435761) % 5000)).or_insert(0) += 1;
    }
    counts.len()
}
#[inline(never)]
fn sorted(n: u64) -> u64 {
    let mut items: Vec<u64> = (0..n).map(|i| i.wrapping_mul(2654435761) % 100003).collect();
    items.sort_by(|a, b| (a % 1009).cmp(&(b % 1009)));
    items.iter().step_by(7).sum()
}
fn main() {
    let mut sum = 0u64;
    for _ in 0..60 {
        sum = sum.wrapping_add(count(60000) as u64).wrapping_add(sorted(60000));
    }
    println!("{}", sum);
}
"""

DEEP = r"""
__attribute__((noinline)) double deeper(long count, int depth)
{
    volatile char room[64];
    double sum = 1;
    room[0] = (char)depth;
    if (depth)
        return deeper(count, depth - 1) + room[0];
    for (long i = 0; i < count; i++)
        sum = sum * 1.0000001 + (double)(i % 7);
    return sum;
}
"""

PYTHON = r"""
import ctypes, json, re, time
deeper = ctypes.CDLL("./deep.so").deeper
deeper.argtypes = [ctypes.c_long, ctypes.c_int]
def parse(n):
    return len(json.dumps(list(range(n)))) + len(re.findall(r"(\d+)", "a1b22c333" * n))
def work(n):
    return deeper(100 * n, 5), parse(n)
while time.process_time() < 2:
    work(1000)
"""


def figure(name, value, limit, peer=""):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def sh(command, folder, **more):
    return subprocess.run(command, cwd=folder, check=True, text=True, capture_output=True, **more).stdout


def build(folder):
    """The command of each program by its name."""
    for name, text in (("shapes.cc", SHAPES), ("deep.c", DEEP), ("work.py", PYTHON), ("count.rs", RUST)):
        (folder / name).write_text(text)
    sh(["g++", "-O2", "-g", "-fomit-frame-pointer", "shapes.cc", "-o", "shapes"], folder)
    sh(["gcc", "-O2", "-g", "-fomit-frame-pointer", "-shared", "-fPIC", "deep.c", "-o", "deep.so"], folder)
    programs = {"C++": ["./shapes"], "Python with native code": ["/usr/bin/python3", "work.py"]}
    if shutil.which("rustc"):
        try:
            sh(["rustc", "-O", "-g", "-C", "force-frame-pointers=no", "count.rs", "-o", "count"], folder)
            programs["Rust"] = ["./count"]
        except subprocess.CalledProcessError as error:
            print("no Rust program:", error.stderr.splitlines()[-1] if error.stderr else error)
    return programs


def toll_run(rung, command, folder):
    return sh([TOLL, "run", "-q", "-o", "a.toll", "--rate", str(RATE), "--recorder", rung, "--", *command], folder)


def rooted(folder):
    grade = json.loads(sh([TOLL, "report", "a.toll", "--format", "json"], folder))["run"]["grade"]
    return 1 - grade["stack_truncated_ratio"]


def perf_rooted(folder):
    """Of perf's stacks, those whose last function starts programs or threads; as a text."""
    script = subprocess.run(["perf", "script", "--no-inline", "-i", "perf.data", "-F", "ip,sym"], cwd=folder, text=True, capture_output=True)
    text = script.stdout
    if script.returncode or not text.strip():
        return f"could not be read: {script.stderr.strip()[-100:]}"
    stacks = [lines.split("\n") for lines in text.strip().split("\n\n")]
    ends = [re.search(r"(_start|clone3?|start_thread|__libc_start\w*|_dl_start_user)(\+0x[0-9a-f]+)?$", stack[-1].strip()) for stack in stacks]
    return f"{100 * sum(end is not None for end in ends) / len(stacks):.1f} %"


def perf_record(mode, command, folder):
    """What the command prints. perf itself aborts now and then, at its end: tried again."""
    for _ in range(4):
        child = subprocess.run(["perf", "record", "-q", "-F", str(RATE), *mode, "-o", "perf.data", "--", *command], cwd=folder,
                               text=True, capture_output=True)
        if child.returncode == 0:
            break
    return child.stdout


def stacks(programs, folder, has_perf):
    for name, command in programs.items():
        peer, perf_bytes = "", 0
        if has_perf:
            perf_record(["--call-graph", "dwarf"], command, folder)
            perf_bytes = (folder / "perf.data").stat().st_size
            peer = f"perf record --call-graph dwarf: {perf_rooted(folder)}"
        for rung in ("bpf", "perf", "preload"):
            try:
                toll_run(rung, command, folder)
            except subprocess.CalledProcessError as error:
                figure(f"stacks of {name} that reach the start, {rung}", f"skip: {error.stderr.splitlines()[0]}", "at least 98 %")
                continue
            figure(f"stacks of {name} that reach the start, {rung}", f"{100 * rooted(folder):.1f} %", "at least 98 %", peer)
        toll_bytes = (folder / "a.toll").stat().st_size
        if perf_bytes:
            figure(f"bytes of {name}'s recording", f"{toll_bytes / perf_bytes:.4f} of perf's", "at most 0.05",
                   f"perf record --call-graph dwarf: {perf_bytes >> 10} KiB for {toll_bytes >> 10} KiB")


def inlined(folder):
    rows = sh([TOLL, "query", "a.toll", "--csv",
               "SELECT count(*) FROM frame WHERE inlined AND function = 'polynomial'"], folder).split()
    figure("inlined calls of the C++ program that have a name", rows[-1], "at least 1")


def cost(folder, has_perf):
    ways = {"native": lambda: sh(["./shapes"], folder), "toll": lambda: toll_run("perf", ["./shapes"], folder)}
    if has_perf:
        ways["perf -g"] = lambda: perf_record(["-g"], ["./shapes"], folder)
        ways["perf dwarf"] = lambda: perf_record(["--call-graph", "dwarf"], ["./shapes"], folder)
    told = {name: [] for name in ways}
    for number in range(ROUNDS):
        for name in list(ways) if number % 2 else reversed(list(ways)):
            told[name].append(ways[name]())
    for what, limit in (("cpu", "at most 1.05 x"), ("wall", "")):
        of = {name: [float(re.search(what + r" (\S+)", text)[1]) for text in texts] for name, texts in told.items()}
        ratios = {name: statistics.median(t / n for t, n in zip(of[name], of["native"])) for name in of}
        peers = ", ".join(f"{name}: {ratios[name]:.3f} x" for name in ratios if name.startswith("perf"))
        figure(f"the C++ program sampled at {RATE} Hz with whole stacks, its {what} time", f"{ratios['toll']:.3f} x", limit, peers)


def main():
    has_perf = shutil.which("perf") is not None
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        programs = build(folder)
        stacks(programs, folder, has_perf)
        toll_run("perf", ["./shapes"], folder)
        inlined(folder)
        cost(folder, has_perf)


main()
