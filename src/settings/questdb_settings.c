/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QuestDB: SHOW PARAMETERS over its HTTP interface, or conf/server.conf in its root folder. The port of HTTP comes from that file
 * (9000 unless it says otherwise): the ports of the line protocol would take a question for rows, and are never asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "settings/conf_walk.h"
#include "settings/dial.h"

#define HTTP_PORT 9000u
#define HTTP_KEY  "http.bind.to"

static const char *conf_path(const struct server *server, struct settings *settings)
{
    const char *folder = server_option(server, "-d");
    if (!folder && server->pid && settings->rules->file_count)
        return server_path(server, settings, settings->rules->files[0]);
    return folder ? server_path(server, settings, settings_printf(settings, "%s/conf/server.conf", folder))
                  : NULL;
}

/* "http.bind.to=0.0.0.0:9000" of the file. */
static unsigned http_port(const struct server *server, struct settings *settings)
{
    /* Into settings of their own, which keep nothing but the port. */
    struct settings apart = {.rules = settings->rules};
    struct conf_walk walk = {.server = server, .settings = &apart, .form = CONF_EQUALS, .port_key = HTTP_KEY};
    const char *path = conf_path(server, settings), *colon;
    struct err ignored;
    bool read;
    unsigned port = HTTP_PORT;
    if (path && !conf_walk(&walk, path, false, &read, &ignored) && *walk.port) {
        colon = strrchr(walk.port, ':');
        port = (unsigned)strtoul(colon ? colon + 1 : walk.port, NULL, 10);
    }
    settings_free(&apart);
    return port;
}

/* Which column has this name; SIZE_MAX. */
static size_t column_of(const struct json_value *columns, const char *name)
{
    const char *text;
    for (size_t i = 0; i < json_count(columns); i++)
        if (json_find_text(json_item(columns, i), "name", &text) && strcmp(text, name) == 0)
            return i;
    return SIZE_MAX;
}

static int rows_take(const struct json_value *root, struct settings *settings, struct err *err)
{
    const struct json_value *columns = json_find_array(root, "columns"),
                            *rows = json_find_array(root, "dataset");
    size_t key_at = column_of(columns, "property_path"), value_at = column_of(columns, "value");
    int status = 0;
    for (size_t i = 0; i < json_count(rows) && key_at != SIZE_MAX && value_at != SIZE_MAX && !status; i++) {
        const char *key, *value;
        if (json_find_text(json_item(json_item(rows, i), key_at), NULL, &key) &&
            json_find_text(json_item(json_item(rows, i), value_at), NULL, &value))
            status = settings_put(settings, key, value, SETTINGS_LIVE, err);
    }
    return status;
}

int questdb_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct str page = {0};
    struct err why = {0};
    struct json_value *root = NULL;
    char host[64];
    unsigned port;
    if (server_host(server->address, host, &port))
        return 0;
    const char *address =
        settings_printf(settings, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, http_port(server, settings));
    int status = 0;
    if (dial_get(address, "/exec?query=SHOW%20PARAMETERS", SETTINGS_ASK_MS, SETTINGS_BYTES_MAX, &page,
                 &why) ||
        json_read_text(str_text(&page), page.length, "parameters", &root, &why))
        settings_note(settings, "QuestDB at %s did not show its parameters: %s", address, why.what);
    else
        status = rows_take(root, settings, err);
    *ret_done = settings->items.count > 0;
    json_free(root);
    str_free(&page);
    return status;
}

int questdb_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct conf_walk walk = {
        .server = server, .settings = settings, .form = CONF_EQUALS, .last_counts = true};
    const char *path = conf_path(server, settings);
    return path ? conf_walk(&walk, path, true, ret_done, err) : 0;
}
