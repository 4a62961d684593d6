#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""toll usage on 210 MB of transcripts (agent_history.py), beside ccusage's own binary, in turn: cold (nothing kept) and, of toll,
after one line was appended. The sums of both must be those that were written.

ccusage is $CCUSAGE, or fetched by npm into the temporary folder; without either its figures are skipped.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent_history  # noqa: E402

TOLL = os.environ["TOLL"]
PAIRS = int(os.environ.get("PAIRS", "9"))
MEGABYTES = float(os.environ.get("MB", "210"))
VERSION = "20.0.24"
FIELDS = ["tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write_5m", "tokens_cache_write_1h"]


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def find_ccusage(folder):
    if os.environ.get("CCUSAGE"):
        return os.environ["CCUSAGE"]
    if not shutil.which("npm"):
        return None
    done = subprocess.run(["npm", "install", "--prefix", str(folder), f"ccusage@{VERSION}"], capture_output=True, text=True)
    binary = folder / "node_modules/@ccusage/ccusage-linux-x64/bin/ccusage"
    if done.returncode or not binary.exists():
        print(f"no ccusage: {done.stderr.strip()[-200:]}", file=sys.stderr)
        return None
    binary.chmod(0o755)
    return str(binary)


def run(command, environment):
    """Seconds, bytes of memory at most, and what it printed."""
    before = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return time.monotonic() - before, used.ru_maxrss * 1024, json.loads(out)


def toll(history, data):
    environment = {**os.environ, "CLAUDE_CONFIG_DIR": str(history), "XDG_DATA_HOME": str(data), "TZ": "UTC"}
    return run([TOLL, "usage", "--source", "claude", "--json"], environment)


def ccusage(binary, history):
    environment = {**os.environ, "CLAUDE_CONFIG_DIR": str(history), "TZ": "UTC"}
    return run([binary, "claude", "daily", "--json", "--offline"], environment)


def same_sums(wrote, totals, theirs):
    ours = all(totals[field] == wrote[field] for field in FIELDS)
    if theirs is None:
        return ours, None
    peer = (theirs["inputTokens"] == wrote["tokens_input"] and theirs["outputTokens"] == wrote["tokens_output"] and
            theirs["cacheReadTokens"] == wrote["tokens_cache_read"] and
            theirs["cacheCreationTokens"] == wrote["tokens_cache_write_5m"] + wrote["tokens_cache_write_1h"])
    return ours, peer


def append_line(history, number):
    newest = max(history.glob("projects/*/*.jsonl"), key=lambda path: path.stat().st_mtime)
    line = {"type": "assistant", "sessionId": newest.stem, "cwd": "/srv/work", "timestamp": "2026-11-20T10:00:00.000Z",
            "message": {"id": f"msg_appended_{number}", "model": "claude-opus-4-5-20251101", "role": "assistant",
                        "content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn",
                        "usage": {"input_tokens": 3, "output_tokens": 7}}}
    with open(newest, "a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        history, data = folder / "history", folder / "data"
        wrote = agent_history.generate(str(history), MEGABYTES, 1)
        binary = find_ccusage(folder)
        ours, theirs, memory, their_memory = [], [], 0, 0
        our_sums = their_sums = None
        for pair in range(PAIRS + 1):  # the first one fills the page cache
            shutil.rmtree(data, ignore_errors=True)
            for side in ("toll", "peer") if pair % 2 else ("peer", "toll"):
                if side == "peer" and binary:
                    seconds, rss, answer = ccusage(binary, history)
                    their_sums, their_memory = answer["totals"], max(their_memory, rss)
                    theirs += [seconds] if pair else []
                elif side == "toll":
                    seconds, rss, answer = toll(history, data)
                    our_sums, memory = answer["totals"], max(memory, rss)
                    ours += [seconds] if pair else []
        right, peer_right = same_sums(wrote, our_sums, their_sums)
        warm = []
        for number in range(PAIRS):
            append_line(history, number)
            seconds, _, answer = toll(history, data)
            warm.append(seconds)
            assert answer["totals"]["call_count"] == wrote["calls"] + number + 1
        about = f"{wrote['bytes'] / 1e6:.0f} MB, {wrote['files']} files, {wrote['lines']} lines"
        ratio = f"{statistics.median(theirs) / statistics.median(ours):.1f} x faster" if theirs else "skip: no ccusage"
        print(f"cold: toll {statistics.median(ours) * 1000:.0f} ms" +
              (f", ccusage {statistics.median(theirs) * 1000:.0f} ms, {their_memory / 1e6:.0f} MB" if theirs else ""), file=sys.stderr)
        figure(f"usage of {about}, cold", ratio, "at least 3 x", f"ccusage {VERSION}, native binary")
        figure("usage: memory", f"{memory / 1e6:.0f} MB", "at most 100 MB", "cold")
        figure("usage: sums that differ from what was written", f"{0 if right else 1} of 1", "at most 0 of 1",
               f"ccusage: {'no sums' if peer_right is None else 0 if peer_right else 1}")
        figure("usage after one appended line", f"{statistics.median(warm) * 1000:.0f} ms", "at most 50 ms", "the whole command")


if __name__ == "__main__":
    main()
