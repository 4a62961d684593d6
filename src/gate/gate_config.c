/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "codec/yaml_reader.h"
#include "gate/gate_source.h"
#include "pipeline/pipeline_keys.h"

#define RUNS_MAX   100000u
#define TIME_S_MAX 86400.0
#define FILES_MAX  100u

struct reader {
    struct gate_config *config;
    struct yaml_reader yaml;
    struct gate_baseline baseline; /* of gates that have none of their own */
    bool is_forced;                /* by the command line */
    double time_s;
    uint64_t runs, warmup;
};

static int take_seconds(struct reader *reader, const struct yaml_value *map, const char *key, double *ret_s)
{
    const struct yaml_value *value = yaml_member(map, key);
    double ns;
    if (!value)
        return 0;
    if (!yaml_text(value) || !amount_parse(yaml_text(value), AMOUNT_NS, &ns) || ns <= 0 ||
        ns > TIME_S_MAX * 1e9)
        return yaml_refused(&reader->yaml, value, "'%s' is no duration (10s, 500ms, 2min)", key);
    *ret_s = ns / 1e9;
    return 0;
}

static int baseline_of_text(struct reader *reader, const char *text, struct gate_baseline *ret_baseline)
{
    struct gate_baseline baseline = {.line = ret_baseline->line, .build = ret_baseline->build};
    if (strcmp(text, "history") == 0) {
        baseline.kind = GATE_AGAINST_HISTORY;
    } else {
        baseline.kind = GATE_AGAINST_REVISION;
        baseline.revision = arena_string(&reader->config->arena, text);
        if (!baseline.revision)
            return err_memory(reader->yaml.err);
    }
    *ret_baseline = baseline;
    return 0;
}

static int take_baseline(struct reader *reader, const struct yaml_value *map,
                         struct gate_baseline *ret_baseline)
{
    static const char *const keys[] = {"revision", "build", "command", "history", NULL};
    const struct yaml_value *value = yaml_member(map, "baseline");
    if (!value || reader->is_forced)
        return 0;
    struct gate_baseline baseline = {.line = yaml_line(value)};
    if (yaml_text(value) && *yaml_text(value)) {
        int status = baseline_of_text(reader, yaml_text(value), &baseline);
        if (!status)
            *ret_baseline = baseline;
        return status;
    }
    int status = yaml_check_keys(&reader->yaml, value, "a baseline", keys);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "revision", &baseline.revision);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "build", &baseline.build);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "command", &baseline.command);
    if (!status)
        status = yaml_take_count(&reader->yaml, value, "history", 5, RUNS_MAX, &baseline.newest);
    if (status)
        return status;
    if (!!baseline.revision + !!baseline.command + !!baseline.newest != 1)
        return yaml_refused(&reader->yaml, value, "a baseline is one of 'revision', 'command' and 'history'");
    if (baseline.build && !baseline.revision)
        return yaml_refused(&reader->yaml, value, "'build' builds a revision, and this baseline has none");
    baseline.kind = baseline.revision  ? GATE_AGAINST_REVISION
                    : baseline.command ? GATE_AGAINST_COMMAND
                                       : GATE_AGAINST_HISTORY;
    *ret_baseline = baseline;
    return 0;
}

static int take_unit(struct reader *reader, const struct yaml_value *map, enum gate_metric metric,
                     double *ret_scale)
{
    const struct yaml_value *value = yaml_member(map, "unit");
    const struct gate_metric_about *about = gate_metric_about(metric);
    char one[32];
    if (!value)
        return 0;
    snprintf(one, sizeof one, "1%.16s", yaml_text(value) ? yaml_text(value) : "?");
    if (!amount_parse(one, about->unit, ret_scale))
        return yaml_refused(&reader->yaml, value, "'unit' is none of %s (%s)", about->key,
                            amount_examples(about->unit));
    return 0;
}

