#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A history of Claude Code as months of work leave it: agent_history.py FOLDER [--mb 210] [--seed 1]

FOLDER/projects/SLUG/SESSION.jsonl and SESSION/subagents/agent-ID.jsonl. What the lines are is taken from real histories: an answer is
told on one line a block of its content, each with the whole usage; tools give back texts of some kilobytes, told twice in a
line; hooks and running commands make lines of progress; a tenth of the answers is a subagent's; the cache is written for
5 minutes and for an hour. Prints the sums that it wrote, as JSON.
"""
import argparse
import json
import os
import random
import sys
from datetime import datetime, timedelta, timezone

WORDS = ("the of to and in that is for with this file function error test value return when string path line build module "
         "number check result first index cache write read memory thread page table column total because change after before "
         "class import struct const static while break switch default async await queue retry request response").split()
MODELS = ["claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"]
TOOLS = ["Bash", "Read", "Edit", "Grep", "Glob", "Write", "TodoWrite"]
START = datetime(2026, 6, 1, 6, 0, tzinfo=timezone.utc)


class Texts:
    """Pieces of one long text: cheap, and none like the last."""

    def __init__(self, rng):
        self.rng = rng
        words = rng.choices(WORDS, k=60000)
        for i in range(9, len(words), 10):
            words[i] += rng.choice([".", ",", "\n", "(", ");\n", " {\n\t", '"quoted"', "\\n"])
        self.pool = " ".join(words)

    def piece(self, mean):
        length = min(int(self.rng.expovariate(1 / mean)) + 8, 60000)
        start = self.rng.randrange(len(self.pool) - length)
        return self.pool[start:start + length]


class Writer:
    def __init__(self, folder, rng):
        self.folder, self.rng, self.texts = folder, rng, Texts(rng)
        self.bytes = self.lines = self.calls = self.files = 0
        self.sums = dict.fromkeys(["tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write_5m",
                                   "tokens_cache_write_1h"], 0)

    def id(self, prefix, length=24):
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789"
        return prefix + "".join(self.rng.choices(alphabet, k=length))

    def uuid(self):
        text = "%032x" % self.rng.getrandbits(128)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def emit(self, out, row):
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
        out.write(line)
        self.bytes += len(line.encode())
        self.lines += 1


class Conversation:
    def __init__(self, writer, project, when, depth=0, session=None, agent=None):
        self.w, self.rng, self.project, self.when, self.depth = writer, writer.rng, project, when, depth
        self.session, self.agent = session or writer.uuid(), agent
        self.model = writer.rng.choices(MODELS, [5, 4, 1])[0]
        self.parent, self.context = None, 18000
        slug = project.replace("/", "-")
        folder = os.path.join(writer.folder, "projects", slug)
        if agent:
            folder = os.path.join(folder, self.session, "subagents")
        os.makedirs(folder, exist_ok=True)
        name = "agent-%s.jsonl" % agent if agent else self.session + ".jsonl"
        self.out = open(os.path.join(folder, name), "w", encoding="utf-8")
        writer.files += 1

    def tick(self, seconds):
        self.when += timedelta(milliseconds=int(self.rng.expovariate(1 / seconds) * 1000) + 1)
        return self.when.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (self.when.microsecond // 1000)

    def row(self, kind, seconds, **more):
        uuid = self.w.uuid()
        row = {"parentUuid": self.parent, "isSidechain": bool(self.agent), "userType": "external", "cwd": self.project,
               "sessionId": self.session, "version": "2.1.39", "gitBranch": "main", "slug": "quiet-river"}
        if self.agent:
            row["agentId"] = self.agent
        row.update({"type": kind, **more, "uuid": uuid, "timestamp": self.tick(seconds)})
        self.parent = uuid
        self.w.emit(self.out, row)

    def usage(self, text_length):
        rng = self.rng
        five, hour = (rng.randrange(200, 4000), 0) if rng.random() < 0.3 else (0, rng.randrange(200, 6000))
        read = self.context
        self.context += five + hour
        if self.context > 160000:
            self.context = 20000
        return {"input_tokens": rng.randrange(1, 12), "cache_creation_input_tokens": five + hour,
                "cache_read_input_tokens": read,
                "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
                "output_tokens": text_length // 4 + rng.randrange(20, 900), "service_tier": "standard", "inference_geo": "not_available"}

    def answer(self, tools):
        w = self.w
        ident, request = w.id("msg_01"), w.id("req_011")
        blocks = [{"type": "text", "text": w.texts.piece(350)}]
        if self.rng.random() < 0.5:
            blocks.insert(0, {"type": "thinking", "thinking": w.texts.piece(300), "signature": w.id("E", 240)})
        uses = []
        for name in tools:
            use = {"type": "tool_use", "id": w.id("toolu_01"), "name": name, "input": self.arguments(name)}
            uses.append(use)
            blocks.append(use)
        usage = self.usage(sum(len(json.dumps(block)) for block in blocks))
        for block in blocks:
            message = {"model": self.model, "id": ident, "type": "message", "role": "assistant", "content": [block],
                       "stop_reason": None, "stop_sequence": None, "usage": usage}
            self.row("assistant", 1.0, message=message, requestId=request)
        w.calls += 1
        self.last_usage = usage
        sums = w.sums
        sums["tokens_input"] += usage["input_tokens"]
        sums["tokens_output"] += usage["output_tokens"]
        sums["tokens_cache_read"] += usage["cache_read_input_tokens"]
        sums["tokens_cache_write_5m"] += usage["cache_creation"]["ephemeral_5m_input_tokens"]
        sums["tokens_cache_write_1h"] += usage["cache_creation"]["ephemeral_1h_input_tokens"]
        return uses

    def arguments(self, name):
        w = self.w
        if name == "Bash":
            return {"command": w.texts.piece(90), "description": w.texts.piece(30)}
        if name in ("Edit", "Write"):
            return {"file_path": self.project + "/src/a.c", "old_string": w.texts.piece(250), "new_string": w.texts.piece(300)}
        if name == "Task":
            return {"description": w.texts.piece(25), "prompt": w.texts.piece(600), "subagent_type": "Explore"}
        return {"file_path": self.project + "/src/" + w.texts.piece(10).strip() + ".py"}

    def result(self, use, more=None):
        text = self.w.texts.piece(1500)
        block = {"tool_use_id": use["id"], "type": "tool_result", "content": text}
        detail = more or {"stdout": text[:4000], "stderr": "", "interrupted": False, "isImage": False}
        self.row("user", 3.0, message={"role": "user", "content": [block]}, toolUseResult=detail)

    def progress(self, use):
        if use["name"] == "Bash" and self.rng.random() < 0.6:
            data = {"type": "bash_progress", "output": self.w.texts.piece(120), "fullOutput": self.w.texts.piece(200),
                    "elapsedTimeSeconds": 3, "totalLines": 12}
        else:
            data = {"type": "hook_progress", "hookEvent": "PostToolUse", "hookName": "PostToolUse:" + use["name"],
                    "command": "callback"}
        self.row("progress", 0.2, data=data, toolUseID=self.w.id("bash-progress-", 4), parentToolUseID=use["id"])

    def turn(self):
        rng, w = self.rng, self.w
        self.row("user", 90.0, message={"role": "user", "content": w.texts.piece(200)})
        for _ in range(rng.randrange(2, 14)):
            tools = rng.choices(TOOLS, [5, 5, 3, 2, 1, 1, 1], k=rng.choice([1, 1, 1, 2]))
            spawns = not self.depth and rng.random() < 0.012
            uses = self.answer(["Task"] if spawns else tools)
            for use in uses:
                if spawns:
                    self.result(use, self.spawn())
                    continue
                for _ in range(rng.choice([0, 1, 1, 2, 3])):
                    self.progress(use)
                self.result(use)
        self.answer([])
        if rng.random() < 0.3:
            self.row("system", 0.1, subtype="turn_duration", durationMs=rng.randrange(1000, 90000), isMeta=False)
        if rng.random() < 0.15:
            w.emit(self.out, {"type": "file-history-snapshot", "messageId": w.uuid(), "isSnapshotUpdate": False,
                              "snapshot": {"messageId": self.parent, "trackedFileBackups": {w.texts.piece(30): w.texts.piece(900)}}})

    def spawn(self):
        agent = self.w.id("a", 16).lower()
        child = Conversation(self.w, self.project, self.when, 1, self.session, agent)
        child.turn()
        child.out.close()
        self.when = child.when
        return {"status": "completed", "agentId": agent, "totalDurationMs": 1000, "totalTokens": 1000, "totalToolUseCount": 3,
                "content": [], "usage": child.last_usage}


def generate(folder, megabytes, seed):
    rng = random.Random(seed)
    writer = Writer(folder, rng)
    projects = ["/srv/work/project-%02d" % i for i in range(24)]
    day = 0
    while writer.bytes < megabytes * 1000000:
        when = START + timedelta(days=day % 170, seconds=rng.randrange(40000))
        conversation = Conversation(writer, rng.choice(projects), when)
        for _ in range(min(int(rng.expovariate(1 / 8)) + 1, 60)):
            conversation.turn()
            if writer.bytes >= megabytes * 1000000:
                break
        conversation.out.close()
        day += 1
    return {"bytes": writer.bytes, "files": writer.files, "lines": writer.lines, "calls": writer.calls, **writer.sums}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--mb", type=float, default=210)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    print(json.dumps(generate(wanted.folder, wanted.mb, wanted.seed)))


if __name__ == "__main__":
    sys.exit(main())
