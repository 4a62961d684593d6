#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workflows of agents with one known cause each, and its fix behind a flag: workflows.py NAME FOLDER [--fixed]"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "examples" / "agents"))
import team  # noqa: E402

OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"


def worker(calls, **ask):
    def work(agent):
        for _ in range(calls):
            agent.ask(**ask)
    return work


def four(work_of, kind="worker"):
    return [(f"{kind}{i}", kind, f"part {i}", work_of(i)) for i in range(4)]


def straggler(main, fixed):
    main.delegate(four(lambda i: worker(6 if i == 2 and not fixed else 2, out=450), "reviewer"))
    main.ask(out=200)


def serial_independent(main, fixed):
    children = four(lambda i: worker(3, out=400), "tester")
    if fixed:
        main.delegate(children, out=120)
    else:
        for child in children:
            main.delegate([child], out=120)
    main.ask(out=200)


def false_parallelism(main, fixed):
    main.delegate(four(lambda i: worker(2, out=500, alone=not fixed), "coder"))
    main.ask(out=200)


def agent_idle(main, fixed):
    """A reviewer that is there from the start and has nothing to do for most of the time."""
    def write(agent):
        for _ in range(5):
            agent.ask(out=700)

    def review(seconds):
        def work(agent):
            if seconds:
                time.sleep(seconds)
                agent.write("user", {"role": "user", "content": "the draft is there"}, isMeta=True)
            agent.ask(out=500)
        return work
    writer = ("writer1", "writer", "the draft", write)
    if fixed:
        main.delegate([writer])
        main.delegate([("reviewer1", "reviewer", "review", review(0))], out=20)
    else:
        main.delegate([writer, ("reviewer1", "reviewer", "review", review(1.62))])
    main.ask(out=200)


def agent_overload(main, fixed):
    """After each step a coder needs a review, and there is one reviewer for all; or one for each."""
    def work_of(i):
        def work(agent):
            for step in range(4):
                agent.tool("Edit", f"part{i}/{step}.c", out=120 + 40 * (step % 2))
                agent.consult(f"reviewer{i if fixed else 0}", "reviewer", f"review part{i}/{step}", out=450)
        return work
    main.delegate(four(work_of, "coder"))
    main.ask(out=200)


def context_bloat(main, fixed):
    for i in range(7):
        read = 125000 if fixed else 255000 + 30000 * i
        main.tool("Bash", f"step {i}", read=read, out=100 + 40 * (i % 3))
    main.ask(read=20000, out=150)


def retry_storm(main, fixed):
    for i in range(3):
        for attempt in range(0 if fixed else 5):
            main.again(0.05 * (attempt + 1))
        main.tool("Bash", f"step {i}", out=300)
    main.ask(out=200)


def rate_limit(main, fixed):
    for i in range(4):
        if not fixed:
            main.again(0.35, status=429)
        main.tool("Bash", f"step {i}", out=300)
    main.ask(out=200)


def human_wait(main, fixed):
    main.tool("Bash", "plan", out=300)
    main.ask(out=200)
    if not fixed:
        main.human(1.6)
    main.tool("Bash", "apply", out=300)
    main.ask(out=200)


def uncached_context(main, fixed):
    size = 40000
    for i in range(10):
        if fixed:
            main.tool("Bash", f"step {i}", read=200, cached=size if i else 0, written=9000 if i else size, out=60)
        else:
            main.tool("Bash", f"step {i}", read=size + 9200, out=60)
        size += 9000
    main.ask(read=200, cached=size if fixed else 0, written=0 if not fixed else 200, out=60) if fixed else \
        main.ask(read=size + 200, out=60)


def model_oversized(main, fixed):
    for i in range(7):
        main.tool("Bash", f"list {i}", 0.005, model=HAIKU, read=1500 + 900 * (i % 4), cached=20000, out=80 + 100 * (i % 3))
    for i in range(8):
        main.tool("Bash", f"file {i}", model=HAIKU if fixed else OPUS, read=2000, cached=28000, out=260)


def runaway_loop(main, fixed):
    main.tool("Bash", "git status", out=150)
    for _ in range(2 if fixed else 16):
        main.tool("Bash", "make test", is_error=True, out=150)
    main.ask(out=300)


def blocked_task(main, fixed):
    """The second agent waits for the first at its start, although it needs it only at its end."""
    def first(agent):
        for _ in range(4):
            agent.ask(out=700)

    def second(agent):
        def wait_for_first():
            path = agent.team.folder / "first.done"
            while not path.exists():
                time.sleep(0.002)
        if not fixed:
            agent.tool("TaskOutput", "first1", wait_for_first, out=50)
        for _ in range(4):
            agent.ask(out=650)
        if fixed:
            agent.tool("TaskOutput", "first1", wait_for_first, out=50)

    def first_then_tell(agent):
        first(agent)
        (agent.team.folder / "first.done").touch()
    main.delegate([("first1", "schema", "the schema", first_then_tell), ("second1", "client", "the client", second)])
    main.ask(out=200)


def slow_task(main, fixed):
    for i in range(6):
        long = i == 3 and not fixed
        main.tool("Bash", f"item {i}", out=200)
        for step in range(6 if long else 0):
            main.tool("Bash", f"item {i}, look {step}", out=200)
        main.ask(out=150)
        if i < 5:
            main.human(0.06, f"item {i + 1}")


def high_tokens(main, fixed):
    def work_of(i):
        def work(agent):
            for step in range(3):
                agent.tool("Read", f"part{i}/{step}.c", read=(150000 - 15000 * step if i == 1 and not fixed else 14000 - step), out=200)
            agent.ask(read=20000, out=200)
        return work
    main.delegate(four(work_of, "analyst"))
    main.ask(out=200)


def repeated_context(main, fixed):
    for i in range(16):
        if i % 5 == 4:
            main.tool("Bash", f"make part{i}", out=60)
        elif not fixed or i == 0:
            main.tool("Read", "docs/contract.md", size=60000, read=3000, out=60)
    main.ask(read=60000, out=200)


WORKFLOWS = {name.replace("_", "-"): f for name, f in list(globals().items())
             if callable(f) and f.__module__ == __name__ and name not in ("worker", "four")}

if __name__ == "__main__":
    made = team.Team(sys.argv[2], spans=f"{sys.argv[2]}.jsonl")
    print(f"{made.run(WORKFLOWS[sys.argv[1]], '--fixed' in sys.argv):.4f}")
