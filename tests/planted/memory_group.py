# SPDX-License-Identifier: Apache-2.0
"""A control group with little memory, for the case that needs one.

Version 2 (a folder with cgroup.controllers) when it has the memory controller, else version 1. It lies beside this
process's own group or in it, and goes when the suite ends.
"""
import os
import pathlib

ROOT = pathlib.Path("/sys/fs/cgroup")


class GroupError(Exception):
    """Why there can be no such group here."""


def own_folders():
    """Where a group may be made: (folder, name of the file with the limit)."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield ROOT / "memory" / path.lstrip("/"), "memory.limit_in_bytes"
            yield ROOT / "memory", "memory.limit_in_bytes"
        elif number == "0":
            for root in (ROOT, ROOT / "unified"):
                for folder in (root / path.lstrip("/"), root):
                    known = folder / "cgroup.subtree_control"
                    if known.is_file() and "memory" in known.read_text().split():
                        yield folder, "memory.max"


class MemoryGroup:
    def __init__(self, limit_bytes):
        self.folder = None
        problem = "no control group has the memory controller"
        for parent, limit in own_folders():
            folder = parent / f"toll-planted-{os.getpid()}"
            try:
                folder.mkdir()
            except OSError as failure:
                problem = f"{parent}: {failure.strerror}"
                continue
            self.folder = folder
            try:
                (folder / limit).write_text(str(limit_bytes))
                return
            except OSError as failure:
                problem = f"{folder / limit}: {failure.strerror}"
                self.remove()
        raise GroupError(problem)

    def remove(self):
        if self.folder is None:
            return
        try:
            self.folder.rmdir()
        except OSError:
            pass  # what still runs in it keeps it
        self.folder = None