static int take_source(struct reader *reader, const struct yaml_value *map, const struct gate *gate,
                       enum gate_metric metric, struct gate_source *ret_source)
{
    struct gate_source source = {0};
    size_t file_count = 0;
    const struct yaml_value *files = yaml_member(map, "files"), *rows = yaml_member(map, "rows");
    int status = yaml_take_text(&reader->yaml, map, "file", &source.file);
    if (!status)
        status = yaml_take_text(&reader->yaml, map, "json", &source.json);
    if (!status)
        status = yaml_take_text(&reader->yaml, map, "match", &source.match);
    if (!status)
        status = take_unit(reader, map, metric, &source.scale);
    if (!status && files)
        status = yaml_take_texts(&reader->yaml, map, "files", FILES_MAX, &source.files, &file_count);
    if (!status && rows &&
        (!yaml_text(rows) || !amount_parse(yaml_text(rows), AMOUNT_COUNT, &source.rows) || source.rows <= 0))
        status = yaml_refused(&reader->yaml, rows, "'rows' is no number of rows that one run does");
    if (!status && source.json && source.match)
        status = yaml_refused(&reader->yaml, map, "a number is read by 'json' or by 'match', not by both");
    if (!status && source.match && gate_source_check_match(source.match, reader->yaml.err))
        status = err_wrap(reader->yaml.err, "reading budgets '%s': line %u", reader->yaml.path,
                          yaml_line(yaml_member(map, "match")));
    if (status)
        return status;
    source.kind = source.files                                 ? GATE_FROM_FILES
                  : source.file || source.json || source.match ? GATE_FROM_TEXT
                                                               : GATE_FROM_RUNS;
    if (source.kind != GATE_FROM_FILES && !(source.kind == GATE_FROM_TEXT && source.file) && !gate->command)
        return yaml_refused(&reader->yaml, map, "gate '%s' needs a 'command' for this", gate->name);
    *ret_source = source;
    return 0;
}

static const char *source_of_metric(enum gate_metric metric)
{
    switch (metric) {
    case GATE_WALL:
    case GATE_CPU:
    case GATE_MEMORY: return "none";
    case GATE_P99: return "match, json, file, or none: of the command's own runs";
    case GATE_ROWS: return "rows (of each run), match, json or file";
    case GATE_SIZE: return "files";
    case GATE_TOKENS:
    case GATE_COST: break;
    }
    return "match, json or file";
}

static int check_source(struct reader *reader, const struct yaml_value *value, enum gate_metric metric,
                        const struct gate_source *source)
{
    bool is_right = true;
    switch (metric) {
    case GATE_WALL:
    case GATE_CPU:
    case GATE_MEMORY: is_right = source->kind == GATE_FROM_RUNS; break;
    case GATE_P99: is_right = source->kind != GATE_FROM_FILES; break;
    case GATE_ROWS: is_right = source->kind == GATE_FROM_TEXT ? source->rows <= 0 : source->rows > 0; break;
    case GATE_SIZE: is_right = source->kind == GATE_FROM_FILES; break;
    case GATE_TOKENS:
    case GATE_COST: is_right = source->kind == GATE_FROM_TEXT; break;
    }
    if (!is_right || (source->rows > 0 && metric != GATE_ROWS)) {
        int status =
            yaml_refused(&reader->yaml, value, "where does '%s' come from?", gate_metric_about(metric)->key);
        err_hint(reader->yaml.err, "beside its limit: %s", source_of_metric(metric));
        return status;
    }
    return 0;
}

static int add_check(struct reader *reader, const struct gate_check *check, const struct yaml_value *value)
{
    const struct gate *gate = &reader->config->gates.items[check->gate];
    const struct gate_metric_about *about = gate_metric_about(check->metric);
    enum gate_baseline_kind against = gate->baseline.kind;
    if (gate_limit_is_relative(check->limit)) {
        if (against == GATE_AGAINST_NOTHING) {
            int status =
                yaml_refused(&reader->yaml, value, "'%s' of %s is relative, and there is no baseline",
                             gate_limit_name(check->limit), about->key);
            err_hint(reader->yaml.err, "say which: 'baseline: main' at the top, or 'baseline: history'");
            return status;
        }
        if (against == GATE_AGAINST_COMMAND && check->source.kind == GATE_FROM_FILES)
            return yaml_refused(&reader->yaml, value, "files are the same for a baseline that is a command");
        if (check->metric == GATE_P99 && check->source.kind == GATE_FROM_RUNS &&
            against != GATE_AGAINST_HISTORY)
            return yaml_refused(&reader->yaml, value, "p99 of the command's own runs has only a 'max'");
        if ((check->limit == GATE_MAX_DECREASE) != about->more_is_better)
            return yaml_refused(&reader->yaml, value, "%s gets worse by getting %s: 'max_%s'", about->key,
                                about->more_is_better ? "less" : "more",
                                about->more_is_better ? "decrease" : "increase");
        if (check->limit == GATE_MAX_DECREASE && check->bound >= 1)
            return yaml_refused(&reader->yaml, value, "nothing decreases by 100 %% or more");
    } else if ((check->limit == GATE_MIN) != about->more_is_better) {
        return yaml_refused(&reader->yaml, value, "%s gets worse by getting %s: '%s'", about->key,
                            about->more_is_better ? "less" : "more", about->more_is_better ? "min" : "max");
    }
    if (reader->config->checks.count == GATE_CHECKS_MAX)
        return yaml_refused(&reader->yaml, value, "over %u limits", GATE_CHECKS_MAX);
    return vec_push(&reader->config->checks, *check) ? err_memory(reader->yaml.err) : 0;
}

