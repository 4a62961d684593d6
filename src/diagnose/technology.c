/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/technology.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

const struct technology_table technology_tables[TECHNOLOGY_KINDS] = {
    [TECHNOLOGY_LANGUAGE] = {"languages", language_rules, &language_rule_count},
    [TECHNOLOGY_RUNTIME] = {"runtimes", runtime_rules, &runtime_rule_count},
    [TECHNOLOGY_FRAMEWORK] = {"frameworks", framework_rules, &framework_rule_count},
    [TECHNOLOGY_DATABASE] = {"databases", database_rules, &database_rule_count},
    [TECHNOLOGY_SERVER] = {"servers", server_rules, &server_rule_count},
};

const char *const package_files[PACKAGES_KINDS] = {
    [PACKAGES_NODE] = "package.json",
    [PACKAGES_PYTHON] = "requirements*|pyproject.toml|setup.py|setup.cfg|Pipfile|environment.yml",
    [PACKAGES_GO] = "go.mod",
    [PACKAGES_JAVA] = "pom.xml|build.gradle|build.gradle.kts",
    [PACKAGES_RUST] = "Cargo.toml",
    [PACKAGES_RUBY] = "Gemfile",
    [PACKAGES_PHP] = "composer.json",
    [PACKAGES_COMPOSE] = "docker-compose*|compose.yml|compose.yaml",
    [PACKAGES_BUILD] = "meson.build|CMakeLists.txt|configure.ac|Makefile",
};

static bool item_matches(const char *item, size_t length, const char *name)
{
    if (length && item[length - 1] == '*')
        return strncmp(name, item, length - 1) == 0;
    if (length && item[0] == '*') {
        size_t name_length = strlen(name);
        return name_length >= length && strncmp(name + name_length - (length - 1), item + 1, length - 1) == 0;
    }
    return strlen(name) == length && strncmp(name, item, length) == 0;
}

bool technology_matches(const char *list, const char *name)
{
    for (const char *at = list; at && *at;) {
        size_t length = strcspn(at, "|");
        if (item_matches(at, length, name))
            return true;
        at += length + (at[length] == '|');
    }
    return false;
}

static bool goes_on(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '-';
}

/* Whether the line that holds `at` is a comment, or (compose) names no image. */
static bool line_counts(const char *text, const char *at, enum package_kind in)
{
    const char *line = at;
    while (line > text && line[-1] != '\n')
        line--;
    line += strspn(line, " \t");
    if (*line == '#' || (*line == '/' && line[1] == '/'))
        return false;
    return in != PACKAGES_COMPOSE || str_starts(line, "image:");
}

const char *technology_named(const char *text, enum package_kind in, const char *package)
{
    size_t length = strlen(package);
    for (const char *at = strstr(text, package); at; at = strstr(at + 1, package)) {
        char before = at > text ? at[-1] : ' ', behind = at[length];
        bool is_word = !goes_on(before) && !goes_on(behind);
        if (in == PACKAGES_NODE || in == PACKAGES_PHP)
            is_word = before == '"' && behind == '"';
        if (is_word && line_counts(text, at, in))
            return at + length;
    }
    return NULL;
}

bool technologies_have(const struct technologies *found, enum technology_kind kind, const char *name)
{
    for (size_t i = 0; i < found->items.count; i++)
        if (found->items.items[i].kind == kind && strcmp(found->items.items[i].name, name) == 0)
            return true;
    return false;
}

int technology_add(struct technologies *found, const struct technology *technology)
{
    if (technologies_have(found, technology->kind, technology->name))
        return 0;
    if (!technology->evidence || !technology->version)
        return -1;
    return vec_push(&found->items, *technology);
}

void technologies_free(struct technologies *found)
{
    vec_free(&found->items);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "3.11" of "python3.11" and of "libpython3.11.so.1.0"; "" when no digit follows the letters. */
static const char *version_in(const char *name, struct arena *arena)
{
    size_t at = strcspn(name, "0123456789");
    size_t length = strspn(name + at, "0123456789.");
    while (length && name[at + length - 1] == '.')
        length--;
    return length ? arena_copy(arena, name + at, length) : "";
}

/* What a process is called by: its executable, and how it renamed itself ("nginx: worker", "postgres: …"). */
static const char *program_match(const struct process_about *about, const char *list)
{
    const char *program = last_part(about->program);
    if (*program && technology_matches(list, program))
        return program;
    if (technology_matches(list, about->name))
        return about->name;
    if (about->word_count == 0)
        return NULL;
    char first[64];
    snprintf(first, sizeof first, "%s", last_part(about->words[0]));
    first[strcspn(first, ": ")] = '\0';
    return technology_matches(list, first) ? about->name : NULL;
}

static const char *word_match(const struct process_about *about, const char *list)
{
    /* Behind the first words come the program's own arguments, which may name anything. */
    for (size_t i = 0; i < about->word_count && i < 4; i++)
        if (technology_matches(list, last_part(about->words[i])) || technology_matches(list, about->words[i]))
            return about->words[i];
    return NULL;
}

static int rule_of_process(struct technologies *found, enum technology_kind kind,
                           const struct technology_rule *rule, const struct process_about *about,
                           const char *program_path)
{
    struct technology technology = {.kind = kind, .name = rule->name, .version = "", .pid = about->pid};
    const char *seen = rule->programs ? program_match(about, rule->programs) : NULL;
    if (seen) {
        technology.version = version_in(seen, found->arena);
        technology.evidence = arena_printf(found->arena, "program %s", seen);
        return technology_add(found, &technology);
    }
    for (size_t i = 0; rule->libraries && i < about->library_count; i++)
        if (technology_matches(rule->libraries, about->libraries[i])) {
            technology.evidence = arena_printf(found->arena, "library %s", about->libraries[i]);
            return technology_add(found, &technology);
        }
    seen = rule->words ? word_match(about, rule->words) : NULL;
    if (seen) {
        technology.evidence = arena_printf(found->arena, "'%s' in the command line", last_part(seen));
        return technology_add(found, &technology);
    }
    if (rule->marks && *program_path && technology_mark(program_path, rule->marks, found->arena, &seen)) {
        technology.evidence = arena_printf(found->arena, "'%s' in %s", seen, last_part(about->program));
        return technology_add(found, &technology);
    }
    return 0;
}

int technologies_of_process(struct technologies *found, const char *root, const struct process_about *about)
{
    char path[320] = "";
    int status = 0;
    if (about->program[0])
        snprintf(path, sizeof path, "%s/proc/%llu/exe", root, (unsigned long long)about->pid);
    for (int kind = 0; kind < TECHNOLOGY_KINDS && !status; kind++) {
        const struct technology_table *table = &technology_tables[kind];
        size_t before = found->items.count;
        for (size_t i = 0; i < *table->count && !status; i++)
            if (!table->rules[i].otherwise || found->items.count == before)
                status = rule_of_process(found, (enum technology_kind)kind, &table->rules[i], about, path);
    }
    return status;
}
