#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shape of the tree, as a test: tools/tidy.py [--no-compile] prints TAP, one line a rule.

A message names the place and the fix. The rules are those of docs/style.md that a compiler
does not check: layers, limits, names, what each module must have.
"""

import ast
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
MODULE_SOURCES_MAX = 25
SHOWN_MAX = 15
# Files that may occur once a folder.
COMMON_NAMES = {"README.md", "meson.build", "internal.h", "Makefile", "run"}
TEST_KINDS = ("_test.c", "_fuzz.c", "_bench.c")

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SYSTEM_INCLUDE = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.MULTILINE)
LAYER = re.compile(r"^(\w+)\s+(\d+):\s*([\w ]*)$")
PRINTS = re.compile(r"(?<![\w.>])(printf|vprintf|puts|putchar|perror|exit|quick_exit|err|errx|warn|warnx)\s*\(|\bstd(?:out|err)\b")


def rel(path):
    return str(path.relative_to(ROOT))


def is_test(path):
    return path.name.endswith(TEST_KINDS)


def code_only(text):
    """The text with comments and string contents blanked, lines kept."""
    def blank(match):
        found = match.group(0)
        if found[0] == '"':
            return '""'
        if found[0] == "'":
            return "' '"
        return "\n" * found.count("\n") + " "
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*', blank, text, flags=re.DOTALL)


class Tree:
    def __init__(self):
        self.files = sorted(self.walk())
        self.text = {}
        for path in self.files:
            if path.suffix in (".c", ".h", ".py", ".sh", ".md", ".build", ".txt", "") and path.stat().st_size < 2 << 20:
                try:
                    self.text[path] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue
        self.c_files = [p for p in self.files if p.suffix in (".c", ".h")]
        self.src = [p for p in self.c_files if SRC in p.parents]
        self.modules = sorted(p for p in SRC.iterdir() if p.is_dir())

    @staticmethod
    def walk():
        for top, folders, names in os.walk(ROOT):
            folders[:] = [f for f in folders if not (
                f.startswith("build") and pathlib.Path(top) == ROOT or f in (".git", "__pycache__", "node_modules"))]
            for name in names:
                path = pathlib.Path(top, name)
                if name != ".git" and path.is_file() and not path.is_symlink():
                    yield path


def module_of(path):
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else path.stem


def layers():
    number, edges, problems = {}, {}, []
    for at, line in enumerate((SRC / "LAYERS").read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        match = LAYER.match(line)
        if not match:
            problems.append(f"src/LAYERS:{at}: not `module layer: modules`")
            continue
        number[match[1]], edges[match[1]] = int(match[2]), set(match[3].split())
    for module, allowed in edges.items():
        for other in sorted(allowed):
            if other not in number:
                problems.append(f"src/LAYERS: {module} may include '{other}', which has no line of its own")
            elif number[other] >= number[module]:
                problems.append(f"src/LAYERS: {module} ({number[module]}) may include {other} ({number[other]}):"
                                " an edge goes to a lower layer only")
    return number, edges, problems


def rule_layers(tree):
    """modules include only what src/LAYERS allows"""
    number, edges, problems = layers()
    for path in tree.src:
        module = module_of(path)
        if module not in edges:
            problems.append(f"{rel(path)}: module '{module}' has no line in src/LAYERS")
            continue
        for name in INCLUDE.findall(tree.text[path]):
            head, _, tail = name.partition("/")
            if name == "toll.h":
                continue
            if not tail:
                problems.append(f'{rel(path)}: write "{module}/{name}" instead of "{name}": src/ is the include root')
            elif head == module or head in edges[module] or (
                    is_test(path) and number.get(head, 99) < number[module]):
                if tail == "internal.h" and head != module:
                    problems.append(f'{rel(path)}: "{name}" is internal to {head}: include its public header')
            else:
                problems.append(f'{rel(path)}: {module} may not include "{name}": move the code to where it may,'
                                f" pass the value in, or (a decision) add the edge to src/LAYERS")
    return problems


def rule_wire_is_freestanding(tree):
    """wire includes nothing that needs a C library"""
    allowed = {"stdint.h", "stddef.h", "stdbool.h", "stdatomic.h", "assert.h", "limits.h"}
    return [f"{rel(p)}: wire is shared with someone else's process and with BPF: <{name}> needs a C library"
            for p in tree.src if module_of(p) == "wire" and not is_test(p)
            for name in SYSTEM_INCLUDE.findall(tree.text[p]) if name not in allowed]


def rule_libraries_are_silent(tree):
    """only cmd and verbs print and exit"""
    problems = []
    for path in tree.src:
        if module_of(path) in ("cmd", "verbs", "data_verbs", "main") or is_test(path) or path.stem == "log":
            continue
        # One stands before these functions and defines them, the other is a program that tries it.
        if path.name in ("hook_stdio.c", "preload_probe.c"):
            continue
        for at, line in enumerate(code_only(tree.text[path]).splitlines(), 1):
            match = PRINTS.search(line)
            if match and not line.lstrip().startswith("#"):
                problems.append(f"{rel(path)}:{at}: '{match.group(0).strip()}': a library never prints and never exits:"
                                " return an error in struct err, or write to a FILE the caller gives")
    return problems


def rule_modules_are_whole(tree):
    """each module has its README, its build file and a bounded number of sources"""
    problems = []
    known = re.findall(r"^  '(\w+)',$", (SRC / "meson.build").read_text(), re.MULTILINE)
    for module in tree.modules:
        name = module.name
        if not any(p.is_file() for p in module.rglob("*")):
            continue
        if name not in known:
            problems.append(f"src/{name}: add '{name}' to the list of modules in src/meson.build")
        for need in ("README.md", "meson.build"):
            if not (module / need).is_file():
                problems.append(f"src/{name}: has no {need}: write it (src/meson.build says how)")
        count = sum(p.suffix == ".c" and not is_test(p) for p in module.iterdir())
        if count > MODULE_SOURCES_MAX:
            problems.append(f"src/{name}: {count} sources, the limit is {MODULE_SOURCES_MAX}: split the module")
        problems += [f"{rel(p)}: a module is flat: move it to src/{name}/" for p in tree.src
                     if module in p.parents and p.parent != module]
    return problems


def rule_sources_are_built(tree):
    """every source is named in its module's build file"""
    problems = []
    for path in tree.src:
        build = path.parent / "meson.build"
        if path.suffix != ".c" or path.parent == SRC or not build.is_file():
            continue
        if not re.search(rf"\b{re.escape(path.stem)}\b", build.read_text()):
            problems.append(f"{rel(path)}: not named in {rel(build)}: it is neither built nor run")
    return problems


