/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/pattern.h"
#include "base/str.h"
#include "pipeline/knob_reader.h"
#include "pipeline/pipeline_keys.h"

#define WORDS_MAX         1000u
#define AFTER_MAX         64u
#define INVESTIGATORS_MAX 32u

static char *variable(struct pipeline_reader *reader, const char *name, const char *value)
{
    return arena_printf(&reader->file->arena, "%s=%s", name, value);
}

static int take_objective(struct pipeline_reader *reader, const struct yaml_value *root)
{
    const struct yaml_value *value = yaml_member(root, "objective");
    struct pipeline_objective *objective = &reader->file->objective;
    struct err why = {0};
    if (value && !yaml_text(value))
        return yaml_refused(&reader->yaml, value, "'objective' is no text (wall < 60 s, 100000 rows/s)");
    int status =
        pipeline_objective_parse(value ? yaml_text(value) : "wall", &reader->file->arena, objective, &why);
    reader->file->has_objective = value != NULL;
    if (!status)
        return 0;
    if (why.code != ERR_INPUT)
        return err_memory(reader->yaml.err);
    yaml_refused(&reader->yaml, value, "%s", why.what + strlen("could not understand "));
    err_hint(reader->yaml.err, "%s", why.hint);
    return status;
}

/* A line, or a list of words. */
static int take_run(struct pipeline_reader *reader, const struct yaml_value *root)
{
    const struct yaml_value *value = yaml_member(root, "run");
    const char *const *words = NULL;
    size_t count = 0;
    if (!value) {
        int status = yaml_refused(&reader->yaml, NULL, "there is no 'run': what starts the pipeline");
        err_hint(reader->yaml.err,
                 "'run: ./pipeline --workers 4', or a list of words; 'toll init' writes a first file");
        return status;
    }
    if (yaml_kind(value) == YAML_TEXT)
        return yaml_take_text(&reader->yaml, root, "run", &reader->file->run_line);
    if (yaml_kind(value) != YAML_LIST)
        return yaml_refused(&reader->yaml, value, "'run' is a %s, not a line or a list of words",
                            yaml_kind_name(value));
    int status = yaml_take_texts(&reader->yaml, root, "run", WORDS_MAX, &words, &count);
    if (status)
        return status;
    char **copy = arena_alloc(&reader->file->arena, (count + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = arena_string(&reader->file->arena, words[i]);
        copy = copy[i] ? copy : NULL;
    }
    reader->file->run_words = copy;
    return copy ? 0 : err_memory(reader->yaml.err);
}

static int take_environment(struct pipeline_reader *reader, const struct yaml_value *root)
{
    const struct yaml_value *map = yaml_member(root, "environment");
    size_t count = 0;
    char **variables = arena_alloc(&reader->file->arena, (yaml_count(map) + 1) * sizeof *variables);
    if (!variables)
        return err_memory(reader->yaml.err);
    if (map && yaml_kind(map) != YAML_MAP)
        return yaml_refused(&reader->yaml, map, "'environment' is a %s, not a map of variables",
                            yaml_kind_name(map));
    for (const struct yaml_value *at = yaml_first(map); at; at = yaml_next(at)) {
        if (!knob_is_variable_name(yaml_key(at)))
            return yaml_refused(&reader->yaml, at, "'%.64s' is no name of a variable", yaml_key(at));
        if (yaml_kind(at) != YAML_TEXT && yaml_kind(at) != YAML_NOTHING)
            return yaml_refused(&reader->yaml, at, "variable '%.64s' is a %s, not a text", yaml_key(at),
                                yaml_kind_name(at));
        variables[count] = variable(reader, yaml_key(at), yaml_text(at) ? yaml_text(at) : "");
        if (!variables[count++])
            return err_memory(reader->yaml.err);
    }
    reader->file->environment = variables;
    return 0;
}

/* The pattern with one group that finds a number. */
static int take_match(struct pipeline_reader *reader, const struct yaml_value *value, const char *match)
{
    regex_t compiled;
    struct err why = {0};
    if (pattern_compile(match, 0, &compiled, &why))
        return yaml_refused(&reader->yaml, value,
                            "'%.80s' is no extended regular expression that can be used: %s", match,
                            why.what);
    size_t groups = compiled.re_nsub;
    regfree(&compiled);
    if (groups != 1)
        return yaml_refused(&reader->yaml, value, "'%.80s' needs one group, about the number: ([0-9]+)",
                            match);
    return 0;
}

/* A text that is a pattern, or {match, unit}. */
static int take_number(struct pipeline_reader *reader, const struct yaml_value *value, const char *key,
                       enum amount_unit unit, struct pipeline_number *ret_number)
{
    struct pipeline_number number = {.scale = 1};
    const struct yaml_value *of_unit = yaml_member(value, "unit");
    char one[40];
    int status = 0;
    if (yaml_kind(value) == YAML_TEXT) {
        number.match = arena_string(&reader->file->arena, yaml_text(value));
        if (!number.match)
            return err_memory(reader->yaml.err);
    } else {
        status = yaml_check_keys(&reader->yaml, value, key, pipeline_keys_number);
        if (!status)
            status = yaml_take_text(&reader->yaml, value, "match", &number.match);
        if (!status && !number.match)
            status = yaml_refused(&reader->yaml, value, "'%s' has no 'match': what finds the number", key);
    }
    if (!status)
        status = take_match(reader, value, number.match);
    snprintf(one, sizeof one, "1%.30s", yaml_text(of_unit) ? yaml_text(of_unit) : "?");
    if (!status && of_unit && !amount_parse(one, unit, &number.scale))
        status = yaml_refused(&reader->yaml, of_unit, "'unit' is none of the objective's (%s)",
                              amount_examples(unit));
    if (!status && !of_unit && unit == AMOUNT_NS)
        status = yaml_refused(&reader->yaml, value, "'%s' needs a 'unit': {match: '…', unit: ms}", key);
    if (!status)
        *ret_number = number;
    return status;
}

static int take_rows(struct pipeline_reader *reader, const struct yaml_value *root)
{
    const struct yaml_value *value = yaml_member(root, "rows");
    if (!value)
        return 0;
    if (yaml_text(value) && amount_parse(yaml_text(value), AMOUNT_COUNT, &reader->file->unit_count)) {
        if (!(reader->file->unit_count > 0))
            return yaml_refused(&reader->yaml, value, "'rows' is no number of rows above 0");
        return 0;
    }
    reader->file->unit_count = 0;
    return take_number(reader, value, "rows", AMOUNT_COUNT, &reader->file->units_printed);
}

static int take_measure(struct pipeline_reader *reader, const struct yaml_value *root)
{
    const struct yaml_value *value = yaml_member(root, "measure");
    static const enum amount_unit units[] = {
        [PIPELINE_WALL] = AMOUNT_NS,      [PIPELINE_RATE] = AMOUNT_PER_S,   [PIPELINE_LATENCY] = AMOUNT_NS,
        [PIPELINE_CPU] = AMOUNT_NS,       [PIPELINE_MEMORY] = AMOUNT_BYTES, [PIPELINE_COST] = AMOUNT_MONEY,
        [PIPELINE_TOKENS] = AMOUNT_COUNT,
    };
    return value ? take_number(reader, value, "measure", units[reader->file->objective.metric],
                               &reader->file->measure)
                 : 0;
}

/* Stages. */

static bool has_stage(const struct pipeline_file *file, const char *name)
{
    for (size_t i = 0; i < file->stages.count; i++)
        if (strcmp(file->stages.items[i].name, name) == 0)
            return true;
    return false;
}

static int read_stage(struct pipeline_reader *reader, const struct yaml_value *value)
{
    struct pipeline_stage stage = {.line = yaml_line(value), .column = yaml_column(value)};
    char what[96];
    int status = 0;
    snprintf(what, sizeof what, "stage '%.64s'", yaml_key(value));
    stage.name = arena_string(&reader->file->arena, yaml_key(value));
    if (!stage.name)
        return err_memory(reader->yaml.err);
    if (yaml_kind(value) != YAML_NOTHING)
        status = yaml_check_keys(&reader->yaml, value, what, pipeline_keys_stage);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "process", &stage.process);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "span", &stage.span);
    if (!status)
        status = yaml_take_texts(&reader->yaml, value, "after", AFTER_MAX, &stage.after, &stage.after_count);
    if (!status && stage.process && stage.span)
        status =
            yaml_refused(&reader->yaml, value, "%s is told by 'process' or by 'span', not by both", what);
    /* Stages stand in an order in which they can be done: a stage that is not above cannot be waited for, nor can a circle be made. */
    for (size_t i = 0; !status && i < stage.after_count; i++)
        if (!has_stage(reader->file, stage.after[i]))
            status = yaml_refused(&reader->yaml, yaml_member(value, "after"),
                                  "%s comes after '%.64s', and there is no such stage above it", what,
                                  stage.after[i]);
    if (!status && vec_push(&reader->file->stages, stage))
        status = err_memory(reader->yaml.err);
    return status;
}

