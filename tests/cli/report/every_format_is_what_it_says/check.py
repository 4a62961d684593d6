"""The JSON has the fields of docs/report.md and its path adds up; the SVG is XML; the page is one file."""
import gzip
import json
import re
import xml.dom.minidom

verdict = json.load(open("out.json", encoding="utf-8"))
fields = {
    "run": "id command started_at wall_ns cpu_ns exit_status process_count thread_count rss_bytes_max recorders grade",
    "stages": "name call_count wall_ns critical_ns critical_ratio cpu_ns wait_ns rss_bytes_max usage",
    "path": "where doing ns ratio ratio_low ratio_high",
    "via": "where reason ns ratio",
    "findings": "cause where objective critical_ratio priority severity change assumption gain fix effort evidence sources"
                " agreement",
    "cleared": "where critical_ratio factor_max",
    "replay": "baseline_drift_ratio",
}
assert verdict["schema"] == "toll.report/1"
for part, names in fields.items():
    rows = verdict[part] if isinstance(verdict[part], list) else [verdict[part]]
    for row in rows:
        assert set(names.split()) <= set(row), (part, set(names.split()) - set(row))
assert set(verdict["run"]["recorders"]) == {"cpu", "wait", "spans", "heap", "io"}
assert set("score_ratio lost_count stack_truncated_ratio critical_path_explained_ratio overhead_ratio".split()) <= set(
    verdict["run"]["grade"])
for finding in verdict["findings"]:
    assert set("factor factor_low factor_high factor_max wall_ns_after".split()) <= set(finding["gain"])
assert verdict["run"]["command"][0] == "sh" and verdict["run"]["wall_ns"] >= 50_000_000
assert sum(row["ns"] for row in verdict["path"]) == verdict["run"]["wall_ns"]

xml.dom.minidom.parse("out.flamegraph")
page = open("out.html", encoding="utf-8").read()
assert not re.search(r"(src|href)=.?https?:", page) and page.rstrip().endswith("</html>")
for line in open("out.folded", encoding="utf-8"):
    assert re.fullmatch(r"\S.* [0-9]+\n", line), line
speedscope = json.load(open("out.speedscope", encoding="utf-8"))
assert speedscope["$schema"] == "https://www.speedscope.app/file-format-schema.json"
for profile in speedscope["profiles"]:
    assert profile["unit"] == "nanoseconds" and profile["endValue"] >= profile["startValue"]
    if profile["type"] == "sampled":
        assert len(profile["samples"]) == len(profile["weights"]) and sum(profile["weights"]) == profile["endValue"]
        assert all(frame < len(speedscope["shared"]["frames"]) for stack in profile["samples"] for frame in stack)
assert gzip.open("out.pprof").read(2)[0] == 0x0A
events = json.load(open("out.trace-event", encoding="utf-8"))["traceEvents"]
assert {"M", "X", "C"} <= {event["ph"] for event in events}
sleep = [event for event in events if event["ph"] == "X" and event["name"] == "sleep"]
assert sum(event["dur"] for event in sleep) >= 45_000, sleep
firefox = json.load(open("out.firefox", encoding="utf-8"))
assert firefox["meta"]["preprocessedProfileVersion"] == 60 and firefox["threads"]
assert open("out.perfetto", "rb").read(1) == b"\n"
print("ok")
