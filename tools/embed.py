#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes files into a C source: embed.py OUT.c HEADER name=file…

Each becomes `const char <name>[]`, NUL-terminated; of a .js file also `const char <name>_hash[]`,
its SHA-256 in base64 as a Content-Security-Policy takes it; of a program also `const unsigned long
<name>_length`. HEADER declares them.
"""

import base64
import hashlib
import sys


def main():
    out, header, rows = sys.argv[1], sys.argv[2], sys.argv[3:]
    parts = [f'/* Written by tools/embed.py. */\n#include "{header}"\n']
    for row in rows:
        name, _, path = row.partition("=")
        with open(path, "rb") as f:
            content = f.read()
        cells = [str(byte - 256 if byte > 127 else byte) for byte in content] + ["0"]
        lines = [", ".join(cells[at:at + 24]) for at in range(0, len(cells), 24)]
        parts.append(f"const char {name}[] = {{\n    " + ",\n    ".join(lines) + "};\n")
        if content.startswith(b"\x7fELF"):
            parts.append(f"const unsigned long {name}_length = {len(content)};\n")
        if path.endswith(".js"):
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            parts.append(f'const char {name}_hash[] = "{digest}";\n')
    with open(out, "w", encoding="utf-8") as f:
        f.write("\n".join(parts))


main()
