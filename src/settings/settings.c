/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "settings/internal.h"

/* How each product's settings are read. */
const struct settings_reader settings_readers[] = {
    {"postgresql", postgresql_live, postgresql_files, true},
    {"redis", redis_live, redis_files, true},
    {"nginx", NULL, nginx_files, false},
    {"victoriametrics", victoriametrics_live, victoriametrics_files, true},
    {"influxdb", influxdb_live, influxdb_files, false},
    {"clickhouse", clickhouse_live, clickhouse_files, true},
    {"questdb", questdb_live, questdb_files, true},
    {"kernel", kernel_live, NULL, true},
    {"cgroup", cgroup_live, NULL, true},
    {"file", NULL, file_files, false},
};
const size_t settings_reader_count = sizeof settings_readers / sizeof *settings_readers;

bool settings_is_secret(const char *key)
{
    static const char *const parts[] = {"pass",       "secret",  "token",   "auth",
                                        "credential", "private", "conninfo"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(key, parts[i]))
            return true;
    return false;
}

const char *settings_printf(struct settings *settings, const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    const char *copy = arena_string(&settings->arena, text);
    return copy ? copy : "";
}

void settings_note(struct settings *settings, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    const char *copy = arena_string(&settings->arena, text);
    if (copy)
        (void)vec_push(&settings->notes, copy);
}

static int put(struct settings *settings, const char *key, const char *value, const char *origin,
               bool replaces, struct err *err)
{
    const struct rule *rule = rules_key(settings->rules, key);
    bool is_limit = settings->rules->connections && strcmp(settings->rules->connections, key) == 0;
    bool is_commit = settings->rules->commits && strcmp(settings->rules->commits, key) == 0;
    if (!rule && !is_limit && !is_commit)
        return 0;
    const struct setting *there = settings_find(settings, key);
    /* What the server says itself stands. */
    if (there && (!replaces || strcmp(there->origin, SETTINGS_LIVE) == 0))
        return 0;
    struct setting setting = {
        .key = arena_string(&settings->arena, key),
        .value = arena_string(&settings->arena, settings_is_secret(key) ? SETTINGS_SECRET : value),
        .origin = arena_string(&settings->arena, origin)};
    if (!setting.key || !setting.value || !setting.origin)
        return err_memory(err);
    if (there) {
        settings->items.items[there - settings->items.items] = setting;
        return 0;
    }
    return vec_push(&settings->items, setting) ? err_memory(err) : 0;
}

int settings_put(struct settings *settings, const char *key, const char *value, const char *origin,
                 struct err *err)
{
    return put(settings, key, value, origin, false, err);
}

int settings_override(struct settings *settings, const char *key, const char *value, const char *origin,
                      struct err *err)
{
    return put(settings, key, value, origin, true, err);
}

const struct setting *settings_find(const struct settings *settings, const char *key)
{
    for (size_t i = 0; i < settings->items.count; i++)
        if (strcmp(settings->items.items[i].key, key) == 0)
            return &settings->items.items[i];
    return NULL;
}

bool settings_is_hidden(const struct setting *setting)
{
    return strcmp(setting->value, SETTINGS_SECRET) == 0;
}

/* What neither the server nor its files say has the default that the rule knows. */
static int fill(struct settings *settings, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < settings->rules->rules.count && !status; i++) {
        const struct rule *rule = &settings->rules->rules.items[i];
        if (rule->built_in)
            status = settings_put(settings, rule->key, rule->built_in, "built-in default", err);
    }
    return status;
}

static const struct settings_reader *reader_find(const char *name)
{
    for (size_t i = 0; i < settings_reader_count; i++)
        if (strcmp(settings_readers[i].name, name) == 0)
            return &settings_readers[i];
    return NULL;
}

static int read_with(const struct settings_reader *reader, const struct server *server,
                     struct settings *settings, struct err *err)
{
    bool has_live = false, has_files = false;
    int status = 0;
    if (reader->live && server->may_ask)
        status = reader->live(server, settings, &has_live, err);
    settings->is_live = has_live;
    size_t notes = settings->notes.count;
    if (!status && reader->files && !(has_live && reader->live_is_whole))
        status = reader->files(server, settings, &has_files, err);
    /* That a file cannot be read is no news of a server that answered. */
    if (has_live)
        settings->notes.count = notes;
    /* What is set nowhere has its default, once all places were looked at. */
    bool is_whole = has_files || (has_live && reader->live_is_whole);
    return status || !is_whole ? status : fill(settings, err);
}

int settings_read(const struct rule_file *rules, const struct server *server, struct settings *ret_settings,
                  struct err *err)
{
    const struct settings_reader *reader = reader_find(rules->reader);
    *ret_settings = (struct settings){.rules = rules};
    settings_facts(server->may_ask ? server->pid : 0, &ret_settings->facts);
    if (!reader)
        return err_set(err, ERR_BUG, "no reader is called '%s'", rules->reader);
    return read_with(reader, server, ret_settings, err);
}

void settings_free(struct settings *settings)
{
    vec_free(&settings->items);
    vec_free(&settings->notes);
    arena_free(&settings->arena);
}
