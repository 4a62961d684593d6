#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Six agents ship a change, against a stand-in model server: ship_change.py [FOLDER] [--fixed]

It needs no network and no key, and takes some seconds. Each agent is a process that writes the transcript that Claude Code would, so that
FOLDER (ship-change) is what `toll import` reads:

    examples/agents/ship_change.py ship-change
    toll import ship-change && toll report ship-change.toll

The main agent lets two scouts look around, one after the other; a coder makes the change and sends its whole context again with each
request, past the cache; then a tester and a reviewer work side by side, and the tester runs the same failing test again and again; a
human is asked before the end. With --fixed the scouts start together, the context is cached, and the tester stops after the second time.
"""
import sys

import team

OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"


def scout(files):
    def work(agent):
        for i in range(files):
            agent.tool("Read", f"src/part{i}.c", size=6000, read=4000 + 1500 * i, out=150 + 40 * i)
        agent.ask(read=4000 + 1500 * files, out=420)
    return work


def coder(fixed):
    def work(agent):
        size = 30000
        for i in range(8):
            out = 180 + 30 * (i % 3)
            if fixed:
                agent.tool("Edit", f"src/change{i}.c", model=OPUS, read=200, cached=size if i else 0,
                           written=8000 if i else size, out=out)
            else:
                agent.tool("Edit", f"src/change{i}.c", model=OPUS, read=size + 8000, out=out)
            size += 8000
    return work


def tester(fixed):
    def work(agent):
        agent.tool("Bash", "make", read=5000, out=120)
        for _ in range(2 if fixed else 9):
            agent.tool("Bash", "make test", 0.06, is_error=True, read=9000, out=160)
        agent.ask(read=12000, out=510)
    return work


def reviewer(agent):
    for i in range(3):
        agent.tool("Bash", f"git show HEAD~{i}", size=9000, read=6000 + 2000 * i, out=220)
    agent.ask(read=14000, out=520)


def ship(main, fixed):
    main.ask(model=OPUS, read=6000, out=260)
    scouts = [("scout-api", "scout-api", "find where the API is used", scout(3)),
              ("scout-store", "scout-store", "find where rows are stored", scout(3))]
    if fixed:
        main.delegate(scouts, model=OPUS, out=120)
    else:
        for one in scouts:
            main.delegate([one], model=OPUS, out=120)
    main.delegate([("coder", "coder", "make the change", coder(fixed))], model=OPUS, out=200)
    main.delegate([("tester", "tester", "test the change", tester(fixed)),
                   ("reviewer", "reviewer", "review the change", reviewer)], model=OPUS, out=160)
    main.ask(model=OPUS, read=9000, out=240)
    main.human(0.5, "yes, push it")
    main.tool("Bash", "git push", model=OPUS, read=9500, out=90)
    main.ask(model=OPUS, read=9800, out=110)


if __name__ == "__main__":
    places = [word for word in sys.argv[1:] if word != "--fixed"] or ["ship-change"]
    seconds = team.Team(places[0]).run(ship, "--fixed" in sys.argv)
    print(f"six agents were done after {seconds:.1f} s; their transcripts are in {places[0]}")
