/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/knob_reader.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "pipeline/file_key.h"
#include "pipeline/pipeline_keys.h"

/* A name that may stand in `set:knob/NAME=VALUE`, and between braces. */
static bool is_knob_name(const char *name)
{
    size_t length = strlen(name);
    return length && length < 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == length;
}

bool knob_is_variable_name(const char *name)
{
    if (isdigit((unsigned char)*name) || !*name)
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

/* "1..64", "0..60:10" */
static bool range_read(const char *text, struct pipeline_knob *knob)
{
    char low[40], high[40];
    const char *dots = strstr(text, ".."), *colon = strchr(text, ':');
    size_t end = colon ? (size_t)(colon - text) : strlen(text);
    if (!dots || (colon && colon < dots) || (size_t)(dots - text) >= sizeof low ||
        end - (size_t)(dots + 2 - text) >= sizeof high)
        return false;
    snprintf(low, sizeof low, "%.*s", (int)(dots - text), text);
    snprintf(high, sizeof high, "%.*s", (int)(end - (size_t)(dots + 2 - text)), dots + 2);
    return !num_parse_double(low, &knob->low) && !num_parse_double(high, &knob->high) &&
           (!colon || (!num_parse_double(colon + 1, &knob->step) && knob->step > 0)) &&
           knob->low < knob->high;
}

static int take_values(struct pipeline_reader *reader, const struct yaml_value *value,
                       struct pipeline_knob *knob)
{
    struct str text = {0};
    const char *const *values = NULL;
    size_t count = 0;
    int status = yaml_take_texts(&reader->yaml, value, "values", PIPELINE_VALUES_MAX, &values, &count);
    for (size_t i = 0; !status && i < count; i++) {
        double number;
        if (strpbrk(values[i], ",\n") || strstr(values[i], ".."))
            status = yaml_refused(&reader->yaml, yaml_member(value, "values"),
                                  "value '%.40s' holds a comma, a newline or '..'", values[i]);
        for (size_t j = 0; !status && j < i; j++)
            if (strcmp(values[i], values[j]) == 0)
                status = yaml_refused(&reader->yaml, yaml_member(value, "values"),
                                      "value '%.40s' is there twice", values[i]);
        knob->is_number = knob->is_number && !num_parse_double(values[i], &number);
        str_printf(&text, "%s%s", i ? "," : "", values[i]);
    }
    knob->values = values;
    knob->value_count = count;
    if (!status && count) {
        knob->values_text = text.failed ? NULL : arena_string(&reader->file->arena, text.text);
        status = knob->values_text ? 0 : err_memory(reader->yaml.err);
    }
    str_free(&text);
    return status;
}

static int take_range(struct pipeline_reader *reader, const struct yaml_value *value,
                      struct pipeline_knob *knob)
{
    const struct yaml_value *range = yaml_member(value, "range");
    if (!range && !knob->value_count)
        return yaml_refused(&reader->yaml, value,
                            "knob '%s' has no values to try: 'values: [1, 2, 4]' or 'range: 1..64'",
                            knob->name);
    if (!range)
        return 0;
    if (knob->value_count)
        return yaml_refused(&reader->yaml, range, "knob '%s' has 'values' or a 'range', not both",
                            knob->name);
    int status = yaml_take_text(&reader->yaml, value, "range", &knob->values_text);
    if (!status && !range_read(knob->values_text, knob))
        status =
            yaml_refused(&reader->yaml, range, "'%.40s' is no range (1..64, 0..60:10)", knob->values_text);
    return status;
}

/* How it is set: a variable, a key of a file, else {NAME} in the run. */
static int take_place(struct pipeline_reader *reader, const struct yaml_value *value,
                      struct pipeline_knob *knob)
{
    const char *file = NULL;
    int status = yaml_take_text(&reader->yaml, value, "env", &knob->variable);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "file", &file);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "key", &knob->key);
    if (status)
        return status;
    if (knob->variable && (file || knob->key))
        return yaml_refused(&reader->yaml, value, "knob '%s' is a variable ('env') or in a 'file', not both",
                            knob->name);
    if (!file != !knob->key)
        return yaml_refused(&reader->yaml, value,
                            "knob '%s' needs 'file' and 'key': {file: conf.json, key: pool.size}",
                            knob->name);
    if (knob->variable && !knob_is_variable_name(knob->variable))
        return yaml_refused(&reader->yaml, yaml_member(value, "env"), "'%.64s' is no name of a variable",
                            knob->variable);
    knob->place = knob->variable ? KNOB_ENVIRONMENT : file ? KNOB_IN_FILE : KNOB_ARGUMENT;
    if (file) {
        knob->file =
            *file == '/' ? file : arena_printf(&reader->file->arena, "%s/%s", reader->file->folder, file);
        if (!knob->file)
            return err_memory(reader->yaml.err);
    }
    return 0;
}

