/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_command.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "base/words.h"

struct filler {
    const struct pipeline_file *file;
    const char *values[PIPELINE_KNOBS_MAX]; /* of each knob; NULL: its place stays open */
    struct arena *arena;
    struct err *err;
};

/* Every {NAME} of a knob with a value, replaced; NULL when memory ran out. */
static char *fill_in(const struct filler *filler, const char *text)
{
    struct str filled = {0};
    while (*text) {
        size_t knob = 0, length = 0;
        for (; *text == '{' && knob < filler->file->knobs.count; knob++) {
            const struct pipeline_knob *about = &filler->file->knobs.items[knob];
            length = strlen(about->name);
            if (about->place == KNOB_ARGUMENT && filler->values[knob] &&
                strncmp(text + 1, about->name, length) == 0 && text[1 + length] == '}')
                break;
        }
        bool is_knob = *text == '{' && knob < filler->file->knobs.count;
        if (is_knob)
            str_append(&filled, filler->values[knob]);
        else
            str_append_bytes(&filled, text, 1);
        text += is_knob ? length + 2 : 1;
    }
    char *copy = filled.failed ? NULL : arena_string(filler->arena, str_text(&filled));
    str_free(&filled);
    return copy;
}

/* Whether a line means something that only a shell does. A {NAME} of a knob is none of it. */
static bool needs_shell(const char *line)
{
    static const char *const builtins[] = {"cd",   ".",     "source", "export", "set",     "exec",  "if",
                                           "for",  "while", "until",  "case",   "eval",    "umask", "ulimit",
                                           "trap", "time",  "wait",   "unset",  "command", "alias"};
    size_t first = strcspn(line, " \t\n");
    if (strpbrk(line, "|&;<>()$`*?[]~!#\n{}"))
        return true;
    if (memchr(line, '=', first))
        return true;
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        if (strlen(builtins[i]) == first && strncmp(line, builtins[i], first) == 0)
            return true;
    return false;
}

/* A line without what stands for knobs, to judge it by. */
static char *without_knobs(const struct filler *filler, const char *line)
{
    struct filler all = *filler;
    for (size_t i = 0; i < filler->file->knobs.count; i++)
        all.values[i] = "x";
    return fill_in(&all, line);
}

static int words_of_line(const struct filler *filler, struct pipeline_command *command)
{
    const char *plain = without_knobs(filler, filler->file->run_line);
    char *line = fill_in(filler, filler->file->run_line);
    struct words words;
    if (!plain || !line)
        return err_memory(filler->err);
    if (!needs_shell(plain)) {
        int status = words_split(line, filler->arena, &words, filler->err);
        if (!status)
            command->words = words.items;
        return status;
    }
    command->words = arena_alloc(filler->arena, 4 * sizeof *command->words);
    if (!command->words)
        return err_memory(filler->err);
    command->words[0] = arena_string(filler->arena, "/bin/sh");
    command->words[1] = arena_string(filler->arena, "-c");
    command->words[2] = line;
    return command->words[0] && command->words[1] ? 0 : err_memory(filler->err);
}

static int words_fill(const struct filler *filler, struct pipeline_command *command)
{
    char *const *words = filler->file->run_words;
    size_t count = 0;
    if (!words)
        return words_of_line(filler, command);
    while (words[count])
        count++;
    command->words = arena_alloc(filler->arena, (count + 1) * sizeof *command->words);
    for (size_t i = 0; command->words && i < count; i++) {
        command->words[i] = fill_in(filler, words[i]);
        if (!command->words[i])
            return err_memory(filler->err);
    }
    return command->words ? 0 : err_memory(filler->err);
}

static bool is_knobs(const struct pipeline_file *file, const char *variable)
{
    size_t length = strcspn(variable, "=");
    for (size_t i = 0; i < file->knobs.count; i++) {
        const struct pipeline_knob *knob = &file->knobs.items[i];
        if (knob->place == KNOB_ENVIRONMENT && strlen(knob->variable) == length &&
            strncmp(knob->variable, variable, length) == 0)
            return true;
    }
    return false;
}

/* The file's environment, and each knob that is a variable. */
static int variables_fill(const struct filler *filler, struct pipeline_command *command)
{
    const struct pipeline_file *file = filler->file;
    size_t count = 0, at = 0;
    while (file->environment[count])
        count++;
    command->variables =
        arena_alloc(filler->arena, (count + file->knobs.count + 1) * sizeof *command->variables);
    if (!command->variables)
        return err_memory(filler->err);
    for (size_t i = 0; i < count; i++) {
        if (is_knobs(file, file->environment[i]))
            continue;
        command->variables[at] = arena_string(filler->arena, file->environment[i]);
        if (!command->variables[at++])
            return err_memory(filler->err);
    }
    for (size_t i = 0; i < file->knobs.count; i++) {
        if (file->knobs.items[i].place != KNOB_ENVIRONMENT || !filler->values[i])
            continue;
        command->variables[at] =
            arena_printf(filler->arena, "%s=%s", file->knobs.items[i].variable, filler->values[i]);
        if (!command->variables[at++])
            return err_memory(filler->err);
    }
    return 0;
}

