# SPDX-License-Identifier: Apache-2.0
"""Runs `toll run` at a terminal of its own, as a person does."""
import os
import pty
import re
import select
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


def read_until(terminal, wanted, seconds=20):
    """What a terminal says until `wanted` is in it, or the time is over."""
    said, end = b"", time.monotonic() + seconds
    while wanted not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                said += os.read(terminal, 4096)
            except OSError:
                break
    return said.decode(errors="replace")


def at_a_shell(command):
    """A shell with job control; Ctrl-Z when the command says that it is ready. Whether the shell told of a stopped job,
    whether the command went on meanwhile, and the status in the end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**os.environ, "PS1": "> "})
    os.write(terminal, f"toll run -q -o z.toll -- {command}\n".encode())
    read_until(terminal, b"ready")
    time.sleep(0.2)
    os.write(terminal, b"\x1a")
    said = read_until(terminal, b"Stopped", 2)
    said += read_until(terminal, b"done", 2)
    if "Stopped" in said:
        os.write(terminal, b"fg\n")
        said += "|" + read_until(terminal, b"done")
    os.write(terminal, b"echo status=$?.; exit\n")
    said += read_until(terminal, b"nothing: the shell exits", 5)
    os.close(terminal)
    os.waitpid(pid, 0)
    status = re.search(r"status=(\d+)\.", said)
    before = said.split("|")[0]
    return "Stopped" in before, "done" in before, status and status[1]


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
stopped, went_on, status = at_a_shell("sh -c 'echo rea\"\"dy; sleep 1; echo do\"\"ne; exit 5'")
print(f"Ctrl-Z: stopped {stopped}, went on meanwhile {went_on}, after fg status {status}")
stopped, went_on, status = at_a_shell("sh -c 'trap \"\" TSTP; echo rea\"\"dy; sleep 1; echo do\"\"ne; exit 6'")
print(f"Ctrl-Z, ignored by the command: stopped {stopped}, went on {went_on}, status {status}")
