#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills `toll record --otlp` with SIGKILL while several senders post: what was acknowledged must be in the recovered recording,
and a second receiver must not write over it. Prints TAP.

usage: killed_receiver.py TOLL [COUNT]
"""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

SENDERS = 3
BATCH = 20


def batch(sender, number):
    spans = [{"traceId": f"{sender + 1:032x}", "spanId": f"{sender << 32 | number * BATCH + i + 1:016x}", "name": "work",
              "startTimeUnixNano": str(1_790_000_000_000_000_000 + number * 1000), "endTimeUnixNano": str(1_790_000_000_000_000_500 + number * 1000)}
             for i in range(BATCH)]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})


def send(port, sender, acknowledged):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    number = 0
    try:
        while True:
            connection.request("POST", "/v1/traces", batch(sender, number), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                acknowledged[sender] += BATCH
            number += 1
    except (OSError, http.client.HTTPException):
        return


def run(toll, *words):
    return subprocess.run([toll, *words], capture_output=True, text=True, check=False)


def kill_once(toll, recording, number):
    recorder = subprocess.Popen([toll, "record", "--otlp", "127.0.0.1:0", "-o", recording], stderr=subprocess.PIPE, text=True)
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)", recorder.stderr.readline())[1])
    acknowledged = [0] * SENDERS
    threads = [threading.Thread(target=send, args=(port, i, acknowledged)) for i in range(SENDERS)]
    for thread in threads:
        thread.start()
    # While requests are under way: after so many spans, not after a time.
    while sum(acknowledged) < BATCH * (20 + 17 * number) and recorder.poll() is None:
        time.sleep(0.001)
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    for thread in threads:
        thread.join()
    kept = sum(acknowledged)
    again = run(toll, "record", "--otlp", "127.0.0.1:0", "--for", "1s", "-o", recording)
    if again.returncode != 2 or "toll recover" not in again.stderr:
        return f"a second receiver must not write over it: exit {again.returncode}, {again.stderr}"
    recovered = run(toll, "recover", recording, "-o", recording)
    if recovered.returncode:
        return f"toll recover failed: {recovered.stderr}"
    checked = run(toll, "check", "--json", recording)
    if checked.returncode:
        return f"toll check failed: {checked.stdout}{checked.stderr}"
    rows = json.loads(checked.stdout)["rows"]["span"]
    if not kept <= rows <= kept + SENDERS * BATCH:
        return f"{kept} spans were acknowledged, {rows} are in the recording"
    return None


def main():
    toll, count = os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(f"1..{count}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, count + 1):
            problem = kill_once(toll, pathlib.Path(folder, f"{number}.toll"), number)
            failed += problem is not None
            print(f"{'not ok' if problem else 'ok'} {number} - what a killed receiver acknowledged is saved", flush=True)
            if problem:
                print("# " + problem.replace("\n", "\n# "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