/* The line that sets them before each run: this program again, with the files, the keys and the values. */
static int prepare_fill(const struct filler *filler, struct pipeline_command *command)
{
    char self[PATH_MAX];
    size_t at = 0;
    if (!command->edit_count)
        return 0;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return err_set(filler->err, ERR_ENVIRONMENT,
                       "could not find this program's own file: /proc is not there");
    self[length] = '\0';
    char **words = arena_alloc(filler->arena, (3 * command->edit_count + 3) * sizeof *words);
    if (!words)
        return err_memory(filler->err);
    words[at++] = self;
    words[at++] = arena_string(filler->arena, "set-key");
    for (size_t i = 0; i < command->edit_count; i++) {
        words[at++] = arena_string(filler->arena, command->edits[i].file);
        words[at++] = arena_string(filler->arena, command->edits[i].key);
        words[at++] = arena_string(filler->arena, command->edits[i].value);
    }
    for (size_t i = 0; i < at; i++)
        if (!words[i])
            return err_memory(filler->err);
    command->prepare = words_join(words, filler->arena);
    return command->prepare ? 0 : err_memory(filler->err);
}

static int edits_fill(const struct filler *filler, struct pipeline_command *command)
{
    const struct pipeline_file *file = filler->file;
    struct pipeline_edit *edits = arena_alloc(filler->arena, (file->knobs.count + 1) * sizeof *edits);
    if (!edits)
        return err_memory(filler->err);
    for (size_t i = 0; i < file->knobs.count; i++) {
        const struct pipeline_knob *knob = &file->knobs.items[i];
        if (knob->place != KNOB_IN_FILE)
            continue;
        const char *value =
            filler->values[i] ? filler->values[i] : arena_printf(filler->arena, "{%s}", knob->name);
        if (!value)
            return err_memory(filler->err);
        edits[command->edit_count++] = (struct pipeline_edit){knob->file, knob->key, value};
    }
    command->edits = edits;
    return prepare_fill(filler, command);
}

/* As it would be typed: the knobs that are variables before it, those in files as KEY=VALUE in brackets behind it. */
static int text_fill(const struct filler *filler, struct pipeline_command *command)
{
    const struct pipeline_file *file = filler->file;
    struct str text = {0};
    const char *run =
        file->run_line ? fill_in(filler, file->run_line) : words_join(command->words, filler->arena);
    for (size_t i = 0; i < file->knobs.count; i++)
        if (file->knobs.items[i].place == KNOB_ENVIRONMENT && filler->values[i])
            str_printf(&text, "%s=%s ", file->knobs.items[i].variable, filler->values[i]);
    str_append(&text, run ? run : "");
    for (size_t i = 0; i < command->edit_count; i++)
        str_printf(&text, "%s%s=%s%s", i ? ", " : " [", command->edits[i].key, command->edits[i].value,
                   i + 1 == command->edit_count ? "]" : "");
    command->text = run && !text.failed ? arena_string(filler->arena, str_text(&text)) : NULL;
    str_free(&text);
    return command->text ? 0 : err_memory(filler->err);
}

static int fill(const struct filler *filler, struct pipeline_command *ret_command)
{
    struct pipeline_command command = {.folder = filler->file->folder};
    int status = words_fill(filler, &command);
    if (!status)
        status = variables_fill(filler, &command);
    if (!status)
        status = edits_fill(filler, &command);
    if (!status)
        status = text_fill(filler, &command);
    if (!status)
        *ret_command = command;
    return status;
}

static int unknown_knob(const struct pipeline_file *file, const char *name, struct err *err)
{
    char list[400] = "";
    size_t length = 0;
    err_set(err, ERR_USAGE, "could not find knob '%.100s' in '%s'", name, file->path);
    for (size_t i = 0; i < file->knobs.count && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "",
                                   file->knobs.items[i].name);
    err_hint(err, "%s%s", file->knobs.count ? "there are: " : "it has no 'knobs'", list);
    return -ERR_USAGE;
}

int pipeline_command_fill(const struct pipeline_file *file, const struct pipeline_assignment *assignments,
                          size_t count, struct arena *arena, struct pipeline_command *ret_command,
                          struct err *err)
{
    struct filler filler = {.file = file, .arena = arena, .err = err};
    for (size_t i = 0; i < file->knobs.count; i++)
        filler.values[i] = file->knobs.items[i].now;
    for (size_t i = 0; i < count; i++) {
        const struct pipeline_knob *knob = pipeline_file_knob(file, assignments[i].name);
        double number;
        if (!knob)
            return unknown_knob(file, assignments[i].name, err);
        if (!*assignments[i].value || (knob->is_number && num_parse_double(assignments[i].value, &number)))
            return err_set(err, ERR_USAGE, "could not set knob '%s' to '%.100s': that is no %s", knob->name,
                           assignments[i].value, knob->is_number ? "number" : "value");
        filler.values[knob - file->knobs.items] = assignments[i].value;
    }
    return fill(&filler, ret_command);
}

int pipeline_command_open(const struct pipeline_file *file, const struct pipeline_knob *open,
                          struct arena *arena, struct pipeline_command *ret_command, struct err *err)
{
    struct filler filler = {.file = file, .arena = arena, .err = err};
    for (size_t i = 0; i < file->knobs.count; i++)
        filler.values[i] = &file->knobs.items[i] == open ? NULL : file->knobs.items[i].now;
    return fill(&filler, ret_command);
}

bool pipeline_assignment_of(const struct change *change, struct pipeline_assignment *ret_assignment)
{
    if (change->op != CHANGE_SET || change->kind != CHANGE_KNOB || !change->text[0])
        return false;
    *ret_assignment = (struct pipeline_assignment){change->name, change->text};
    return true;
}
