#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks one investigator alone about a.toll and toll.yaml, both rounds if there are claims: ask.py NAME [DEADLINE_S [CLAIMS_JSON]].

Prints nothing; leaves its answers as answers.json: a list of {"claim": …}, {"cleared": …}, {"vote": …}, {"note": …}.
"""
import json
import os
import subprocess
import sys

name, deadline = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60
request = {"schema": "toll.investigate/1", "round": "claims", "investigator": name, "recording": os.path.abspath("a.toll"),
           "report": os.path.abspath("report.json"), "pipeline": os.path.abspath("toll.yaml"), "scratch": os.getcwd(),
           "deadline_s": deadline, "memory_bytes": 1 << 30}
if len(sys.argv) > 3:
    request.update(round="votes", claims=json.loads(sys.argv[3]))
asked = subprocess.run([os.environ["TOLL_BIN"], "investigator", name], input=json.dumps(request) + "\n", capture_output=True, text=True, check=False)
if asked.returncode:
    sys.exit(f"{name}: {asked.returncode} {asked.stdout[-2000:]} {asked.stderr}")
answers = [json.loads(line) for line in asked.stdout.splitlines()]
with open("answers.json", "w", encoding="utf-8") as file:
    json.dump([answer for answer in answers if "progress" not in answer], file)
