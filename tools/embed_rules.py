#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes files into a C source, as a table of their names and texts: embed_rules.py OUT.c HEADER FILE…

The table is named like the header, src/HEADER.h, which declares it; a file's name begins at share/."""

import pathlib
import sys


def main():
    out, header, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    table = pathlib.PurePath(header).name
    parts = [f'/* Written by tools/embed_rules.py. */\n#include "{header}.h"\n']
    rows = []
    for number, name in enumerate(files):
        cells = [str(byte - 256 if byte > 127 else byte) for byte in pathlib.Path(name).read_bytes()] + ["0"]
        lines = [", ".join(cells[at:at + 24]) for at in range(0, len(cells), 24)]
        parts.append(f"static const char text_{number}[] = {{\n    " + ",\n    ".join(lines) + "};\n")
        path = pathlib.Path(name)
        rows.append(f'    {{"share/{path.parent.name}/{path.name}", text_{number}}},')
    parts.append(f"const struct {table} {table}[] = {{\n" + "\n".join(rows) + "\n};")
    parts.append(f"const size_t {table}_count = {len(files)};\n")
    pathlib.Path(out).write_text("\n".join(parts), encoding="utf-8")


main()
