/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "candles.h"
#include "http.h"

/* Several seconds of asking for rows that are on their way. */
enum { QUESTIONS_MAX = 100 };

struct sink {
    const struct database *database;
    struct http *http;
    char write_url[192];
};

/* Copies up to one of `stops` or the end; returns where it stopped, NULL when empty or too long. */
static const char *take(const char *at, const char *stops, char *out, size_t out_bytes)
{
    size_t length = strcspn(at, stops);

    if (length == 0 || length >= out_bytes)
        return NULL;
    memcpy(out, at, length);
    out[length] = '\0';
    return at + length;
}

int database_from_url(const char *url, struct database *ret_database, struct problem *problem)
{
    static const char victoria[] = "victoria://";
    static const char influx[] = "influx://";
    static const char http[] = "?http=";
    struct database database = {.kind = DATABASE_NULL};
    const char *at = url;

    if (strcmp(url, "null://") == 0) {
        *ret_database = database;
        return 0;
    }
    if (strncmp(url, victoria, strlen(victoria)) == 0) {
        database.kind = DATABASE_VICTORIA;
        at += strlen(victoria);
    } else if (strncmp(url, influx, strlen(influx)) == 0) {
        database.kind = DATABASE_INFLUX;
        at += strlen(influx);
    } else {
        return problem_set(problem, "could not use the database '%s': use victoria:// or influx://", url);
    }
    at = take(at, ":", database.host, sizeof(database.host));
    if (at != NULL && *at == ':')
        at = take(at + 1, "/?", database.port, sizeof(database.port));
    if (at != NULL && database.kind == DATABASE_VICTORIA)
        at = strncmp(at, http, strlen(http)) == 0
                 ? take(at + strlen(http), "&", database.http_port, sizeof(database.http_port))
                 : NULL;
    if (at != NULL && database.kind == DATABASE_INFLUX) {
        memcpy(database.http_port, database.port, sizeof(database.port));
        at = *at == '/' ? take(at + 1, "?", database.name, sizeof(database.name)) : NULL;
    }
    if (at == NULL || *at != '\0')
        return problem_set(problem,
                           "could not use the database '%s': expected victoria://HOST:PORT?http=PORT "
                           "or influx://HOST:PORT/NAME",
                           url);
    *ret_database = database;
    return 0;
}

static int connect_tcp(const struct database *database, int *ret_fd, struct problem *problem)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(database->host, database->port, &hints, &found);
    int fd = -1;
    int on = 1;

    if (code != 0)
        return problem_set(problem, "could not resolve host '%s': %s", database->host, gai_strerror(code));
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) < 0) {
            code = errno;
            close(fd);
            errno = code;
            fd = -1;
        }
    }
    code = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return problem_set(problem, "could not connect to the database '%s:%s': %s", database->host,
                           database->port, strerror(code));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *ret_fd = fd;
    return 0;
}

int sink_open(const struct database *database, struct sink **ret_sink, struct problem *problem)
{
    struct sink *sink = calloc(1, sizeof(*sink));

    if (sink == NULL)
        return problem_set(problem, "could not open a sink: out of memory");
    sink->database = database;
    if (database->kind == DATABASE_INFLUX) {
        snprintf(sink->write_url, sizeof(sink->write_url), "http://%s:%s/write?db=%s", database->host,
                 database->port, database->name);
        if (http_open(&sink->http, problem) < 0) {
            free(sink);
            return -1;
        }
    }
    *ret_sink = sink;
    return 0;
}

static int send_all(int fd, const struct buffer *lines, struct problem *problem)
{
    size_t sent = 0;

    while (sent < lines->length) {
        ssize_t count = send(fd, lines->data + sent, lines->length - sent, MSG_NOSIGNAL);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return problem_set(problem, "could not send to the database: %s", strerror(errno));
        sent += (size_t)count;
    }
    return 0;
}

/* Ours is closed first; the server closes its end once it has stored everything before that. */
static int await_close(int fd, struct problem *problem)
{
    char byte;
    ssize_t count;

    if (shutdown(fd, SHUT_WR) < 0)
        return problem_set(problem, "could not finish sending: %s", strerror(errno));
    do
        count = recv(fd, &byte, 1, 0);
    while (count > 0 || (count < 0 && errno == EINTR));
    if (count < 0)
        return problem_set(problem, "the database dropped the connection: %s", strerror(errno));
    return 0;
}

/*
 * The TCP listener of VictoriaMetrics answers nothing, and lines in a socket's buffer are not in the
 * database: one connection for each batch, whose end is the answer.
 */
static int send_victoria(const struct database *database, const struct buffer *lines, struct problem *problem)
{
    int fd = -1;
    int result;

    if (connect_tcp(database, &fd, problem) < 0)
        return -1;
    result = send_all(fd, lines, problem);
    if (result == 0)
        result = await_close(fd, problem);
    close(fd);
    return result;
}