/* "5%" is relative, "200 ms" absolute. */
static int add_short(struct reader *reader, struct gate_check check, const struct yaml_value *value)
{
    const struct gate_metric_about *about = gate_metric_about(check.metric);
    const char *text = yaml_text(value) ? yaml_text(value) : "";
    char sign = 0;
    if (amount_percent_read(text, &check.bound, &sign)) {
        check.limit = about->more_is_better ? GATE_MAX_DECREASE : GATE_MAX_INCREASE;
        if (sign && (sign == '-') != about->more_is_better)
            return yaml_refused(&reader->yaml, value,
                                "'%.40s' would be better, not worse: '%c' is the other way", text, sign);
        return add_check(reader, &check, value);
    }
    if (amount_parse(text, about->unit, &check.bound)) {
        check.limit = about->more_is_better ? GATE_MIN : GATE_MAX;
        return add_check(reader, &check, value);
    }
    return yaml_refused(&reader->yaml, value, "'%.40s' is no limit of %s (%s; or +5%%)", text, about->key,
                        amount_examples(about->unit));
}

static int add_limits(struct reader *reader, struct gate_check check, const struct yaml_value *map)
{
    const struct gate_metric_about *about = gate_metric_about(check.metric);
    size_t count = 0;
    for (const struct yaml_value *at = yaml_first(map); at; at = yaml_next(at)) {
        enum gate_limit limit = GATE_MAX;
        while (limit <= GATE_MAX_DECREASE && strcmp(gate_limit_name(limit), yaml_key(at)) != 0)
            limit++;
        if (limit > GATE_MAX_DECREASE)
            continue;
        const char *text = yaml_text(at) ? yaml_text(at) : "";
        char sign;
        check.limit = limit;
        check.line = yaml_line(at);
        if (gate_limit_is_relative(limit) && !amount_percent_read(text, &check.bound, &sign))
            return yaml_refused(&reader->yaml, at, "'%.40s' is no percentage (5%%)", text);
        if (!gate_limit_is_relative(limit) && !amount_parse(text, about->unit, &check.bound))
            return yaml_refused(&reader->yaml, at, "'%.40s' is no amount of %s (%s)", text, about->key,
                                amount_examples(about->unit));
        int status = add_check(reader, &check, at);
        if (status)
            return status;
        count++;
    }
    if (!count)
        return yaml_refused(&reader->yaml, map,
                            "%s has no limit: 'max', 'min', 'max_increase' or 'max_decrease'", about->key);
    return 0;
}

static int read_metric(struct reader *reader, size_t gate, enum gate_metric metric,
                       const struct yaml_value *value)
{
    static const char *const keys[] = {"max",  "min",   "max_increase", "max_decrease", "files", "file",
                                       "json", "match", "unit",         "rows",         NULL};
    const struct gate_metric_about *about = gate_metric_about(metric);
    struct gate_check check = {.gate = gate, .metric = metric, .line = yaml_line(value)};
    const struct gate *owner = &reader->config->gates.items[gate];
    char what[32];
    snprintf(what, sizeof what, "'%s'", about->key);
    int status = 0;
    if (yaml_kind(value) == YAML_MAP) {
        status = yaml_check_keys(&reader->yaml, value, what, keys);
        if (!status)
            status = take_source(reader, value, owner, metric, &check.source);
        if (!status)
            status = check_source(reader, value, metric, &check.source);
        return status ? status : add_limits(reader, check, value);
    }
    if (!owner->command)
        return yaml_refused(&reader->yaml, value, "gate '%s' needs a 'command' for this", owner->name);
    status = check_source(reader, value, metric, &check.source);
    return status ? status : add_short(reader, check, value);
}

#define GATE_KEYS                                                                                            \
    "command", "shell", "prepare", "cleanup", "input", "baseline", "time", "runs", "warmup", "wall", "cpu",  \
        "memory", "p99", "rows/s", "size", "tokens", "cost"

