/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/rules.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"
#include "base/suggest.h"
#include "codec/yaml.h"
#include "settings/built_in_rules.h"
#include "settings/expression.h"

static const char *const impact_names[] = {"under-5", "about-10", "about-50", NULL};
static const char *const acts_on_names[] = {"writes", "reads", "connections", "cpu", "memory", NULL};
static const char *const readers[] = {"postgresql", "redis",      "nginx",   "victoriametrics",
                                      "influxdb",   "clickhouse", "questdb", "kernel",
                                      "cgroup",     "file",       NULL};
static const char *const formats[] = {"key = value", "key value", "json", "ini", NULL};
static const char *const yes_no[] = {"no", "yes", NULL};
/* What an expression is tried with when it is read. */
static const struct setting_facts trial = {.ram_bytes = 0x1p34, .cores = 8};

struct reading {
    struct rule_set *set;
    const char *path;
    struct err *err;
};

/* Always fails, at the place of `value`. */
#define REFUSED(reading, value, format, ...)                                                                 \
    err_set((reading)->err, ERR_INPUT, "could not read rules '%s': line %u, column %u: " format,             \
            (reading)->path, yaml_line(value), yaml_column(value), ##__VA_ARGS__)

const char *impact_name(enum impact impact)
{
    return impact < IMPACT_COUNT ? impact_names[impact] : "unknown";
}

const char *impact_phrase(enum impact impact)
{
    static const char *const phrases[] = {"under 5 %", "about 10 %", "about 50 %"};
    return impact < IMPACT_COUNT ? phrases[impact] : "unknown";
}

const char *acts_on_name(enum acts_on acts_on)
{
    return acts_on < ACTS_ON_COUNT ? acts_on_names[acts_on] : "unknown";
}

static void hint_known(const struct reading *reading, const char *word, const char *const *allowed)
{
    char list[400] = "";
    size_t length = 0;
    for (size_t i = 0; allowed[i]; i++)
        if (suggest_is_near(word, allowed[i])) {
            err_hint(reading->err, "did you mean '%s'?", allowed[i]);
            return;
        }
    for (size_t i = 0; allowed[i] && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", allowed[i]);
    err_hint(reading->err, "there are: %s", list);
}

/* The value is a map of nothing but these keys. */
static int check_map(const struct reading *reading, const struct yaml_value *value, const char *what,
                     const char *const *allowed)
{
    if (yaml_kind(value) != YAML_MAP)
        return REFUSED(reading, value, "%s is a %s, a map of keys is expected", what, yaml_kind_name(value));
    for (const struct yaml_value *at = yaml_first(value); at; at = yaml_next(at)) {
        size_t i = 0;
        while (allowed[i] && strcmp(allowed[i], yaml_key(at)) != 0)
            i++;
        if (!allowed[i]) {
            int status = REFUSED(reading, at, "%s has no key '%.64s'", what, yaml_key(at));
            hint_known(reading, yaml_key(at), allowed);
            return status;
        }
    }
    return 0;
}

static int copy(const struct reading *reading, const char *text, const char **ret_text)
{
    const char *copied = arena_string(&reading->set->arena, text);
    if (!copied)
        return err_memory(reading->err);
    *ret_text = copied;
    return 0;
}

/* Untouched when the key is not there. */
static int take_text(const struct reading *reading, const struct yaml_value *map, const char *key,
                     const char **ret_text)
{
    const struct yaml_value *value = yaml_member(map, key);
    if (!value)
        return 0;
    if (!yaml_text(value) || !*yaml_text(value))
        return REFUSED(reading, value, "'%s' is a %s, a text is expected", key, yaml_kind_name(value));
    return copy(reading, yaml_text(value), ret_text);
}

static int take_needed(const struct reading *reading, const struct yaml_value *map, const char *what,
                       const char *key, const char **ret_text)
{
    if (!yaml_member(map, key))
        return REFUSED(reading, map, "%s needs '%s'", what, key);
    return take_text(reading, map, key, ret_text);
}

/* One of a few words; untouched when the key is not there. */
static int take_word(const struct reading *reading, const struct yaml_value *map, const char *key,
                     const char *const *words, unsigned *ret_index)
{
    const struct yaml_value *value = yaml_member(map, key);
    const char *text = yaml_text(value);
    if (!value)
        return 0;
    for (unsigned i = 0; text && words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *ret_index = i;
            return 0;
        }
    int status = REFUSED(reading, value, "'%s' knows no '%.64s'", key, text ? text : yaml_kind_name(value));
    hint_known(reading, text ? text : "", words);
    return status;
}

/* One text or a list of them. */
static int take_list(const struct reading *reading, const struct yaml_value *map, const char *key,
                     const char *const **ret_list, size_t *ret_count)
{
    const struct yaml_value *value = yaml_member(map, key), *item = value;
    if (!value)
        return 0;
    size_t count = 1;
    if (yaml_kind(value) == YAML_LIST) {
        count = yaml_count(value);
        item = yaml_first(value);
    }
    if (!count || count > RULE_LIST_MAX)
        return REFUSED(reading, value, "'%s' has %zu items, 1 to %u are expected", key, count, RULE_LIST_MAX);
    const char **list = arena_alloc(&reading->set->arena, count * sizeof *list);
    if (!list)
        return err_memory(reading->err);
    for (size_t i = 0; i < count; i++, item = yaml_next(item)) {
        if (!yaml_text(item) || !*yaml_text(item))
            return REFUSED(reading, item, "'%s' holds a %s, a text is expected", key, yaml_kind_name(item));
        int status = copy(reading, yaml_text(item), &list[i]);
        if (status)
            return status;
    }
    *ret_list = list;
    *ret_count = count;
    return 0;
}

/* The conditions and the expression are tried once, so that a wrong one is told here. */
static int check_expressions(const struct reading *reading, const struct yaml_value *map,
                             const struct rule *rule)
{
    struct setting_amount amount;
    struct err why = {0};
    bool holds;
    int direction;
    if (expression_value(rule->production, &trial, &amount, &why))
        return REFUSED(reading, yaml_member(map, "production"), "%s", why.what);
    for (size_t i = 0; i < rule->development_count; i++)
        if (expression_holds(rule->development[i], &amount, &trial, &holds, &direction, &why))
            return REFUSED(reading, yaml_member(map, "development"), "%s", why.what);
    return 0;
}

static int rule_texts(const struct reading *reading, const struct yaml_value *map, struct rule *rule)
{
    int status = take_needed(reading, map, "a rule", "key", &rule->key);
    if (!status)
        status = take_needed(reading, map, "a rule", "production", &rule->production);
    if (!status)
        status = take_needed(reading, map, "a rule", "why", &rule->why);
    if (!status)
        status = take_needed(reading, map, "a rule", "source", &rule->source);
    if (!status)
        status = take_text(reading, map, "unit", &rule->unit);
    if (!status)
        status = take_text(reading, map, "default", &rule->built_in);
    if (!status)
        status = take_text(reading, map, "caution", &rule->caution);
    if (!status && !yaml_member(map, "development"))
        status = REFUSED(reading, map, "a rule needs 'development'");
    if (!status)
        status = take_list(reading, map, "development", &rule->development, &rule->development_count);
    return status;
}

static int rule_read(const struct reading *reading, const struct yaml_value *map, struct rule *ret_rule)
{
    static const char *const keys[] = {"key",     "development", "production", "why",     "source",
                                       "impact",  "acts_on",     "unit",       "default", "caution",
                                       "restart", "bound",       NULL};
    struct rule rule = {.line = yaml_line(map)};
    unsigned impact = IMPACT_COUNT, acts_on = ACTS_ON_COUNT, restart = 0, bound = 1;
    int status = check_map(reading, map, "a rule", keys);
    if (!status)
        status = rule_texts(reading, map, &rule);
    if (!status)
        status = take_word(reading, map, "impact", impact_names, &impact);
    if (!status)
        status = take_word(reading, map, "acts_on", acts_on_names, &acts_on);
    if (!status)
        status = take_word(reading, map, "restart", yes_no, &restart);
    if (!status)
        status = take_word(reading, map, "bound", yes_no, &bound);
    if (!status && (impact == IMPACT_COUNT || acts_on == ACTS_ON_COUNT))
        status = REFUSED(reading, map, "a rule needs '%s'", impact == IMPACT_COUNT ? "impact" : "acts_on");
    if (!status)
        status = check_expressions(reading, map, &rule);
    if (status)
        return status;
    rule.impact = (enum impact)impact;
    rule.acts_on = (enum acts_on)acts_on;
    rule.needs_restart = restart;
    rule.is_bounded = bound;
    *ret_rule = rule;
    return 0;
}

const struct rule *rules_key(const struct rule_file *file, const char *key)
{
    for (size_t i = 0; i < file->rules.count; i++)
        if (strcmp(file->rules.items[i].key, key) == 0)
            return &file->rules.items[i];
    return NULL;
}

static int rule_add(const struct reading *reading, struct rule_file *file, const struct rule *rule)
{
    for (size_t i = 0; i < file->rules.count; i++)
        if (strcmp(file->rules.items[i].key, rule->key) == 0) {
            file->rules.items[i] = *rule;
            return 0;
        }
    return vec_push(&file->rules, *rule) ? err_memory(reading->err) : 0;
}

static int rules_take(const struct reading *reading, const struct yaml_value *root, struct rule_file *file)
{
    const struct yaml_value *list = yaml_member(root, "rules");
    if (yaml_kind(list) != YAML_LIST)
        return REFUSED(reading, list ? list : root, "'rules' is a %s, a list is expected",
                       yaml_kind_name(list));
    if (yaml_count(list) > RULES_PER_FILE_MAX)
        return REFUSED(reading, list, "over %u rules", RULES_PER_FILE_MAX);
    for (const struct yaml_value *at = yaml_first(list); at; at = yaml_next(at)) {
        struct rule rule;
        int status = rule_read(reading, at, &rule);
        if (!status && rules_key(file, rule.key))
            status = REFUSED(reading, at, "there is a rule for '%.64s' already", rule.key);
        if (!status)
            status = rule_add(reading, file, &rule);
        if (status)
            return status;
    }
    return 0;
}

static int head_lists(const struct reading *reading, const struct yaml_value *root, struct rule_file *file)
{
    int status = take_list(reading, root, "processes", &file->processes, &file->process_count);
    if (!status)
        status = take_list(reading, root, "ports", &file->ports, &file->port_count);
    for (size_t i = 0; i < file->port_count && !status; i++) {
        uint64_t port;
        if (num_parse_u64(file->ports[i], &port) || !port || port > UINT16_MAX)
            status =
                REFUSED(reading, yaml_member(root, "ports"), "'%.32s': a port is 1 to 65535", file->ports[i]);
    }
    if (!status)
        status = take_list(reading, root, "sockets", &file->sockets, &file->socket_count);
    if (!status)
        status = take_list(reading, root, "files", &file->files, &file->file_count);
    return status;
}

static int head_texts(const struct reading *reading, const struct yaml_value *root, struct rule_file *file)
{
    static const struct {
        const char *key;
        size_t place;
    } texts[] = {{"title", offsetof(struct rule_file, title)},
                 {"bytes", offsetof(struct rule_file, bytes)},
                 {"apply", offsetof(struct rule_file, apply)},
                 {"revert", offsetof(struct rule_file, revert)},
                 {"connections", offsetof(struct rule_file, connections)},
                 {"commits", offsetof(struct rule_file, commits)}};
    unsigned reader = UINT32_MAX, format = 0;
    int status = take_needed(reading, root, "a file of rules", "product", &file->product);
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !status; i++)
        status = take_text(reading, root, texts[i].key, (const char **)((char *)file + texts[i].place));
    if (!status)
        status = take_word(reading, root, "reader", readers, &reader);
    if (!status)
        status = take_word(reading, root, "format", formats, &format);
    if (status)
        return status;
    file->title = file->title ? file->title : file->product;
    file->format = formats[format];
    file->reader = reader == UINT32_MAX ? NULL : readers[reader];
    return 0;
}

/* Whatever the new file says comes before what was there. */
static int merge(const struct reading *reading, struct rule_file *old, const struct rule_file *file)
{
    for (size_t i = 0; i < file->rules.count; i++) {
        int status = rule_add(reading, old, &file->rules.items[i]);
        if (status)
            return status;
    }
    if (file->process_count) {
        old->processes = file->processes;
        old->process_count = file->process_count;
    }
    if (file->port_count) {
        old->ports = file->ports;
        old->port_count = file->port_count;
    }
    if (file->file_count) {
        old->files = file->files;
        old->file_count = file->file_count;
    }
    old->apply = file->apply ? file->apply : old->apply;
    old->revert = file->revert ? file->revert : old->revert;
    return 0;
}

static int file_add(const struct reading *reading, struct rule_file *file)
{
    for (size_t i = 0; i < reading->set->files.count; i++)
        if (strcmp(reading->set->files.items[i].product, file->product) == 0) {
            int status = merge(reading, &reading->set->files.items[i], file);
            vec_free(&file->rules);
            return status;
        }
    if (!file->reader)
        file->reader = "file";
    if (reading->set->files.count == RULES_FILES_MAX)
        return err_set(reading->err, ERR_INPUT, "could not read rules '%s': over %u products", reading->path,
                       RULES_FILES_MAX);
    return vec_push(&reading->set->files, *file) ? err_memory(reading->err) : 0;
}

int rules_read_text(struct rule_set *set, const char *text, size_t length, const char *path, bool is_own,
                    struct err *err)
{
    static const char *const keys[] = {"product", "title",       "reader",  "processes", "ports",
                                       "sockets", "files",       "format",  "bytes",     "apply",
                                       "revert",  "connections", "commits", "rules",     NULL};
    struct reading reading = {.set = set, .path = path, .err = err};
    struct rule_file file = {.is_own = is_own};
    struct yaml_value *root = NULL;
    int status = yaml_read_text(text, length, path, &root, err);
    if (status)
        return status;
    status = check_map(&reading, root, "a file of rules", keys);
    if (!status)
        status = copy(&reading, path, &file.path);
    if (!status)
        status = head_texts(&reading, root, &file);
    if (!status)
        status = head_lists(&reading, root, &file);
    if (!status)
        status = rules_take(&reading, root, &file);
    if (!status)
        status = file_add(&reading, &file);
    if (status)
        vec_free(&file.rules);
    yaml_free(root);
    return status;
}

int rules_built_in(struct rule_set *set, struct err *err)
{
    for (size_t i = 0; i < built_in_rules_count; i++) {
        const struct built_in_rules *file = &built_in_rules[i];
        int status = rules_read_text(set, file->text, strlen(file->text), file->path, false, err);
        if (status)
            return status;
    }
    return 0;
}

static int is_rules(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && (str_ends(entry->d_name, ".yaml") || str_ends(entry->d_name, ".yml"));
}

static int folder_file(struct rule_set *set, const char *folder, const char *name, struct err *err)
{
    struct str path = {0}, text = {0};
    str_printf(&path, "%s/%s", folder, name);
    int status = path.failed ? err_memory(err) : fs_read(str_text(&path), YAML_BYTES_MAX, &text, err);
    if (!status)
        status = rules_read_text(set, str_text(&text), text.length, str_text(&path), true, err);
    str_free(&path);
    str_free(&text);
    return status;
}

int rules_read_folder(struct rule_set *set, const char *folder, struct err *err)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_rules, alphasort), status = 0;
    if (count < 0)
        return err_errno(err, errno, "could not read folder of rules '%s'", folder);
    if (!count)
        status =
            err_set(err, ERR_INPUT, "could not read folder of rules '%s': it holds no .yaml file", folder);
    for (int i = 0; i < count; i++) {
        if (!status)
            status = folder_file(set, folder, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return status;
}

int rules_check_folder(const char *folder, struct err *err)
{
    struct rule_set set = {0};
    int status = rules_built_in(&set, err);
    if (!status)
        status = rules_read_folder(&set, folder, err);
    rules_free(&set);
    return status;
}

void rules_free(struct rule_set *set)
{
    for (size_t i = 0; i < set->files.count; i++)
        vec_free(&set->files.items[i].rules);
    vec_free(&set->files);
    arena_free(&set->arena);
}

const struct rule_file *rules_find(const struct rule_set *set, const char *product)
{
    for (size_t i = 0; i < set->files.count; i++)
        if (strcmp(set->files.items[i].product, product) == 0)
            return &set->files.items[i];
    return NULL;
}