static bool run_holds(const struct pipeline_file *file, const char *name)
{
    char braced[80];
    snprintf(braced, sizeof braced, "{%s}", name);
    bool holds = file->run_line && strstr(file->run_line, braced);
    for (size_t i = 0; !holds && file->run_words && file->run_words[i]; i++)
        holds = strstr(file->run_words[i], braced) != NULL;
    return holds;
}

static const char *environment_of(const struct pipeline_file *file, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; file->environment[i]; i++)
        if (strncmp(file->environment[i], name, length) == 0 && file->environment[i][length] == '=')
            return file->environment[i] + length + 1;
    return NULL;
}

/* Today's value: as the file says, else as the environment or the changed file has it. */
static int take_now(struct pipeline_reader *reader, const struct yaml_value *value,
                    struct pipeline_knob *knob)
{
    struct arena *arena = &reader->file->arena;
    struct err why = {0};
    int status = yaml_take_text(&reader->yaml, value, "now", &knob->now);
    if (status)
        return status;
    if (knob->place == KNOB_ARGUMENT && !run_holds(reader->file, knob->name)) {
        status = yaml_refused(&reader->yaml, value, "knob '%s' is nowhere: 'run' does not hold {%s}",
                              knob->name, knob->name);
        err_hint(reader->yaml.err,
                 "write {%s} where the value belongs, or say how it is set: {env: NAME} or {file: F, key: K}",
                 knob->name);
        return status;
    }
    if (!knob->now && knob->place == KNOB_ENVIRONMENT) {
        const char *set = environment_of(reader->file, knob->variable);
        knob->now = arena_string(arena, set ? set : getenv(knob->variable) ? getenv(knob->variable) : "");
    } else if (!knob->now && knob->place == KNOB_IN_FILE &&
               file_key_read(knob->file, knob->key, arena, &knob->now, &why)) {
        return yaml_refused(&reader->yaml, value, "knob '%s': %s", knob->name, why.what);
    }
    if (!knob->now || !*knob->now)
        return yaml_refused(&reader->yaml, value, "knob '%s' has no 'now': the value that is used today",
                            knob->name);
    return 0;
}

/* Letters that programs commonly take for "so many at once" (xargs -P, make -j, ab -c). */
static bool is_workers_letter(const struct pipeline_knob *knob)
{
    const char *name = knob->variable ? knob->variable : knob->name;
    return strlen(name) == 1 && strchr("PpjJcCwWtT", *name);
}

static int take_role(struct pipeline_reader *reader, const struct yaml_value *value,
                     struct pipeline_knob *knob)
{
    static const char *const kinds[] = {"workers", "batch", "other", NULL};
    const char *kind = NULL;
    int status = yaml_take_choice(&reader->yaml, value, "kind", kinds, &kind);
    if (status)
        return status;
    if (kind) {
        knob->role = *kind == 'w' ? KNOB_ROLE_WORKERS : *kind == 'b' ? KNOB_ROLE_BATCH : KNOB_ROLE_OTHER;
        return 0;
    }
    knob->role = knob_role_of_name(knob->name);
    if (knob->role == KNOB_ROLE_OTHER && knob->variable)
        knob->role = knob_role_of_name(knob->variable);
    if (knob->role == KNOB_ROLE_OTHER && knob->key)
        knob->role = knob_role_of_name(knob->key);
    if (knob->role == KNOB_ROLE_OTHER && knob->is_number && is_workers_letter(knob))
        knob->role = KNOB_ROLE_WORKERS;
    return 0;
}

int knob_read(struct pipeline_reader *reader, const struct yaml_value *value)
{
    struct pipeline_knob knob = {
        .is_number = true, .now_number = NAN, .line = yaml_line(value), .column = yaml_column(value)};
    char what[96];
    if (!is_knob_name(yaml_key(value)))
        return yaml_refused(&reader->yaml, value, "'%.64s' is no name of a knob: letters, digits, _, - and .",
                            yaml_key(value));
    knob.name = arena_string(&reader->file->arena, yaml_key(value));
    if (!knob.name)
        return err_memory(reader->yaml.err);
    snprintf(what, sizeof what, "knob '%s'", knob.name);
    int status = yaml_check_keys(&reader->yaml, value, what, pipeline_keys_knob);
    if (!status)
        status = take_values(reader, value, &knob);
    if (!status)
        status = take_range(reader, value, &knob);
    if (!status)
        status = take_place(reader, value, &knob);
    if (!status)
        status = take_now(reader, value, &knob);
    if (status)
        return status;
    if (!knob.is_number || num_parse_double(knob.now, &knob.now_number)) {
        if (!knob.value_count)
            return yaml_refused(&reader->yaml, value,
                                "'now' of knob '%s' is no number, and its range is one of numbers",
                                knob.name);
        knob.is_number = false;
        knob.now_number = NAN;
    }
    status = take_role(reader, value, &knob);
    if (!status && vec_push(&reader->file->knobs, knob))
        status = err_memory(reader->yaml.err);
    return status;
}