/* External investigators: a map of names and lines, or a list of lines. */
static int read_investigator(struct pipeline_reader *reader, const struct yaml_value *value)
{
    struct pipeline_investigator investigator = {0};
    if (!yaml_text(value) || !*yaml_text(value))
        return yaml_refused(&reader->yaml, value, "an investigator is a line for the shell");
    investigator.name = yaml_key(value) ? arena_string(&reader->file->arena, yaml_key(value)) : NULL;
    investigator.command = arena_string(&reader->file->arena, yaml_text(value));
    if (!investigator.command || (yaml_key(value) && !investigator.name) ||
        vec_push(&reader->file->investigators, investigator))
        return err_memory(reader->yaml.err);
    return 0;
}

/* Each member of the map (or item of the list) at `key`. */
static int take_members(struct pipeline_reader *reader, const struct yaml_value *root, const char *key,
                        size_t most, bool may_be_list,
                        int (*read)(struct pipeline_reader *reader, const struct yaml_value *value))
{
    const struct yaml_value *map = yaml_member(root, key);
    int status = 0;
    if (!map || yaml_kind(map) == YAML_NOTHING)
        return 0;
    if (yaml_kind(map) != YAML_MAP && !(may_be_list && yaml_kind(map) == YAML_LIST))
        return yaml_refused(&reader->yaml, map, "'%s' is a %s, not a map of names", key, yaml_kind_name(map));
    if (yaml_count(map) > most)
        return yaml_refused(&reader->yaml, map, "'%s' has over %zu entries", key, most);
    for (const struct yaml_value *at = yaml_first(map); !status && at; at = yaml_next(at))
        status = read(reader, at);
    return status;
}

