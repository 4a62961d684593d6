#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry SDK for JavaScript sends spans to `toll record --otlp`: none is lost, the tree is right, tokens are right. TAP.

usage: emitters.py TOLL SPAN_DUMP [COUNT]

The SDK comes from npm, pinned in package.json, into $XDG_CACHE_HOME/toll/otlp-emitters (~/.cache). Without node, npm or the
network the test is skipped and says why.
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WAYS = [("http", "none"), ("http", "gzip"), ("proto", "none"), ("proto", "gzip")]
NAMES = {"http": "JSON", "proto": "protobuf", "none": "plain", "gzip": "gzip"}
CATEGORIES = {"c": "llm", "x": "tool"}


def install():
    """The folder with the SDK, or why there is none."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return None, f"{program} is not installed (tools/setup test)"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "toll", "otlp-emitters")
    wanted = (HERE / "package.json").read_text()
    if (cache / "package.json").is_file() and (cache / "package.json").read_text() == wanted and (cache / "installed").exists():
        return cache, None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "package.json").write_text(wanted)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", cache], cwd=cache, capture_output=True,
                              text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return None, f"the SDK could not be installed: {problem}"
    if done.returncode:
        return None, "the SDK could not be installed by npm: " + " ".join(done.stderr.split())[:200]
    (cache / "installed").touch()
    return cache, None


def judge(rows, emitted):
    if len(rows) != emitted["spans"]:
        return f"{emitted['spans']} spans were sent, {len(rows)} are in the recording"
    path_of = {row[0]: row[4] for row in rows}
    if len(set(path_of.values())) != len(rows):
        return "spans are there twice"
    used = collections.Counter()
    for row in rows:
        _, parent, category, _, path = row[:5]
        above = path.rpartition("/")[0]
        if path_of.get(parent, "") != above:
            return f"the parent of {path} is {path_of.get(parent)!r}"
        leaf = path.rpartition("/")[2][0] if above else "t"
        if category != {"t": "task", "g": "phase"}.get(leaf, CATEGORIES.get(leaf)):
            return f"{path} is of category {category}"
        for part in row[5:]:
            kind, _, amount = part.partition("=")
            used[kind] += float(amount)
    # claude-opus-5 in dollars a million: 5 of input, 25 of output, 0.50 of cache read.
    cost = (emitted["input"] * 5 + emitted["output"] * 25 + emitted["cache_read"] * 0.5) / 1e6
    told = used.pop("cost_usd", 0)
    if abs(told - cost) > 1e-6:
        return f"the calls cost ${told}, should be ${cost}"
    expected = {"tokens_input": emitted["input"], "tokens_output": emitted["output"], "tokens_cache_read": emitted["cache_read"]}
    if dict(used) != expected:
        return f"tokens are {dict(used)}, should be {expected}"
    return None


def one(toll, dump, sdk, folder, way, count):
    recording = pathlib.Path(folder, "-".join(way) + ".toll")
    # node looks for modules beside the script.
    script = sdk / "emit.js"
    shutil.copyfile(HERE / "emit.js", script)
    done = subprocess.run([toll, "record", "--otlp", "127.0.0.1:0", "-o", recording, "--", "node", script, *way, str(count)],
                          capture_output=True, text=True, timeout=100, check=False)
    if done.returncode:
        return f"exit {done.returncode}: {done.stderr}"
    checked = subprocess.run([toll, "check", recording], capture_output=True, text=True, check=False)
    if checked.returncode:
        return checked.stdout + checked.stderr
    rows = [line.split("\t") for line in subprocess.run([dump, recording], capture_output=True, text=True, check=True).stdout.splitlines()]
    return judge(rows, json.loads(done.stdout.splitlines()[-1]))


def main():
    toll, dump = (os.path.realpath(path) for path in sys.argv[1:3])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
    sdk, why = install()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    print(f"1..{len(WAYS)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, way in enumerate(WAYS, 1):
            problem = one(toll, dump, sdk, folder, way, count)
            failed += problem is not None
            print(f"{'not ok' if problem else 'ok'} {number} - {count} spans as {NAMES[way[0]]}, {NAMES[way[1]]}", flush=True)
            if problem:
                print("# " + problem.replace("\n", "\n# "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
