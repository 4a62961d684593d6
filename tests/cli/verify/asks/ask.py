# SPDX-License-Identifier: Apache-2.0
"""Answers toll verify at a terminal."""
import os
import pathlib
import pty


def answer(text):
    ran = pathlib.Path("ran")
    ran.unlink(missing_ok=True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(os.environ["TOLL_BIN"], ["toll", "verify", "-q", "-r", "6", "--no-store", "touch ran", "--vs", "touch  ran"])
    seen = b""
    while b"[y/N] " not in seen:
        seen += os.read(terminal, 4096)
    print("asked", b"Revert" in seen, ran.exists())
    os.write(terminal, text)
    try:
        while piece := os.read(terminal, 4096):
            seen += piece
    except OSError:
        pass
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(repr(text), status in (0, 1, 5) if ran.exists() else status, ran.exists(), b"Nothing was run" in seen)


answer(b"y\n")
answer(b"n\n")
answer(b"\n")
answer(b"\x04")
