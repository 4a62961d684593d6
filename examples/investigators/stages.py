#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An investigator in Python: which stage is done one at a time, again and again?

    toll investigate --investigator examples/investigators/stages.py run.toll

It reads the report of the recording (toll.report/1) and says what it sees in it. docs/investigators.md says what it
reads and writes. Talk goes to stderr; stdout is for JSON lines.
"""

import json
import sys

CALLS_MIN = 5
RATIO_MIN = 0.3


def say(**answer):
    print(json.dumps(answer), flush=True)


def factor_max(ratio):
    """What is gained at most where the critical path holds this share."""
    return 1 / (1 - min(ratio, 0.999))


def path_rows(report, **where):
    """The entries of the path at a place, as `rows` names them."""
    return [f"path {index}" for index, entry in enumerate(report["path"])
            if all(entry["where"].get(key) == value for key, value in where.items())]


def claims(report):
    for number, stage in enumerate(report["stages"], 1):
        say(progress=f"looking at {stage['name']}", done_ratio=number / len(report["stages"]))
        # Calls that never overlap cover as much time as they take together.
        is_serial = stage["wall_ns"] and stage["covered_ns"] / stage["wall_ns"] > 0.95
        if stage["call_count"] < CALLS_MIN or not is_serial:
            continue
        ratio = stage["critical_ratio"]
        if ratio < RATIO_MIN:
            say(cleared={"where": {"stage": stage["name"]}, "critical_ratio": ratio, "factor_max": factor_max(ratio),
                         "why": "one at a time, and that takes little of the run"})
            continue
        say(claim={
            "id": stage["name"][:80],
            "cause": "serial-independent",
            "title": f"{stage['name']} is done {stage['call_count']} times, never two at once",
            "where": {"stage": stage["name"]},
            "critical_ratio": ratio,
            "gain": {"factor_max": factor_max(ratio)},
            "evidence_class": "inferred",
            "assumption": "independence assumed",
            "fix": "do several at once",
            "evidence": [f"{stage['call_count']} calls, {stage['wall_ns'] / 1e9:.3f} s together,"
                         f" {stage['covered_ns'] / 1e9:.3f} s of the run covered"],
            "rows": path_rows(report, stage=stage["name"]),
        })
    say(note=f"looked at {len(report['stages'])} stages")


def votes(report, others):
    for claim in others:
        name = f"{claim['investigator']}/{claim['id']}"
        stage = next((s for s in report["stages"] if s["name"] == claim["where"].get("stage")), None)
        promised = (claim.get("gain") or {}).get("factor_low")
        if not stage or not promised or not (claim.get("change") or "").startswith("speed:"):
            continue
        most = factor_max(stage["critical_ratio"])
        if promised > most * 1.05:
            say(vote={"claim": name, "stance": "contradict", "factor_max": most,
                      "why": f"{100 * stage['critical_ratio']:.0f} % of the path is there: {most:.2f}x at most",
                      "rows": path_rows(report, stage=stage["name"])})


def main():
    request = json.loads(sys.stdin.readline())
    with open(request["report"], encoding="utf-8") as file:
        report = json.load(file)
    if request["round"] == "claims":
        claims(report)
    else:
        votes(report, request["claims"])


main()
