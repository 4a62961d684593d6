/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL: what pg_settings says, through libpq and with its defaults (PGUSER, PGPASSFILE, PGSERVICEFILE …), or
 * postgresql.conf, postgresql.auto.conf and the command line of the server's process.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "settings/conf_walk.h"
#include "settings/internal.h"

#ifdef HAVE_LIBPQ
#include <libpq-fe.h>

/* The folder and the port of "/run/postgresql/.s.PGSQL.5432". */
static int socket_place(const char *address, char *ret_host, size_t size, unsigned *ret_port)
{
    const char *name = strrchr(address, '/');
    unsigned port;
    if (!name || sscanf(name, "/.s.PGSQL.%u", &port) != 1)
        return -1;
    snprintf(ret_host, size, "%.*s", (int)(name - address), address);
    *ret_port = port;
    return 0;
}

static bool await(const PGconn *connection, short events, uint64_t deadline_ns)
{
    uint64_t now = clock_monotonic_ns();
    struct pollfd one = {.fd = PQsocket(connection), .events = events};
    int ready = -1;
    if (now < deadline_ns && one.fd >= 0)
        do
            ready = poll(&one, 1, (int)((deadline_ns - now) / NS_PER_MS) + 1);
        while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static bool is_connected(PGconn *connection, uint64_t deadline_ns)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state == PGRES_POLLING_WRITING || state == PGRES_POLLING_READING) {
        if (!await(connection, state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, deadline_ns))
            return false;
        state = PQconnectPoll(connection);
    }
    return state == PGRES_POLLING_OK;
}

/* The result of one statement; NULL when it does not come in time or is refused. */
static PGresult *asked(PGconn *connection, const char *statement, uint64_t deadline_ns)
{
    PGresult *result = NULL, *next;
    if (!PQsendQuery(connection, statement))
        return NULL;
    for (;;) {
        while (PQflush(connection) == 1)
            if (!await(connection, POLLOUT, deadline_ns))
                return result;
        while (PQisBusy(connection))
            if (!await(connection, POLLIN, deadline_ns) || !PQconsumeInput(connection)) {
                PQclear(result);
                return NULL;
            }
        next = PQgetResult(connection);
        if (!next)
            break;
        PQclear(result);
        result = next;
    }
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    PQclear(result);
    return NULL;
}

static int take_rows(const PGresult *result, struct settings *settings, struct err *err)
{
    int status = 0;
    for (int i = 0; i < PQntuples(result) && !status; i++)
        status =
            settings_put(settings, PQgetvalue(result, i, 0), PQgetvalue(result, i, 1), SETTINGS_LIVE, err);
    return status;
}

static const char *first_line(const char *text)
{
    static char line[256];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    return *line ? line : "it did not answer in time";
}

int postgresql_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    char host[256], port_text[16], limit[96];
    unsigned port;
    if (!server->address || (*server->address == '/' ? socket_place(server->address, host, sizeof host, &port)
                                                     : server_host(server->address, host, &port)))
        return 0;
    snprintf(port_text, sizeof port_text, "%u", port);
    snprintf(limit, sizeof limit, "-c statement_timeout=%d -c default_transaction_read_only=on",
             SETTINGS_ASK_MS);
    bool has_database = getenv("PGDATABASE") || getenv("PGSERVICE");
    const char *const keys[] = {"host", "port", "options", "application_name", has_database ? NULL : "dbname",
                                NULL},
                      *const values[] = {host, port_text, limit, "toll", "postgres", NULL};
    uint64_t deadline_ns = clock_monotonic_ns() + SETTINGS_ASK_MS * NS_PER_MS;
    PGconn *connection = PQconnectStartParams(keys, values, 0);
    int status = 0;
    if (connection && PQstatus(connection) != CONNECTION_BAD && is_connected(connection, deadline_ns)) {
        PGresult *result =
            asked(connection, "SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings",
                  deadline_ns);
        if (result) {
            status = take_rows(result, settings, err);
            *ret_done = true;
        }
        PQclear(result);
    }
    if (!*ret_done)
        settings_note(settings,
                      "PostgreSQL at %s did not let toll read its settings (%s): PGUSER, PGPASSFILE and "
                      "the like choose who asks",
                      server->address, first_line(PQerrorMessage(connection)));
    PQfinish(connection);
    return status;
}
#else
int postgresql_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    (void)err;
    settings_note(settings, "PostgreSQL at %s was not asked: this toll was built without libpq",
                  server->address ? server->address : "its socket");
    *ret_done = false;
    return 0;
}
#endif

/* `-c key=value` and `--key=value`. */
static int take_words(const struct server *server, struct settings *settings, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < server->word_count && !status; i++) {
        char key[CONF_KEY_MAX];
        const char *word = server->words[i];
        if (strcmp(word, "-c") == 0 && i + 1 < server->word_count)
            word = server->words[++i];
        else if (strncmp(word, "--", 2) == 0)
            word += 2;
        else
            continue;
        size_t length = strcspn(word, "=");
        if (word[length] != '=' || length >= sizeof key)
            continue;
        snprintf(key, sizeof key, "%.*s", (int)length, word);
        for (char *at = key; *at; at++)
            *at = *at == '-' ? '_' : *at;
        status = settings_override(settings, key, word + length + 1, "command line", err);
    }
    return status;
}

static const char *word_value(const struct server *server, const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 0; i < server->word_count; i++) {
        const char *word = server->words[i] + (strncmp(server->words[i], "--", 2) == 0 ? 2 : 0);
        if (strncmp(word, key, length) == 0 && word[length] == '=')
            return word + length + 1;
    }
    return NULL;
}

int postgresql_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    static const char *const includes[] = {"include", "include_if_exists", "include_dir", NULL};
    struct conf_walk walk = {.server = server,
                             .settings = settings,
                             .form = CONF_EQUALS,
                             .last_counts = true,
                             .include_keys = includes};
    const char *folder = server_option(server, "-D"), *main_file = word_value(server, "config_file");
    bool has_main = false, has_auto = false;
    if (folder && (*folder == '/' || !server->pid))
        folder = server_path(server, settings, folder);
    else if (server->pid && server->may_ask)
        folder = settings_printf(settings, "/proc/%" PRIu64 "/cwd", server->pid); /* it lives in its data */
    if (!folder && !main_file)
        return 0;
    if (!main_file)
        main_file = settings_printf(settings, "%s/postgresql.conf", folder);
    else
        main_file = server_path(server, settings, main_file);
    int status = conf_walk(&walk, main_file, true, &has_main, err);
    if (!status && folder)
        status = conf_walk(&walk, settings_printf(settings, "%s/postgresql.auto.conf", folder), false,
                           &has_auto, err);
    if (!status)
        status = take_words(server, settings, err);
    *ret_done = has_main || has_auto;
    return status;
}
