# SPDX-License-Identifier: Apache-2.0
"""Interrupts toll verify when a build begins, and when the third run does."""
import os
import pathlib
import signal
import subprocess
import time


def interrupt(build, run, sign):
    toll = subprocess.Popen([os.environ["TOLL_BIN"], "verify", "--yes", "--revisions", "HEAD~1", "--build", build, "--time", "60",
                             "--precision", "1e-9", "--store", "../h.db", "--", "sh", "-c", run],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not sign() and time.monotonic() < deadline:
        time.sleep(0.01)
    toll.send_signal(signal.SIGINT)
    out, err = toll.communicate(timeout=30)
    print(toll.returncode, err.strip().replace("\n", "; ").split(" 'sh -c")[0])
    print([line for line in out.splitlines() if line.startswith("Verdict")])


here = pathlib.Path.cwd()
began, ran = here / ".git/began", here / ".git/ran"
interrupt(f"touch {began}; sleep 30", "true", began.exists)
interrupt("true", f"echo x >> {ran}; sleep 0.02", lambda: ran.exists() and ran.stat().st_size > 20)
