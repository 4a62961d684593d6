#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the main() of a module's test executable: gen_test_main.py OUT.c foo_test.c ...

Each source defines one or more `int NAME_test(void)`, a cmocka group that returns the number
of its tests that failed. The main runs them all, or only those named on its command line.
"""

import re
import sys

DEFINES = re.compile(r"^int (\w+_test)\(void\)\s*\{", re.MULTILINE)

MAIN = """\
#include <stdio.h>
#include <string.h>

{prototypes}

static const struct {{
    const char *name;
    int (*run)(void);
}} groups[] = {{
{rows}
}};

static int is_wanted(int argc, char **argv, const char *name)
{{
    int i;

    for (i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc == 1;
}}

int main(int argc, char **argv)
{{
    size_t i;
    int failed = 0, ran = 0;

    for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {{
        if (!is_wanted(argc, argv, groups[i].name))
            continue;
        ran++;
        failed += groups[i].run() != 0;
        fflush(stdout);
    }}
    if (ran == 0)
        fprintf(stderr, "no such group; there are:\\n");
    for (i = 0; ran == 0 && i < sizeof(groups) / sizeof(groups[0]); i++)
        fprintf(stderr, "  %s\\n", groups[i].name);
    return failed != 0 || ran == 0;
}}
"""


def main():
    out, sources = sys.argv[1], sys.argv[2:]
    names = []
    for source in sources:
        with open(source, encoding="utf-8") as f:
            found = DEFINES.findall(f.read())
        if not found:
            sys.exit(f"{source}: defines no `int <name>_test(void)`: the tests in it would never run")
        names += found
    with open(out, "w", encoding="utf-8") as f:
        f.write(MAIN.format(
            prototypes="\n".join(f"int {name}(void);" for name in names),
            rows="\n".join(f'    {{"{name}", {name}}},' for name in names)))


main()