def rule_names_are_unique(tree):
    """file names are unique"""
    seen, problems = {}, []
    for path in tree.c_files:
        if path.name not in COMMON_NAMES and (SRC in path.parents or ROOT / "include" in path.parents):
            seen.setdefault(path.name, []).append(rel(path))
    for name, places in seen.items():
        if len(places) > 1:
            problems.append(f"{name}: {' and '.join(places)}: rename one, a name says which file")
    return problems


def functions(text):
    """(name, first line, line count) of each function, whose braces stand in column 0."""
    lines = text.splitlines()
    start = None
    for at, line in enumerate(lines):
        if line == "{" and at and not lines[at - 1].rstrip().endswith(("=", ";")):
            start = at
        elif line == "}" and start is not None:
            head = start
            while head and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "#", "/", " *")):
                head -= 1
            match = re.search(r"(\w+)\s*\(", " ".join(lines[head:start]))
            yield (match[1] if match else "?"), head + 1, at - head + 1
            start = None


def rule_limits(tree):
    """functions and files are short"""
    problems = []
    for path in tree.c_files + [p for p in tree.files if p.suffix == ".py"]:
        count = tree.text[path].count("\n")
        if count > FILE_LINES_MAX:
            problems.append(f"{rel(path)}: {count} lines, the limit is {FILE_LINES_MAX}: split it by noun")
        if path.suffix == ".py":
            continue
        for name, at, length in functions(tree.text[path]):
            if length > FUNCTION_LINES_MAX:
                problems.append(f"{rel(path)}:{at}: {name}() has {length} lines, the limit is {FUNCTION_LINES_MAX}:"
                                " branch in the parent, compute in leaves")
    return problems


def rule_licence_line(tree):
    """every source starts with its SPDX line"""
    problems = []
    for path, text in tree.text.items():
        if (path.suffix in (".c", ".h", ".py", ".sh", ".build") or path.name == "Makefile" or text.startswith("#!")) and \
                not any(part in ("data", "cli") for part in path.relative_to(ROOT).parts[:-1]) and \
                text.strip() and "SPDX-License-Identifier:" not in "\n".join(text.splitlines()[:4]):
            problems.append(f"{rel(path)}: line 1 (2 after #!) should be: SPDX-License-Identifier: Apache-2.0")
    return problems