int sink_send(struct sink *sink, const struct buffer *lines, struct problem *problem)
{
    switch (sink->database->kind) {
    case DATABASE_VICTORIA: return send_victoria(sink->database, lines, problem);
    case DATABASE_INFLUX: return http_post(sink->http, sink->write_url, lines, problem);
    case DATABASE_NULL: break;
    }
    return 0;
}

void sink_close(struct sink *sink)
{
    if (sink == NULL)
        return;
    http_close(sink->http);
    free(sink);
}

/* The number behind `key` in a JSON answer small enough to need no parser. */
static bool find_number(const struct buffer *answer, const char *key, uint64_t *ret_number)
{
    const char *at = memmem(answer->data, answer->length, key, strlen(key));
    char *end;

    if (at == NULL)
        return false;
    at += strlen(key);
    *ret_number = strtoull(at, &end, 10);
    return end != at;
}

/*
 * Both values of a row are counted, so a row of which a field is missing is not a row. The candles
 * are of 2023: asking at the end of that year for the days before keeps clear of what the server does
 * to recent time.
 */
static int count_victoria(struct http *http, const struct database *database, const char *run_id,
                          uint64_t *ret_row_count, struct problem *problem)
{
    char query[256];
    char url[640];
    struct buffer answer = {0};
    char *escaped;
    uint64_t value_count = 0;
    int result;

    snprintf(url, sizeof(url), "http://%s:%s/internal/force_flush", database->host, database->http_port);
    result = http_get(http, url, &answer, problem);
    snprintf(query, sizeof(query), "sum(count_over_time({__name__=~\"candles_.+\",run=\"%s\"}[366d]))",
             run_id);
    escaped = http_escape(http, query);
    snprintf(url, sizeof(url), "http://%s:%s/api/v1/query?nocache=1&time=1704067200&query=%s", database->host,
             database->http_port, escaped != NULL ? escaped : "");
    http_free(escaped);
    if (result == 0)
        result = http_get(http, url, &answer, problem);
    if (result == 0 && find_number(&answer, "\"value\":[1704067200,\"", &value_count))
        *ret_row_count = value_count / CANDLE_STORED_COUNT;
    else if (result == 0 && memmem(answer.data, answer.length, "\"result\":[]", 11) != NULL)
        *ret_row_count = 0;
    else if (result == 0)
        result = problem_set(problem, "could not count the rows: the database answered %.*s",
                             (int)(answer.length < 160 ? answer.length : 160), answer.data);
    buffer_deinit(&answer);
    return result;
}

/* `{"results":[{"series":[{"name":"candles","columns":["time","count"],"values":[[0,44640]]}]}]}` */
static int count_influx(struct http *http, const struct database *database, const char *run_id,
                        uint64_t *ret_row_count, struct problem *problem)
{
    char query[256];
    char url[640];
    struct buffer answer = {0};
    char *escaped;
    uint64_t row_count = 0;
    int result;

    snprintf(query, sizeof(query), "SELECT count(close) FROM candles WHERE run = '%s'", run_id);
    escaped = http_escape(http, query);
    snprintf(url, sizeof(url), "http://%s:%s/query?db=%s&epoch=ms&q=%s", database->host, database->http_port,
             database->name, escaped != NULL ? escaped : "");
    http_free(escaped);
    result = http_get(http, url, &answer, problem);
    if (result == 0 && memmem(answer.data, answer.length, "\"error\"", 7) != NULL)
        result = problem_set(problem, "could not count the rows: the database answered %.*s",
                             (int)(answer.length < 160 ? answer.length : 160), answer.data);
    if (result == 0)
        *ret_row_count = find_number(&answer, "\"values\":[[0,", &row_count) ? row_count : 0;
    buffer_deinit(&answer);
    return result;
}

int database_count(const struct database *database, const char *run_id, uint64_t expected,
                   uint64_t *ret_row_count, struct problem *problem)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    uint64_t row_count = 0;
    struct http *http;
    int result = 0;

    if (database->kind == DATABASE_NULL)
        return problem_set(problem, "could not count the rows: null:// keeps none");
    if (http_open(&http, problem) < 0)
        return -1;
    for (int question = 0; result == 0 && row_count != expected && question < QUESTIONS_MAX; question++) {
        if (question > 0)
            nanosleep(&pause, NULL);
        result = database->kind == DATABASE_VICTORIA
                     ? count_victoria(http, database, run_id, &row_count, problem)
                     : count_influx(http, database, run_id, &row_count, problem);
    }
    http_close(http);
    if (result == 0)
        *ret_row_count = row_count;
    return result;
}