static int read_gate(struct reader *reader, const struct yaml_value *value)
{
    static const char *const keys[] = {GATE_KEYS, NULL};
    struct gate_config *config = reader->config;
    struct gate gate = {.line = yaml_line(value), .baseline = reader->baseline, .time_s = reader->time_s};
    uint64_t runs = reader->runs, warmup = reader->warmup;
    char what[96];
    snprintf(what, sizeof what, "gate '%.64s'", yaml_key(value));
    if (config->gates.count == GATE_GATES_MAX)
        return yaml_refused(&reader->yaml, value, "over %u gates", GATE_GATES_MAX);
    gate.name = arena_string(&config->arena, yaml_key(value));
    int status = gate.name ? yaml_check_keys(&reader->yaml, value, what, keys) : err_memory(reader->yaml.err);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "command", &gate.command);
    if (!status)
        status = yaml_take_flag(&reader->yaml, value, "shell", &gate.use_shell);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "prepare", &gate.prepare);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "cleanup", &gate.cleanup);
    if (!status)
        status = yaml_take_text(&reader->yaml, value, "input", &gate.input);
    if (!status)
        status = take_baseline(reader, value, &gate.baseline);
    if (!status)
        status = take_seconds(reader, value, "time", &gate.time_s);
    if (!status)
        status = yaml_take_count(&reader->yaml, value, "runs", 1, RUNS_MAX, &runs);
    if (!status)
        status = yaml_take_count(&reader->yaml, value, "warmup", 0, RUNS_MAX, &warmup);
    if (status)
        return status;
    gate.runs = (size_t)runs;
    gate.warmup = (size_t)warmup;
    if (vec_push(&config->gates, gate))
        return err_memory(reader->yaml.err);
    size_t before = config->checks.count;
    for (const struct yaml_value *at = yaml_first(value); !status && at; at = yaml_next(at))
        for (enum gate_metric metric = 0; !status && metric < GATE_METRIC_COUNT; metric++)
            if (strcmp(gate_metric_about(metric)->key, yaml_key(at)) == 0)
                status = read_metric(reader, config->gates.count - 1, metric, at);
    if (!status && config->checks.count == before)
        status = yaml_refused(&reader->yaml, value,
                              "%s has no budget: wall, cpu, memory, p99, rows/s, size, tokens or cost", what);
    return status;
}

static int take_confidence(struct reader *reader, const struct yaml_value *map, double *ret_ratio)
{
    const struct yaml_value *value = yaml_member(map, "confidence");
    char sign = 0;
    double ratio;
    if (!value)
        return 0;
    if (!yaml_text(value) || !amount_percent_read(yaml_text(value), &ratio, &sign) || sign || ratio < 0.5 ||
        ratio >= 1)
        return yaml_refused(&reader->yaml, value, "'confidence' is no percentage from 50%% to below 100%%");
    *ret_ratio = ratio;
    return 0;
}

static int read_root(struct reader *reader, const struct yaml_value *root, const char *baseline)
{
    struct gate_config *config = reader->config;
    int status = yaml_check_keys(&reader->yaml, root, "the file", pipeline_keys_all);
    if (!status)
        status = yaml_take_text(&reader->yaml, root, "name", &config->name);
    if (!status)
        status = yaml_take_text(&reader->yaml, root, "build", &config->build);
    if (!status)
        status = take_baseline(reader, root, &reader->baseline);
    if (!status && baseline) {
        status = baseline_of_text(reader, baseline, &reader->baseline);
        reader->is_forced = true;
    }
    if (!status)
        status = take_confidence(reader, root, &config->confidence_ratio);
    if (!status)
        status = take_seconds(reader, root, "time", &reader->time_s);
    if (!status)
        status = yaml_take_count(&reader->yaml, root, "runs", 1, RUNS_MAX, &reader->runs);
    if (!status)
        status = yaml_take_count(&reader->yaml, root, "warmup", 0, RUNS_MAX, &reader->warmup);
    const struct yaml_value *gates = yaml_member(root, "gates");
    if (!status && (yaml_kind(gates) != YAML_MAP || !yaml_count(gates)))
        status = yaml_refused(&reader->yaml, gates ? gates : root, "there are no 'gates'");
    for (const struct yaml_value *at = yaml_first(gates); !status && at; at = yaml_next(at))
        status = read_gate(reader, at);
    return status;
}

int gate_config_read_text(const char *text, size_t length, const char *path, const char *baseline,
                          struct gate_config *ret_config, struct err *err)
{
    struct gate_config config = {.confidence_ratio = GATE_CONFIDENCE_RATIO};
    struct yaml_value *root = NULL;
    struct err own;
    struct reader reader = {
        .config = &config,
        .yaml = {.what = "budgets", .path = path, .arena = &config.arena, .err = err ? err : &own},
        .warmup = 1};
    int status = yaml_read_text(text, length, path, &root, reader.yaml.err);
    if (!status)
        config.path = arena_string(&config.arena, path);
    if (!status && !config.path)
        status = err_memory(reader.yaml.err);
    if (!status)
        status = read_root(&reader, root, baseline);
    yaml_free(root);
    if (status)
        gate_config_free(&config);
    else
        *ret_config = config;
    return status;
}

int gate_config_read(const char *path, const char *baseline, struct gate_config *ret_config, struct err *err)
{
    struct str text = {0};
    int status = fs_read(path, YAML_BYTES_MAX, &text, err);
    if (status)
        err_hint(err, "'toll gate --init -- COMMAND' writes a first one; --config FILE names another");
    else
        status = gate_config_read_text(str_text(&text), text.length, path, baseline, ret_config, err);
    str_free(&text);
    return status;
}

void gate_config_free(struct gate_config *config)
{
    vec_free(&config->gates);
    vec_free(&config->checks);
    arena_free(&config->arena);
}
