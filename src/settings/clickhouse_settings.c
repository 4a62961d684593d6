/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClickHouse: system.settings, system.merge_tree_settings and system.server_settings over its HTTP interface, as the user
 * "default", or its files. Keys: those of a session as they are, "merge_tree.KEY", and "server.KEY" of config.xml.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/conf_walk.h"
#include "settings/dial.h"

#define HTTP_PORT 8123u

struct table {
    const char *name, *prefix;
};

static const struct table tables[] = {
    {"settings", ""}, {"merge_tree_settings", "merge_tree."}, {"server_settings", "server."}};

/* Where HTTP is spoken: the native ports (9000, 9440) and those between servers (9009) do not. */
static const char *http_address(const struct server *server, struct settings *settings)
{
    char host[64];
    unsigned port;
    if (server_host(server->address, host, &port))
        return NULL;
    if (port == 9000 || port == 9009 || port == 9440)
        return settings_printf(settings, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, HTTP_PORT);
    return server->address;
}

/* Lines of "name TAB value". */
static int rows_take(const char *text, const char *prefix, struct settings *settings, struct err *err)
{
    char key[CONF_KEY_MAX], value[256];
    int status = 0;
    while (*text && !status) {
        size_t length = strcspn(text, "\n"), name = strcspn(text, "\t\n");
        if (name < length) {
            snprintf(key, sizeof key, "%s%.*s", prefix, name < 200 ? (int)name : 200, text);
            snprintf(value, sizeof value, "%.*s", length - name - 1 < 255 ? (int)(length - name - 1) : 255,
                     text + name + 1);
            status = settings_put(settings, key, value, SETTINGS_LIVE, err);
        }
        text += length + (text[length] == '\n');
    }
    return status;
}

int clickhouse_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct err why = {0};
    const char *address = http_address(server, settings);
    int status = 0;
    for (size_t i = 0; address && i < sizeof tables / sizeof *tables && !status; i++) {
        struct str page = {0};
        char path[160];
        snprintf(path, sizeof path,
                 "/?query=SELECT%%20name,value%%20FROM%%20system.%s%%20FORMAT%%20TabSeparated",
                 tables[i].name);
        /* Older servers have the first table alone. */
        if (!dial_get(address, path, SETTINGS_ASK_MS, SETTINGS_BYTES_MAX, &page, &why)) {
            *ret_done = true;
            status = rows_take(str_text(&page), tables[i].prefix, settings, err);
        }
        str_free(&page);
        if (!*ret_done)
            break;
    }
    if (address && !*ret_done)
        settings_note(settings, "ClickHouse at %s did not show its settings: %s", address, why.what);
    return status;
}

static bool rename_key(const char *key, char *ret_name)
{
    static const char profile[] = "profiles.default.", merges[] = "merge_tree.";
    if (str_starts(key, profile))
        snprintf(ret_name, 2 * CONF_KEY_MAX, "%s", key + sizeof profile - 1);
    else if (str_starts(key, merges))
        snprintf(ret_name, 2 * CONF_KEY_MAX, "%s", key);
    else if (!strchr(key, '.'))
        snprintf(ret_name, 2 * CONF_KEY_MAX, "server.%.*s", 500, key);
    else
        return false;
    return true;
}

int clickhouse_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    /* Folders whose files come after the main one; the users' file stands beside it. */
    static const char *const parts[] = {"config.d/", "users.xml", "users.d/"};
    struct conf_walk walk = {
        .server = server, .settings = settings, .form = CONF_XML, .last_counts = true, .rename = rename_key};
    const char *file = server_option(server, "--config-file");
    if (!file)
        file = server_option(server, "-C");
    if (!file && server->pid && settings->rules->file_count)
        file = settings->rules->files[0];
    if (!file)
        return 0;
    file = server_path(server, settings, file);
    bool read = false;
    int status = conf_walk(&walk, file, true, ret_done, err);
    const char *slash = strrchr(file, '/');
    for (size_t i = 0; i < sizeof parts / sizeof *parts && slash && !status; i++) {
        const char *name = settings_printf(settings, "%.*s/%s", (int)(slash - file), file, parts[i]);
        status = str_ends(name, "/") ? conf_walk_folder(&walk, name, ".xml", err)
                                     : conf_walk(&walk, name, false, &read, err);
    }
    return status;
}