static int read_root(struct pipeline_reader *reader, const struct yaml_value *root)
{
    static const char *const caches[] = {"as-is", "warmed", "dropped", NULL};
    struct pipeline_file *file = reader->file;
    uint64_t warmup = PIPELINE_WARMUP;
    int status = yaml_check_keys(&reader->yaml, root, "the file", pipeline_keys_all);
    if (!status)
        status = yaml_take_text(&reader->yaml, root, "name", &file->name);
    if (!status)
        status = take_objective(reader, root);
    if (!status)
        status = take_run(reader, root);
    if (!status)
        status = take_environment(reader, root);
    if (!status)
        status = yaml_take_count(&reader->yaml, root, "warmup", 0, PIPELINE_WARMUP_MAX, &warmup);
    file->warmup_count = (size_t)warmup;
    if (!status)
        status = yaml_take_choice(&reader->yaml, root, "cache", caches, &file->cache);
    if (!status)
        status = take_rows(reader, root);
    if (!status)
        status = take_measure(reader, root);
    if (!status)
        status = take_members(reader, root, "stages", PIPELINE_STAGES_MAX, false, read_stage);
    if (!status)
        status = take_members(reader, root, "knobs", PIPELINE_KNOBS_MAX, false, knob_read);
    if (!status)
        status = take_members(reader, root, "investigators", INVESTIGATORS_MAX, true, read_investigator);
    return status;
}

/* The file's path, and the folder it lies in, absolute. */
static int take_path(struct pipeline_file *file, const char *path, struct err *err)
{
    char here[PATH_MAX];
    const char *slash = strrchr(path, '/');
    file->path = arena_string(&file->arena, path);
    char *folder = arena_copy(&file->arena, path, slash ? (size_t)(slash - path) + (slash == path) : 0);
    if (!file->path || !folder)
        return err_memory(err);
    if (*folder != '/') {
        if (!getcwd(here, sizeof here))
            return err_set(err, ERR_ENVIRONMENT, "could not read pipeline file '%s': this folder is gone",
                           path);
        folder = arena_printf(&file->arena, "%s%s%s", here, *folder ? "/" : "", folder);
    }
    file->folder = folder;
    return folder ? 0 : err_memory(err);
}

static int take_name(struct pipeline_file *file, struct err *err)
{
    const char *slash = strrchr(file->folder, '/');
    if (!file->name)
        file->name = arena_string(&file->arena, slash && slash[1] ? slash + 1 : file->folder);
    return file->name ? 0 : err_memory(err);
}

int pipeline_file_read_text(const char *text, size_t length, const char *path, struct pipeline_file *ret_file,
                            struct err *err)
{
    struct pipeline_file file = {.cache = "as-is"};
    struct yaml_value *root = NULL;
    struct err own;
    struct pipeline_reader reader = {
        .file = &file,
        .yaml = {.what = "pipeline file", .path = path, .arena = &file.arena, .err = err ? err : &own}};
    int status = yaml_read_text(text, length, path, &root, reader.yaml.err);
    if (!status)
        status = take_path(&file, path, reader.yaml.err);
    if (!status)
        status = read_root(&reader, root);
    if (!status)
        status = take_name(&file, reader.yaml.err);
    yaml_free(root);
    if (status)
        pipeline_file_free(&file);
    else
        *ret_file = file;
    return status;
}

int pipeline_file_read(const char *path, struct pipeline_file *ret_file, struct err *err)
{
    struct str text = {0};
    int status = fs_read(path, YAML_BYTES_MAX, &text, err);
    if (status)
        err_hint(err,
                 "'toll init RECORDING.toll' writes a first one, 'toll init -- COMMAND' one for a command");
    else
        status = pipeline_file_read_text(str_text(&text), text.length, path, ret_file, err);
    str_free(&text);
    return status;
}

void pipeline_file_free(struct pipeline_file *file)
{
    vec_free(&file->stages);
    vec_free(&file->knobs);
    vec_free(&file->investigators);
    arena_free(&file->arena);
}

const struct pipeline_knob *pipeline_file_knob(const struct pipeline_file *file, const char *name)
{
    for (size_t i = 0; i < file->knobs.count; i++)
        if (strcmp(file->knobs.items[i].name, name) == 0)
            return &file->knobs.items[i];
    return NULL;
}
