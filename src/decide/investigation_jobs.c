/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/investigation_jobs.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"

#define NAME_MAX_BYTES 40

static int add(struct investigation_jobs *jobs, const struct engine_job *job, struct err *err)
{
    if (jobs->count == ENGINE_JOBS_MAX)
        return err_set(err, ERR_USAGE, "could not ask so many investigators: %u at most", ENGINE_JOBS_MAX);
    jobs->items[jobs->count++] = *job;
    return 0;
}

/* --- names --- */

static bool is_named(const struct investigation_jobs *jobs, const char *name)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (strcmp(jobs->items[i].name, name) == 0)
            return true;
    return investigator_find(name);
}

/* Programs that run the file behind them. */
static bool is_interpreter(const char *word, size_t length)
{
    static const char *const names[] = {"sh",      "bash", "dash", "zsh",    "env", "python",
                                        "python3", "node", "ruby", "perl",   "php", "lua",
                                        "exec",    "nice", "java", "Rscript"};
    const char *end = word + length;
    while (end > word && end[-1] != '/')
        end--;
    length -= (size_t)(end - word);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == length && strncmp(names[i], end, length) == 0)
            return true;
    return false;
}

/* "mine" of "python3 ./tools/mine.py --fast". */
static void name_of_line(const char *line, char *name, size_t size)
{
    const char *word = line;
    size_t length = 0;
    for (;;) {
        word += strspn(word, " \t'\"");
        length = strcspn(word, " \t'\"");
        bool is_skipped =
            length && (word[0] == '-' || memchr(word, '=', length) || is_interpreter(word, length));
        if (!length || !is_skipped || !word[length + strspn(word + length, " \t'\"")])
            break;
        word += length;
    }
    for (const char *at = word; at < word + length; at++)
        if (*at == '/' && at + 1 < word + length) {
            length -= (size_t)(at + 1 - word);
            word = at + 1;
        }
    const char *dot = memrchr(word, '.', length);
    if (dot && dot > word)
        length = (size_t)(dot - word);
    size_t count = 0;
    for (size_t i = 0; i < length && count + 1 < size && count < NAME_MAX_BYTES; i++)
        name[count++] = isalnum((unsigned char)word[i]) || word[i] == '_' ? word[i] : '-';
    name[count] = '\0';
    if (!count || name[0] == '-')
        snprintf(name, size, "program");
}

/* A name is a folder's name in the evidence, and stands before the '/' of a claim's. */
static bool is_plain(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return length && !name[length] && length <= NAME_MAX_BYTES && name[0] != '-';
}

static int add_external(struct investigation_jobs *jobs, const struct external_investigator *external,
                        struct arena *arena, struct err *err)
{
    char name[64];
    if (external->name && !is_plain(external->name))
        return err_set(err, ERR_USAGE,
                       "could not ask investigator '%s': a name has letters, digits, '_' and '-', at most %d",
                       external->name, NAME_MAX_BYTES);
    if (external->name && is_named(jobs, external->name))
        return err_set(err, ERR_USAGE, "could not ask investigator '%s': there is another one of that name",
                       external->name);
    if (external->name)
        snprintf(name, sizeof name, "%s", external->name);
    else
        name_of_line(external->command, name, sizeof name - 4);
    size_t length = strlen(name);
    for (unsigned i = 2; is_named(jobs, name) && i < 100; i++)
        snprintf(name + length, sizeof name - length, "-%u", i);
    struct engine_job job = {
        .name = arena_string(arena, name), .command = external->command, .directory = external->directory};
    return job.name ? add(jobs, &job, err) : err_memory(err);
}

/* --- the choice --- */

/* Whether one of the texts names it. */
static bool is_wanted(const struct investigation_choice *choice, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < choice->only_count; i++)
        for (const char *at = choice->only[i]; *at; at += strcspn(at, ",")) {
            at += strspn(at, ", ");
            if (strncmp(at, name, length) == 0 &&
                (at[length] == '\0' || at[length] == ',' || at[length] == ' '))
                return true;
        }
    return choice->only_count == 0;
}

static int unknown(const struct investigation_choice *choice, const char *word, struct err *err)
{
    struct str names = {0};
    const char *nearest = NULL;
    for (size_t i = 0; i < investigator_count; i++) {
        str_printf(&names, "%s%s", i ? ", " : "", investigators[i]->name);
        if (suggest_is_near(word, investigators[i]->name))
            nearest = investigators[i]->name;
    }
    for (size_t i = 0; i < choice->known_count; i++)
        str_printf(&names, ", %s", choice->known[i].name);
    err_set(err, ERR_USAGE, "could not find investigator '%s'", word);
    if (nearest)
        err_hint(err, "did you mean '%s'? There are: %s", nearest, str_text(&names));
    else
        err_hint(err, "there are: %s", str_text(&names));
    str_free(&names);
    return -(int)ERR_USAGE;
}

/* Each word of the texts names someone. */
static int check_words(const struct investigation_choice *choice, struct err *err)
{
    for (size_t i = 0; i < choice->only_count; i++)
        for (const char *at = choice->only[i]; *at;) {
            char word[64];
            bool is_known = false;
            at += strspn(at, ", ");
            size_t length = strcspn(at, ", ");
            snprintf(word, sizeof word, "%.*s", (int)length, at);
            at += length;
            for (size_t j = 0; j < choice->known_count; j++)
                is_known = is_known || strcmp(choice->known[j].name, word) == 0;
            if (word[0] && !is_known && !investigator_find(word))
                return unknown(choice, word, err);
        }
    return 0;
}

int investigation_jobs_choose(const struct investigation_choice *choice, struct arena *arena,
                              struct investigation_jobs *ret_jobs, struct err *err)
{
    int status = check_words(choice, err);
    *ret_jobs = (struct investigation_jobs){0};
    for (size_t i = 0; i < investigator_count && !status; i++) {
        const struct investigator *investigator = investigators[i];
        struct engine_job job = {
            .name = investigator->name, .flags = investigator->flags, .builtin = investigator};
        if (is_wanted(choice, investigator->name))
            status = add(ret_jobs, &job, err);
    }
    for (size_t i = 0; i < choice->known_count && !status; i++)
        if (is_wanted(choice, choice->known[i].name))
            status = add_external(ret_jobs, &choice->known[i], arena, err);
    for (size_t i = 0; i < choice->always_count && !status; i++) {
        struct external_investigator external = {.command = choice->always[i]};
        status = add_external(ret_jobs, &external, arena, err);
    }
    if (!status && !ret_jobs->count)
        status = err_set(err, ERR_USAGE, "could not investigate: nobody is asked");
    return status;
}
