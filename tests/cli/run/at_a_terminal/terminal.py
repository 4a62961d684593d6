# SPDX-License-Identifier: Apache-2.0
"""Runs `toll run` at a terminal of its own, as a person does."""
import os
import pty
import re
import signal
import time

COUNT = """
import signal, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("ready", flush=True)
end = time.monotonic() + 1.5
while time.monotonic() < end:
    time.sleep(0.1)
print("counted", len(seen), flush=True)
"""


def at_terminal(command, act):
    """The exit status, and what was printed; `act` is called when the command says that it is ready."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("toll", ["toll", "run", "-q", "-o", "a.toll", "--", *command])
    said, acted = b"", False
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:
            break
        if not acted and b"ready" in said:
            acted = True
            time.sleep(0.2)
            act(pid, terminal)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")


def type_in(text):
    return lambda pid, terminal: os.write(terminal, text)


status, _ = at_terminal(["sh", "-c", "trap 'exit 9' INT; echo ready; sleep 20 & wait"], type_in(b"\x03"))
print(f"Ctrl-C, taken: status {status}")
status, _ = at_terminal(["sh", "-c", "echo ready; exec sleep 20"], type_in(b"\x03"))
print(f"Ctrl-C, not taken: status {status}")
status, said = at_terminal(["python3", "-c", COUNT], type_in(b"\x03"))
print(f"Ctrl-C, ignored by the command: {re.search('counted .', said)[0]}, status {status}")
status, _ = at_terminal(["sh", "-c", "trap 'exit 8' TERM; echo ready; sleep 20 & wait"],
                        lambda pid, _: os.kill(pid, signal.SIGTERM))
print(f"SIGTERM to toll: status {status}")
status, said = at_terminal(["sh", "-c", "echo ready; read -r word; echo typed: $word"], type_in(b"hello\n"))
print(f"{re.search('typed: hello', said)[0]}, status {status}")
