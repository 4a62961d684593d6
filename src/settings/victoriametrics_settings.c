/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VictoriaMetrics: its flags, as its page /flags has them (`-name="value"`, a line each), or the command line of its process.
 * Keys are flags without their dash. The page is asked for where -httpListenAddr says (8428 unless it does): its ports of
 * other protocols would take a question for points.
 */
#include <stdio.h>
#include <string.h>

#include "settings/dial.h"
#include "settings/internal.h"

#define HTTP_PORT ":8428"

/* `-name="value"`, `--name=value`, `-name`: into settings. */
static int flag_take(const char *flag, size_t length, const char *origin, struct settings *settings,
                     struct err *err)
{
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : sizeof text - 1), flag);
    char *name = text + strspn(text, "-"), *value = strchr(name, '=');
    if (name == text)
        return 0;
    if (!value)
        return settings_put(settings, name, "true", origin, err);
    *value++ = '\0';
    size_t end = strlen(value);
    if (*value == '"' && end > 1 && value[end - 1] == '"') {
        value[end - 1] = '\0';
        value++;
    }
    return settings_put(settings, name, value, origin, err);
}

/* NULL: not known. */
static const char *http_address(const struct server *server, struct settings *settings)
{
    const char *listens = server_option(server, "-httpListenAddr"), *colon;
    char host[64];
    unsigned port;
    if (!listens)
        listens = server_option(server, "--httpListenAddr");
    if (!listens && server->word_count)
        listens = HTTP_PORT;
    colon = listens ? strrchr(listens, ':') : NULL;
    if (colon && (colon == listens || str_starts(listens, "0.0.0.0:") || str_starts(listens, "[::]:")))
        return settings_printf(settings, "127.0.0.1%s", colon);
    if (colon)
        return listens;
    /* Of its process nothing is known: the usual port speaks HTTP. */
    return server_host(server->address, host, &port) || !str_ends(server->address, HTTP_PORT)
               ? NULL
               : server->address;
}

int victoriametrics_live(const struct server *server, struct settings *settings, bool *ret_done,
                         struct err *err)
{
    struct str page = {0};
    struct err why = {0};
    int status = 0;
    const char *address = http_address(server, settings);
    if (!address)
        return 0;
    if (dial_get(address, "/flags", SETTINGS_ASK_MS, SETTINGS_BYTES_MAX, &page, &why)) {
        settings_note(settings, "VictoriaMetrics at %s did not show its flags: %s", address, why.what);
        str_free(&page);
        return 0;
    }
    for (const char *at = str_text(&page); *at && !status;) {
        size_t length = strcspn(at, "\r\n");
        if (*at == '-')
            status = flag_take(at, length, SETTINGS_LIVE, settings, err);
        at += length;
        at += strspn(at, "\r\n");
    }
    *ret_done = settings->items.count > 0;
    str_free(&page);
    return status;
}

int victoriametrics_files(const struct server *server, struct settings *settings, bool *ret_done,
                          struct err *err)
{
    int status = 0;
    for (size_t i = 1; i < server->word_count && !status; i++)
        status = flag_take(server->words[i], strlen(server->words[i]), "command line", settings, err);
    *ret_done = server->word_count > 0;
    return status;
}
