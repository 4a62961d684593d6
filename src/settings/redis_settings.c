/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis: CONFIG GET of each key that a rule names, in the protocol RESP2 (redis.io/docs/reference/protocol-spec), or
 * redis.conf. Without a password: who needs one refuses, and the file is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/conf_walk.h"
#include "settings/dial.h"
#include "settings/internal.h"

#define ANSWER_BYTES_MAX ((size_t)64 << 10)

/* One line "…\r\n" at the offset; its length without the end, and where the next begins; -1: not all there. */
static int line_at(const struct str *text, size_t at, size_t *ret_length, size_t *ret_next)
{
    const char *from = str_text(text) + at;
    const char *end = at < text->length ? memmem(from, text->length - at, "\r\n", 2) : NULL;
    if (!end)
        return -1;
    *ret_length = (size_t)(end - from);
    *ret_next = at + *ret_length + 2;
    return 0;
}

enum answer { ANSWER_PART, ANSWER_PAIR, ANSWER_NOTHING, ANSWER_REFUSED };

/* "*2 $4 save $0 " as CONFIG GET answers it: the value into `ret_value`. An answer has at most these four lines. */
static enum answer answer_read(const struct str *text, char *ret_value, size_t size)
{
    size_t length, at = 0, next;
    if (line_at(text, 0, &length, &next))
        return ANSWER_PART;
    const char *all = str_text(text);
    if (*all == '-') {
        snprintf(ret_value, size, "%.*s", (int)(length < size ? length - 1 : size - 1), all + 1);
        return ANSWER_REFUSED;
    }
    if (*all != '*')
        return ANSWER_REFUSED;
    if (strtol(all + 1, NULL, 10) < 2)
        return ANSWER_NOTHING;
    for (int item = 0; item < 2; item++) {
        at = next;
        if (line_at(text, at, &length, &next))
            return ANSWER_PART;
        if (all[at] != '$')
            return ANSWER_REFUSED;
        long bytes = strtol(all + at + 1, NULL, 10);
        if (bytes < 0 || (size_t)bytes > ANSWER_BYTES_MAX)
            return ANSWER_REFUSED;
        if (next + (size_t)bytes + 2 > text->length)
            return ANSWER_PART;
        snprintf(ret_value, size, "%.*s", (int)((size_t)bytes < size ? (size_t)bytes : size - 1), all + next);
        next += (size_t)bytes + 2;
    }
    return ANSWER_PAIR;
}

static int key_get(const struct dial *dial, const char *key, enum answer *ret_answer, char *ret_value,
                   size_t size, struct err *err)
{
    struct str request = {0}, text = {0};
    enum answer answer = ANSWER_PART;
    bool end = false;
    str_printf(&request, "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$%zu\r\n%s\r\n", strlen(key), key);
    int status = request.failed ? err_memory(err) : dial_send(dial, request.text, request.length, err);
    while (!status && answer == ANSWER_PART) {
        status = dial_read(dial, ANSWER_BYTES_MAX, &text, &end, err);
        if (!status)
            answer = answer_read(&text, ret_value, size);
        if (!status && end && answer == ANSWER_PART)
            status = err_set(err, ERR_ENVIRONMENT, "it hung up");
    }
    *ret_answer = answer;
    str_free(&request);
    str_free(&text);
    return status;
}

/* One key; what it says about itself when it refuses. */
static int key_take(const struct dial *dial, const char *key, struct settings *settings, bool *ret_goes_on,
                    struct err *why, struct err *err)
{
    char value[1024] = "";
    enum answer answer;
    *ret_goes_on = false;
    /* Patterns would ask for more than the key. */
    if (strpbrk(key, "*?[]\\ \r\n")) {
        *ret_goes_on = true;
        return 0;
    }
    if (key_get(dial, key, &answer, value, sizeof value, why))
        return 0;
    if (answer == ANSWER_REFUSED) {
        err_set(why, ERR_ENVIRONMENT, "%s", *value ? value : "it does not speak Redis' protocol");
        return 0;
    }
    *ret_goes_on = true;
    return answer == ANSWER_PAIR ? settings_put(settings, key, value, SETTINGS_LIVE, err) : 0;
}

int redis_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct dial dial;
    struct err why = {0};
    bool goes_on = true;
    int status = 0;
    if (!server->address)
        return 0;
    if (dial_open(server->address, SETTINGS_ASK_MS, &dial, &why)) {
        settings_note(settings, "Redis at %s could not be asked: %s", server->address, why.what);
        return 0;
    }
    for (size_t i = 0; i < settings->rules->rules.count && goes_on && !status; i++)
        status = key_take(&dial, settings->rules->rules.items[i].key, settings, &goes_on, &why, err);
    if (settings->rules->connections && goes_on && !status)
        status = key_take(&dial, settings->rules->connections, settings, &goes_on, &why, err);
    dial_close(&dial);
    *ret_done = goes_on;
    if (!goes_on)
        settings_note(settings, "Redis at %s did not let toll read its settings: %s", server->address,
                      why.what);
    return status;
}

/* "--maxmemory 1gb" behind the program. */
static int take_words(const struct server *server, struct settings *settings, struct err *err)
{
    int status = 0;
    for (size_t i = 1; i + 1 < server->word_count && !status; i++) {
        const char *word = server->words[i];
        if (strncmp(word, "--", 2) == 0 && strncmp(server->words[i + 1], "--", 2) != 0)
            status = settings_override(settings, word + 2, server->words[i + 1], "command line", err);
    }
    return status;
}

/* The file of its command line; a title that it wrote over it names none. */
static const char *file_word(const struct server *server)
{
    const char *word = server->word_count > 1 ? server->words[1] : "";
    return *word && *word != '-' && *word != '*' && (strchr(word, '/') || str_ends(word, ".conf")) ? word
                                                                                                   : NULL;
}

int redis_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    static const char *const includes[] = {"include", NULL};
    struct conf_walk walk = {.server = server,
                             .settings = settings,
                             .form = CONF_BLANK,
                             .last_counts = true,
                             .include_keys = includes,
                             .port_key = "port"};
    const char *named = file_word(server);
    char host[64];
    unsigned port = 0;
    bool read = false;
    int status = 0;
    if (named)
        status = conf_walk(&walk, server_path(server, settings, named), true, &read, err);
    bool has_port = server->address && !server_host(server->address, host, &port);
    /* Its title: "redis-server *:6379". */
    if (!has_port && !named && server->word_count > 1)
        has_port = !server_host(server->words[1], host, &port);
    for (size_t i = 0;
         i < settings->rules->file_count && !named && !read && !status && has_port && server->pid; i++) {
        status =
            conf_walk(&walk, server_path(server, settings, settings->rules->files[i]), false, &read, err);
        if (read && (unsigned)strtoul(*walk.port ? walk.port : "6379", NULL, 10) != port) {
            /* Another server's. */
            settings->items.count = 0;
            read = false;
        }
    }
    if (!status && server->word_count > 1)
        status = take_words(server, settings, err);
    *ret_done = read || settings->items.count > 0;
    return status;
}
