#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An investigator that asks a language model, through any endpoint that speaks OpenAI's or Anthropic's interface.

    TOLL_ASK_URL=http://localhost:11434/v1 TOLL_ASK_MODEL=NAME \\
        toll investigate --investigator examples/investigators/ask_model.py run.toll

    TOLL_ASK_URL    where the interface begins: ".../v1" of OpenAI's (chat/completions is added), or of Anthropic's (messages)
    TOLL_ASK_MODEL  the model's name
    TOLL_ASK_KEY    the key, when the endpoint wants one; it goes into the request's header and nowhere else
    TOLL_ASK_API    openai (the default) or anthropic

It sends a summary of the report: stages, the critical path, what toll found itself. Names in it are those of the recorded
programs, their servers and files, so choose an endpoint that may see them. What the model says is a guess: every claim has evidence class
`inferred`, and the other investigators vote on it. Python's standard library is all it needs.
"""

import json
import os
import sys
import urllib.error
import urllib.request

ENTRIES_MAX = 30
ANSWER_TOKENS = 4000
CLAIM_FIELDS = ("id", "cause", "title", "where", "change", "fix", "rationale", "assumption", "effort", "gain", "rows", "evidence")
WHERE_FIELDS = ("stage", "process", "function", "file", "line", "peer", "path")

SYSTEM = """You are an expert in the performance of programs. You read a measured summary of a run: its critical path adds up to the
run's wall time, so that a place that holds a share s of it can bring at most 1 / (1 - s). Never promise more than that, except for work
that can be done side by side. Answer with one JSON object and nothing else."""

ASK_CLAIMS = """Say what to change first. Answer {"claims": [{"id": "1", "cause": one of the causes below or your own word,
"title": one sentence, "where": {"stage"|"process"|"function"|"peer"|"path": a name from the summary}, "fix": one sentence,
"rationale": one sentence, "assumption": text, "effort": "low"|"medium"|"high",
"gain": {"factor": before/after, "factor_low": careful, "factor_high": hopeful} or {"factor_max": at most},
"rows": ["path 0", entries of the path it was read off], "evidence": [facts from the summary]}]}, at most five, the best first.
Causes: cpu-hot, cpu-single-thread, network-wait, disk-read, disk-sync, lock-contention, sleep-poll, pipe-backpressure,
child-wait, cpu-contention, serial-independent, small-batches, chatty-client, connection-churn, unbuffered-io, straggler,
imbalance, idle-worker, config."""

ASK_VOTES = """Others made the claims below. Say of each whether the summary bears it out. Answer {"votes": [{"claim": its name,
"stance": "support"|"neutral"|"contradict", "why": one sentence, "rows": ["path 0"]}]}."""


def say(**answer):
    print(json.dumps(answer), flush=True)


def fail(why):
    print(f"ask_model: {why}", file=sys.stderr)
    sys.exit(1)


def summary(report):
    """What the model gets to see: the head of each list."""
    run = report["run"]
    return {
        "command": run["command"],
        "wall_s": run["wall_ns"] / 1e9,
        "cpu_s": run["cpu_ns"] / 1e9,
        "cores": run["cpu_count"],
        "stages": [{key: stage[key] for key in ("name", "call_count", "critical_ratio", "wall_ns", "covered_ns", "usage")}
                   for stage in report["stages"][:ENTRIES_MAX]],
        "path": [{"row": f"path {index}", "where": entry["where"], "doing": entry["doing"], "ratio": entry["ratio"]}
                 for index, entry in enumerate(report["path"][:ENTRIES_MAX])],
        "found": [{key: finding[key] for key in ("cause", "title", "where", "change", "gain")}
                  for finding in report["findings"][:ENTRIES_MAX]],
    }


def exchange(url, headers, body, timeout_s):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        fail(f"the endpoint answered with status {error.code}: {error.read(300).decode(errors='replace')}")
    except (OSError, ValueError) as error:
        fail(f"could not ask the endpoint: {error}")


def ask(text, timeout_s):
    url, model = os.environ["TOLL_ASK_URL"].rstrip("/"), os.environ["TOLL_ASK_MODEL"]
    key, api = os.environ.get("TOLL_ASK_KEY", ""), os.environ.get("TOLL_ASK_API", "openai")
    if api == "anthropic":
        headers = {"anthropic-version": "2023-06-01", **({"x-api-key": key} if key else {})}
        answer = exchange(f"{url}/messages", headers, {"model": model, "max_tokens": ANSWER_TOKENS, "system": SYSTEM,
                                                       "messages": [{"role": "user", "content": text}]}, timeout_s)
        parts = [part.get("text", "") for part in answer.get("content", []) if part.get("type") == "text"]
        return "".join(parts)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = exchange(f"{url}/chat/completions", headers, {"model": model, "max_tokens": ANSWER_TOKENS, "messages": [
        {"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]}, timeout_s)
    choices = answer.get("choices") or [{}]
    return (choices[0].get("message") or {}).get("content") or ""


def parse(text):
    """The JSON object in an answer that may have words or a fence around it."""
    start = text.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:] if start >= 0 else "")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        fail(f"the model's answer holds no JSON object: {text[:200]!r}")
    return found


def clean_gain(gain):
    """Only numbers that make sense: a promise has low <= factor <= high."""
    numbers = {key: float(value) for key, value in (gain or {}).items()
               if key in ("factor", "factor_low", "factor_high", "factor_max") and
               isinstance(value, (int, float)) and 0 < value < 1e6}
    if "factor" in numbers:
        numbers["factor_low"] = min(numbers.get("factor_low", numbers["factor"]), numbers["factor"])
        numbers["factor_high"] = max(numbers.get("factor_high", numbers["factor"]), numbers["factor"])
    return numbers


def texts(values):
    return [str(value) for value in values or []][:20] if isinstance(values, list) else []


def tell_claims(answer):
    count = 0
    for number, said in enumerate(answer.get("claims") or [], 1):
        if not isinstance(said, dict) or not said.get("title") or not said.get("cause"):
            continue
        claim = {key: said[key] for key in CLAIM_FIELDS if said.get(key) is not None}
        where = claim.get("where") if isinstance(claim.get("where"), dict) else {}
        claim.update(id=str(number), evidence_class="inferred", gain=clean_gain(claim.get("gain")),
                     where={key: value for key, value in where.items() if key in WHERE_FIELDS and isinstance(value, str)},
                     rows=texts(claim.get("rows")), evidence=texts(claim.get("evidence")))
        if claim.get("effort") not in ("low", "medium", "high"):
            claim.pop("effort", None)
        for key in ("cause", "title", "change", "fix", "rationale", "assumption"):
            if key in claim and not isinstance(claim[key], str):
                claim[key] = str(claim[key])
        say(claim=claim)
        count += 1
    say(note=f"{os.environ['TOLL_ASK_MODEL']} made {count} claims")


def tell_votes(answer, names):
    for said in answer.get("votes") or []:
        if isinstance(said, dict) and said.get("claim") in names and \
                said.get("stance") in ("support", "neutral", "contradict"):
            say(vote={"claim": said["claim"], "stance": said["stance"], "why": str(said.get("why") or ""),
                      "rows": texts(said.get("rows"))})


def main():
    request = json.loads(sys.stdin.readline())
    for name in ("TOLL_ASK_URL", "TOLL_ASK_MODEL"):
        if not os.environ.get(name):
            fail(f"{name} is not set: it names the {'endpoint' if name.endswith('URL') else 'model'}")
    with open(request["report"], encoding="utf-8") as file:
        seen = json.dumps(summary(json.load(file)))
    say(progress=f"asking {os.environ['TOLL_ASK_MODEL']}")
    if request["round"] == "claims":
        tell_claims(parse(ask(f"{ASK_CLAIMS}\n\n{seen}", request["deadline_s"])))
        return
    others = {f"{claim['investigator']}/{claim['id']}": {key: claim.get(key) for key in ("cause", "title", "where", "change", "gain")}
              for claim in request["claims"][:ENTRIES_MAX]}
    tell_votes(parse(ask(f"{ASK_VOTES}\n\n{json.dumps(others)}\n\n{seen}", request["deadline_s"])), others)


main()
