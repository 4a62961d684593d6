/* SPDX-License-Identifier: Apache-2.0 */
/* Runtimes: what runs the code, or is linked into it. */
#include "diagnose/technology.h"

const struct technology_rule runtime_rules[] = {
    {.name = "CPython", .programs = "python|python2*|python3*", .libraries = "libpython*"},
    {.name = "PyPy", .programs = "pypy*", .libraries = "libpypy*"},
    {.name = "Node.js", .programs = "node|nodejs", .libraries = "libnode*", .files = "package.json"},
    {.name = "Deno", .programs = "deno", .files = "deno.json|deno.jsonc"},
    {.name = "Bun", .programs = "bun", .files = "bun.lockb|bunfig.toml"},
    {.name = "JVM",
     .programs = "java",
     .libraries = "libjvm.so",
     .files = "pom.xml|build.gradle|build.gradle.kts"},
    {.name = "Go runtime", .marks = ".go.buildinfo|.gopclntab", .files = "go.mod"},
    {.name = ".NET", .programs = "dotnet", .libraries = "libcoreclr.so", .files = "*.csproj|*.sln"},
    {.name = "MRI Ruby", .programs = "ruby*", .libraries = "libruby*"},
    {.name = "PHP-FPM", .programs = "php-fpm*"},
    {.name = "BEAM", .programs = "beam.smp"},
    {.name = "Tokio", .in = PACKAGES_RUST, .packages = "tokio"},
    {.name = "asyncio (uvloop)", .libraries = "loop.cpython*", .in = PACKAGES_PYTHON, .packages = "uvloop"},
    {.name = "OpenMP", .libraries = "libgomp*|libomp*"},
    {.name = "MPI", .libraries = "libmpi*"},
    {.name = "CUDA", .libraries = "libcuda.so*|libcudart*"},
    {.name = "jemalloc", .libraries = "libjemalloc*"},
    {.name = "tcmalloc", .libraries = "libtcmalloc*"},
    {.name = "AddressSanitizer", .libraries = "libasan*"},
};
const size_t runtime_rule_count = sizeof runtime_rules / sizeof runtime_rules[0];
