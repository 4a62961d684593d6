#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes files of rules into a C source, as a table of their names and texts: embed_rules.py OUT.c FILE…"""

import pathlib
import sys


def main():
    out, files = sys.argv[1], sys.argv[2:]
    parts = ['/* Written by tools/embed_rules.py. */\n#include "settings/built_in_rules.h"\n']
    rows = []
    for number, name in enumerate(files):
        cells = [str(byte - 256 if byte > 127 else byte) for byte in pathlib.Path(name).read_bytes()] + ["0"]
        lines = [", ".join(cells[at:at + 24]) for at in range(0, len(cells), 24)]
        parts.append(f"static const char text_{number}[] = {{\n    " + ",\n    ".join(lines) + "};\n")
        rows.append(f'    {{"share/rules/{pathlib.Path(name).name}", text_{number}}},')
    parts.append("const struct built_in_rules built_in_rules[] = {\n" + "\n".join(rows) + "\n};")
    parts.append(f"const size_t built_in_rules_count = {len(files)};\n")
    pathlib.Path(out).write_text("\n".join(parts), encoding="utf-8")


main()
