#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the end of a program to its flame graph: `toll run` and `toll report --format flamegraph` against `perf record --call-graph
dwarf`, `perf script` (which names inlined calls) and the FlameGraph scripts, whose folder FLAMEGRAPH_DIR names. Two programs, each
until there are 60,000 samples: a large one in C++, templates within templates with 50 MB of debug information, which is made here;
and toll itself (11 MB), which judges a recording again and again. toll knows nothing of either from before. What both write on the
disk is compared as well. FLAMEGRAPH_SAMPLES makes it shorter.
"""
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

SAMPLES = int(os.environ.get("FLAMEGRAPH_SAMPLES", "60000"))
RATE_HZ = 4999
ROWS = 400_000
UNITS, COPIES = 4, 10  # compiled, and linked so many times each under other names: as large as if they had been compiled
TIME_LIMIT, BYTES_LIMIT = "at least 20 x", "at least 20 x"
PEER = "perf record --call-graph dwarf, perf script, stackcollapse-perf.pl, flamegraph.pl"


UNIT = r"""
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>
namespace {
template <int N> struct row {
    std::string name;
    std::array<std::uint32_t, N + 2> values;
    bool operator<(const row &other) const { return std::tie(values[0], name) < std::tie(other.values[0], other.name); }
};
template <int N> std::size_t stage(std::mt19937 &random, std::size_t count)
{
    std::vector<row<N>> rows(count);
    for (auto &each : rows) {
        std::generate(each.values.begin(), each.values.end(), [&] { return random() % 1000; });
        each.name = "row " + std::to_string(each.values[0]);
    }
    std::sort(rows.begin(), rows.end(), [](const row<N> &a, const row<N> &b) { return b < a; });
    std::map<std::string, std::deque<row<N>>> by_name;
    std::unordered_map<std::uint32_t, std::size_t> sums;
    for (const auto &each : rows) {
        by_name[each.name].push_back(each);
        sums[each.values[1] % 64] += std::accumulate(each.values.begin(), each.values.end(), std::size_t{UNIT});
    }
    std::size_t total = 0;
    for (const auto &[name, group] : by_name)
        total += std::count_if(group.begin(), group.end(), [&](const row<N> &each) { return each.values[0] % 3 == name.size() % 3; });
    for (const auto &[key, sum] : sums)
        total ^= key * sum;
    if constexpr (N > 0)
        total += stage<N - 1>(random, count);
    return total;
}
}
extern "C" std::size_t work_UNIT(std::size_t seed)
{
    std::mt19937 random(seed);
    return stage<4>(random, 200);
}
"""


def large_program(folder):
    """A program of UNITS * COPIES units of code; its first argument says how often the first of each unit works. Of the rest perf
    would take ten minutes to name the inlined calls."""
    folder = pathlib.Path(folder)
    compiling = []
    for unit in range(UNITS):
        (folder / f"{unit}.cc").write_text(UNIT.replace("UNIT", str(unit)))
        compiling.append(subprocess.Popen(["c++", "-std=c++17", "-O2", "-g", "-c", f"{unit}.cc"], cwd=folder))
    if any([each.wait() for each in compiling]):
        raise RuntimeError("the large program does not compile")
    names = []
    for unit in range(UNITS):
        for copy in range(COPIES):
            names.append(f"work_{unit}_{copy}")
            subprocess.run(["objcopy", "--redefine-sym", f"work_{unit}={names[-1]}", f"{unit}.o", f"{names[-1]}.o"], cwd=folder, check=True)
    (folder / "main.c").write_text("#include <stdio.h>\n#include <stdlib.h>\n" + "".join(f"size_t {name}(size_t seed);\n" for name in names)
                                   + "int main(int count, char **arguments)\n{\n    size_t total = 0;\n"
                                     "    for (long i = 0; i < (count > 1 ? atol(arguments[1]) : 1); i++)\n        total += "
                                   + " + ".join(f"{name}((size_t)i)" for name in names[::COPIES])
                                   + ';\n    printf("%zu\\n", total);\n    return 0;\n}\n')
    subprocess.run(["cc", "-O2", "-g", "-c", "main.c"], cwd=folder, check=True)
    subprocess.run(["c++", "-o", "large", "main.o", *[f"{name}.o" for name in names]], cwd=folder, check=True)
    for each in folder.glob("*.o"):
        each.unlink()
    return f"{folder}/large"


def cpu_s(command):
    """CPU time of a command: how long it would take on a quiet machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def noting_its_end(folder, command):
    """A job that runs a shell command and notes when it ended."""
    return ["sh", "-c", f"{command}; date +%s.%N >{folder}/end"]


def job_of_toll(folder, toll):
    recording = f"{folder}/judged.toll"
    subprocess.run([f"{os.environ['BUILD']}/bench/big_recording", recording, str(ROWS)], check=True, stdout=subprocess.DEVNULL)
    judge = [toll, "report", recording, "--format", "json", "-o", "/dev/null"]
    once_s = min(cpu_s(judge) for _ in range(3))
    times = max(1, round(SAMPLES / RATE_HZ / once_s))
    return noting_its_end(folder, f"i=0; while [ $i -lt {times} ]; do {' '.join(judge)}; i=$((i + 1)); done")


def job_of_large(folder, _):
    program = large_program(folder)
    some = 100
    once_s = min(cpu_s([program, str(some)]) for _ in range(3)) / some
    return noting_its_end(folder, f"{program} {max(1, round(SAMPLES / RATE_HZ / once_s))}")


def after_end_s(folder):
    return time.time() - float(pathlib.Path(folder, "end").read_text())


def with_perf(folder, job, scripts):
    data = f"{folder}/perf.data"
    # -B -N: perf does not copy the programs into its cache, which would take it longer.
    subprocess.run(["perf", "record", "-q", "-B", "-N", "-e", "cpu-clock", "-F", str(RATE_HZ), "--call-graph", "dwarf", "-o", data,
                    "--", *job], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{folder}/perf.svg", "wb") as out:
        subprocess.run(f"perf script -i {data} 2>/dev/null | {scripts}/stackcollapse-perf.pl 2>/dev/null | {scripts}/flamegraph.pl",
                       shell=True, check=True, stdout=out, stderr=subprocess.DEVNULL)
    return after_end_s(folder), os.path.getsize(data)


def with_toll(folder, job, toll):
    recording = f"{folder}/a.toll"
    env = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}  # nothing known of the program from before
    shutil.rmtree(env["XDG_CACHE_HOME"], ignore_errors=True)
    subprocess.run([toll, "run", "-q", "--no-store", "--rate", str(RATE_HZ), "-o", recording, "--", *job], check=True, env=env,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([toll, "report", recording, "--format", "flamegraph", "-o", f"{folder}/toll.svg"], check=True, env=env)
    return after_end_s(folder), os.path.getsize(recording)


def sample_count(folder, toll):
    answer = subprocess.run([toll, "query", f"{folder}/a.toll", "--csv", "SELECT count(*) FROM sample"], check=True, stdout=subprocess.PIPE, text=True)
    return int(answer.stdout.split()[-1])


def compare(about, toll, scripts, make_job):
    with tempfile.TemporaryDirectory(prefix="toll-flame-") as folder:
        job = make_job(folder, toll)
        ours = [with_toll(folder, job, toll)]
        theirs = with_perf(folder, job, scripts)
        ours.append(with_toll(folder, job, toll))
        print(f"{about}: {sample_count(folder, toll)} samples; toll {ours[0][0]:.2f} and {ours[1][0]:.2f} s, perf {theirs[0]:.2f} s; "
              f"{ours[1][1]:,} bytes against {theirs[1]:,}", file=sys.stderr)
        print(f"record to flame graph, 60,000 samples of {about} | {theirs[0] / max(each[0] for each in ours):.1f} x faster | {TIME_LIMIT} | {PEER}")
        print(f"bytes of that recording, {about} | {theirs[1] / max(each[1] for each in ours):.1f} x fewer | {BYTES_LIMIT} | "
              "perf record --call-graph dwarf", flush=True)


def main():
    toll = os.environ["TOLL"]
    scripts = pathlib.Path(os.environ.get("FLAMEGRAPH_DIR", "/nowhere"))
    programs = {"a large C++ program": job_of_large, "toll": job_of_toll}
    why = ""
    if not os.access(scripts / "flamegraph.pl", os.X_OK):
        why = "FLAMEGRAPH_DIR names no folder with flamegraph.pl"
    elif subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "true"], check=False,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        why = "perf cannot record here"
    for about, make_job in programs.items():
        missing = [tool for tool in ("c++", "cc", "objcopy") if make_job is job_of_large and not shutil.which(tool)]
        if why or missing:
            print(f"record to flame graph, 60,000 samples of {about} | skip: {why or missing[0] + ' is not installed'} | {TIME_LIMIT} | {PEER}")
        else:
            compare(about, toll, scripts, make_job)


main()
