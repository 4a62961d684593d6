/* SPDX-License-Identifier: Apache-2.0 */
/* Languages: what shows them in a process, and in a folder. */
#include "diagnose/technology.h"

const struct technology_rule language_rules[] = {
    {.name = "Python",
     .programs = "python|python2*|python3*|pypy*|gunicorn|uwsgi",
     .libraries = "libpython*",
     .files = "*.py|pyproject.toml|requirements.txt|setup.py|setup.cfg|Pipfile"},
    {.name = "JavaScript",
     .programs = "node|nodejs|deno|bun",
     .libraries = "libnode*",
     .files = "*.js|*.mjs|*.cjs|*.jsx|package.json"},
    {.name = "TypeScript", .words = "tsx|ts-node", .files = "*.ts|*.tsx|tsconfig.json"},
    {.name = "Java", .programs = "java", .libraries = "libjvm.so", .files = "*.java|pom.xml|build.gradle"},
    {.name = "Kotlin", .files = "*.kt|build.gradle.kts"},
    {.name = "Scala", .files = "*.scala|build.sbt"},
    {.name = "Go", .marks = ".go.buildinfo|.gopclntab", .files = "*.go|go.mod"},
    {.name = "Rust", .marks = "rustc version", .files = "*.rs|Cargo.toml"},
    {.name = "C++",
     .otherwise = true,
     .libraries = "libstdc++*|libc++.so*",
     .files = "*.cpp|*.cc|*.cxx|*.hpp"},
    {.name = "C", .otherwise = true, .marks = "GCC: *|clang version*", .files = "*.c|*.h"},
    {.name = "Ruby", .programs = "ruby*|puma*|unicorn*", .libraries = "libruby*", .files = "*.rb|Gemfile"},
    {.name = "PHP", .programs = "php*", .libraries = "libphp*", .files = "*.php|composer.json"},
    {.name = "Perl", .programs = "perl*", .libraries = "libperl*", .files = "*.pl|*.pm|cpanfile"},
    {.name = "C#", .programs = "dotnet", .libraries = "libcoreclr.so", .files = "*.cs|*.csproj"},
    {.name = "Erlang or Elixir", .programs = "beam.smp|erl", .files = "*.ex|*.erl|mix.exs"},
    {.name = "R", .programs = "R|Rscript", .libraries = "libR.so", .files = "*.R|DESCRIPTION"},
    {.name = "Lua", .programs = "lua*|luajit*", .libraries = "liblua*|libluajit*", .files = "*.lua"},
    {.name = "shell", .programs = "bash|sh|dash|zsh", .files = "*.sh"},
    {.name = "SQL", .files = "*.sql"},
};
const size_t language_rule_count = sizeof language_rules / sizeof language_rules[0];