def rule_words(tree):
    """comments say why: no //, no banners, no notes to self, no struct typedefs"""
    problems = []
    marks = [
        (re.compile(r"/\*[ *=_-]{6,}|^ \*\s*[*=_-]{6,}\s*\*?/?$"), "banner art: let the file comment and the names do it"),
        (re.compile(r"\b(TODO|FIXME|XXX)\b"), "a note to self: do it, or open an issue"),
    ]
    for path in tree.c_files:
        text = tree.text[path]
        for at, line in enumerate(text.splitlines(), 1):
            for mark, say in marks:
                if mark.search(line):
                    problems.append(f"{rel(path)}:{at}: {say}")
        bare = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
                      lambda m: "\n" * m.group(0).count("\n"), text, flags=re.DOTALL)
        for at, line in enumerate(bare.splitlines(), 1):
            if "//" in line:
                problems.append(f"{rel(path)}:{at}: write /* */ instead of //")
            if re.search(r"\btypedef\s+(struct|union)\b", line):
                problems.append(f"{rel(path)}:{at}: no struct typedefs: say `struct noun`")
    return problems


def rule_scripts_parse(tree):
    """scripts parse, and nobody's home folder is in the tree"""
    problems = []
    homes = re.compile(r"(?<![\w.])/(?:home|work)/[a-z]")
    for path, text in tree.text.items():
        if path.suffix == ".py" or text.startswith("#!/usr/bin/env python3"):
            try:
                ast.parse(text, rel(path))
            except SyntaxError as bad:
                problems.append(f"{rel(path)}:{bad.lineno}: {bad.msg}")
        for at, line in enumerate(text.splitlines(), 1):
            if homes.search(line):
                problems.append(f"{rel(path)}:{at}: a path of one machine: make it relative, or mktemp")
    return problems


def compile_alone(job):
    path, command = job
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return None
    first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
    return f"{rel(path)}: does not compile alone with {command[0]}: {first}: include or declare what it uses"


def is_begun_with(path):
    """Whether the source of a header's name begins with the header, which has a guard: then its build says that it compiles alone."""
    source = path.with_suffix(".c")
    if not source.exists() or source.name.endswith(".bpf.c"):
        return False
    first = re.search(r'^#\s*include\s+"([^"]+)"', source.read_text(), re.MULTILINE)
    before = source.read_text()[:first.start()] if first else "#"
    return bool(first) and first[1].split("/")[-1] == path.name and "#" not in before and \
        re.search(r"^#\s*(\w+)", path.read_text(), re.MULTILINE)[1] == "ifndef"


def rule_headers_stand_alone(tree):
    """every header compiles alone, and toll.h also as C99 and C++"""
    jobs = []
    flags = ["-fsyntax-only", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", str(SRC), "-I", str(ROOT / "include")]
    compilers = [c for c in ("gcc", "clang") if shutil.which(c)]
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(p for p in tree.c_files
                                      if p.suffix == ".h" and (SRC in p.parents or ROOT / "include" in p.parents)
                                      and not is_begun_with(p)):
            name = path.relative_to(SRC if SRC in path.parents else ROOT / "include")
            unit = pathlib.Path(folder, f"{number}.c")
            unit.write_text(f'#include "{name}"\n#include "{name}"\n')
            # What a header needs one compiler says; both compile all of them within the sources.
            jobs.append((path, [compilers[0], "-std=gnu11"] + flags + [str(unit)]))
            if name.name == "toll.h":
                for extra in ([], ["-DTOLL_DISABLE"]):
                    for compiler in compilers:
                        jobs.append((path, [compiler, "-std=c99", "-pedantic"] + flags + extra + [str(unit)]))
                    if shutil.which("g++"):
                        jobs.append((path, ["g++", "-std=c++11", "-pedantic", "-x", "c++"] + flags + extra + [str(unit)]))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return [p for p in pool.map(compile_alone, jobs) if p]


def main():
    tree = Tree()
    rules = [rule_layers, rule_wire_is_freestanding, rule_libraries_are_silent, rule_modules_are_whole,
             rule_sources_are_built, rule_names_are_unique, rule_limits, rule_licence_line, rule_words,
             rule_scripts_parse]
    if "--no-compile" not in sys.argv:
        rules.append(rule_headers_stand_alone)
    print(f"1..{len(rules)}")
    failed = 0
    for number, rule in enumerate(rules, 1):
        problems = rule(tree)
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {rule.__doc__}")
        for problem in problems[:SHOWN_MAX]:
            print(f"# {problem}")
        if len(problems) > SHOWN_MAX:
            print(f"# and {len(problems) - SHOWN_MAX} more of the kind")
    return 1 if failed else 0


sys.exit(main())
