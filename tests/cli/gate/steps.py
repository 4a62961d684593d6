#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the steps of examples/ci's workflows as their service would, in a clean clone.

    steps.py github|gitlab FOLDER

FOLDER is a clone of a repository whose HEAD is to be held against BASE. Prints the status of the job and what the service would
have kept. Actions (`uses:`) are the service's own and are named instead of run.
"""

import os
import pathlib
import re
import subprocess
import sys

import yaml

EXAMPLE = pathlib.Path(os.environ["SOURCE"], "examples", "ci")


def shell(script, folder, env):
    """As GitHub runs a step without a `shell`, and as GitLab's runner joins lines: -e, and pipes that fail."""
    return subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, env=env,
                          stdin=subprocess.DEVNULL, check=False).returncode


def expand(text, event):
    """${{ a || b }} of paths into the event."""
    def value(match):
        for path in match.group(1).split("||"):
            found = event
            for key in path.strip().split("."):
                found = (found or {}).get(key)
            if found:
                return found
        return ""
    return re.sub(r"\$\{\{(.*?)\}\}", value, str(text))


def github(folder, base):
    workflow = yaml.safe_load((EXAMPLE / "github-actions.yml").read_text())
    triggers = workflow[True]  # YAML 1.1 reads `on` as a truth
    assert {"pull_request", "push"} <= set(triggers) and workflow["permissions"]
    event = {"github": {"event": {"pull_request": {"base": {"sha": base}}}}}
    summary = folder.with_name(folder.name + "-summary.md")
    env = dict(os.environ, CI="true", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary),
               GITHUB_WORKSPACE=str(folder), RUNNER_TEMP=str(folder.parent))
    env.update(workflow["env"])
    status = 0
    for step in workflow["jobs"]["gate"]["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@v\d+", step["uses"]), step
        elif status == 0 or "always()" in step.get("if", ""):
            own = {name: expand(text, event) for name, text in step.get("env", {}).items()}
            status = status or shell(step["run"], folder, dict(env, **own))
    uploads = " ".join(str(step.get("with")) for step in workflow["jobs"]["gate"]["steps"])
    kept = [name for name in ("gate.xml", "gate.sarif", "gate.md") if name in uploads and (folder / name).exists()]
    return "failed" if status else "passed", kept, summary.read_text() if summary.exists() else ""


def gitlab(folder, base):
    job = yaml.safe_load((EXAMPLE / "gitlab-ci.yml").read_text())["performance"]
    env = dict(os.environ, CI="true", GITLAB_CI="true", CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
               CI_PROJECT_DIR=str(folder))
    env.update({name: str(text) for name, text in job["variables"].items()})
    status = shell("\n".join(job["before_script"] + job["script"]), folder, env)
    allowed = status in job["allow_failure"]["exit_codes"]
    paths = job["artifacts"]["paths"] + [job["artifacts"]["reports"]["junit"]]
    kept = [name for name in paths if (folder / name).exists()]
    return "passed" if status == 0 else "warned" if allowed else "failed", kept, ""


def main():
    service, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    base = subprocess.run(["git", "rev-parse", "HEAD^"], cwd=folder, check=True, capture_output=True,
                          text=True).stdout.strip()
    verdict, kept, summary = {"github": github, "gitlab": gitlab}[service](folder, base)
    print(f"the job {verdict}, kept {' '.join(kept)}")
    if summary:
        print(f"summary: {summary.splitlines()[0]}")


main()
