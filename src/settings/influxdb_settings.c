/* SPDX-License-Identifier: Apache-2.0 */
/*
 * InfluxDB 1: what SHOW DIAGNOSTICS says of its configuration, or influxdb.conf. Keys are "section.key" as in the file.
 */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "settings/conf_walk.h"
#include "settings/dial.h"

/* Of a table "config-data": its columns are keys, its only row their values. */
static int table_take(const struct json_value *series, struct settings *settings, struct err *err)
{
    const char *name = "", *column, *text;
    char key[CONF_KEY_MAX], value[64];
    const struct json_value *columns = json_find_array(series, "columns"),
                            *row = json_item(json_find_array(series, "values"), 0);
    int status = 0;
    if (!json_find_text(series, "name", &name) || !str_starts(name, "config-"))
        return 0;
    name += strlen("config-");
    if (strcmp(name, "httpd") == 0)
        name = "http";
    for (size_t i = 0; i < json_count(columns) && !status; i++) {
        const struct json_value *cell = json_item(row, i);
        double number;
        bool flag;
        if (!json_find_text(json_item(columns, i), NULL, &column))
            continue;
        snprintf(key, sizeof key, "%.100s.%.150s", name, column);
        if (json_find_number(cell, NULL, &number))
            snprintf(value, sizeof value, "%.17g", number);
        else if (json_find_bool(cell, NULL, &flag))
            snprintf(value, sizeof value, "%s", flag ? "true" : "false");
        else if (json_find_text(cell, NULL, &text))
            snprintf(value, sizeof value, "%.63s", text);
        else
            continue;
        status = settings_put(settings, key, value, SETTINGS_LIVE, err);
    }
    return status;
}

int influxdb_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct str page = {0};
    struct err why = {0};
    struct json_value *root = NULL;
    int status = 0;
    if (!server->address)
        return 0;
    if (dial_get(server->address, "/query?q=SHOW%20DIAGNOSTICS", SETTINGS_ASK_MS, SETTINGS_BYTES_MAX, &page,
                 &why) ||
        json_read_text(str_text(&page), page.length, "diagnostics", &root, &why)) {
        settings_note(settings, "InfluxDB at %s did not show its settings: %s", server->address, why.what);
        str_free(&page);
        return 0;
    }
    const struct json_value *series =
        json_find_array(json_item(json_find_array(root, "results"), 0), "series");
    for (size_t i = 0; i < json_count(series) && !status; i++)
        status = table_take(json_item(series, i), settings, err);
    *ret_done = settings->items.count > 0;
    if (!*ret_done)
        settings_note(settings, "InfluxDB at %s shows no diagnostics of its configuration", server->address);
    json_free(root);
    str_free(&page);
    return status;
}

int influxdb_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct conf_walk walk = {.server = server, .settings = settings, .form = CONF_INI, .last_counts = true};
    const char *file = server_option(server, "-config");
    bool is_named = file != NULL;
    if (!file)
        file = server_option(server, "--config");
    if (!file && server->pid && settings->rules->file_count)
        file = settings->rules->files[0];
    return file ? conf_walk(&walk, server_path(server, settings, file), is_named, ret_done, err) : 0;
}
