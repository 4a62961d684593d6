/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "store/internal.h"

/* How often a lock that SQLite does not wait for is asked for again, each time HISTORY_PAUSE_US later. */
#define HISTORY_TRIES    200
#define HISTORY_PAUSE_US 10000

/* The cache and the log's size are for many results at once: each goes to its series' end of the index. */
#define SETTINGS                                                                                             \
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768;"                    \
    "PRAGMA wal_autocheckpoint = 4000"

int history_default_path(struct str *ret_path, struct err *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && *data == '/') {
        str_printf(ret_path, "%s/toll/history.db", data);
    } else if (home && *home) {
        str_printf(ret_path, "%s/.local/share/toll/history.db", home);
    } else {
        err_set(err, ERR_ENVIRONMENT, "could not find the history: neither XDG_DATA_HOME nor HOME is set");
        err_hint(err, "--store FILE says where it is");
        return -ERR_ENVIRONMENT;
    }
    return ret_path->failed ? err_memory(err) : 0;
}

static int refused_as(const struct history *history, const char *verb, int code, struct err *err)
{
    const char *path = history->path;
    switch (code & 0xff) {
    case SQLITE_ERROR: /* tables that are not toll's */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        err_set(err, ERR_INPUT, "could not %s history '%s': the file is damaged or no history of toll's (%s)",
                verb, path, sqlite3_errstr(code));
        err_hint(
            err,
            "'mv %s %s.damaged' lets toll begin a new one; 'sqlite3 %s.damaged .recover' may save the old",
            path, path, path);
        return -ERR_INPUT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_ENVIRONMENT,
                       "could not %s history '%s': another program has it locked for over %d s", verb, path,
                       HISTORY_WAIT_MS / 1000);
    case SQLITE_NOMEM: return err_memory(err);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        err_set(err, ERR_ENVIRONMENT, "could not %s history '%s': %s", verb, path, sqlite3_errstr(code));
        err_hint(err, "--store FILE chooses another place");
        return -ERR_ENVIRONMENT;
    default:
        return err_set(err, ERR_ENVIRONMENT, "could not %s history '%s': %s", verb, path,
                       history->database ? sqlite3_errmsg(history->database) : sqlite3_errstr(code));
    }
}

int history_refused(const struct history *history, const char *verb, struct err *err)
{
    return refused_as(history, verb, sqlite3_extended_errcode(history->database), err);
}

/* mkdir -p of the folder that the file is in. */
static int make_folders(const char *path, struct err *err)
{
    char *copy = strdup(path);
    int status = 0;
    if (!copy)
        return err_memory(err);
    for (char *at = *copy ? strchr(copy + 1, '/') : NULL; at && !status; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(copy, 0700) && errno != EEXIST)
            status = err_errno(err, errno, "could not make folder '%s' for the history", copy);
        *at = '/';
    }
    free(copy);
    if (status)
        err_hint(err, "--store FILE chooses another place");
    return status;
}

/* A folder, a device, or a FIFO, at which SQLite would wait for ever. */
static int check_kind(const char *path, struct err *err)
{
    struct stat about;
    if (*path && (stat(path, &about) || S_ISREG(about.st_mode)))
        return 0;
    err_set(err, ERR_ENVIRONMENT, "could not open history '%s': it is no ordinary file", path);
    err_hint(err, "--store FILE chooses another place");
    return -ERR_ENVIRONMENT;
}

/* SQLite would make it readable for all, and its log as readable as the file. */
static int make_file(const char *path, struct err *err)
{
    int status = check_kind(path, err);
    if (status)
        return status;
    FS_CLEANUP int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        return 0;
    err_errno(err, errno, "could not open history '%s'", path);
    err_hint(err, "--store FILE chooses another place");
    return -ERR_ENVIRONMENT;
}

/* To switch to the log needs the file alone; SQLite does not wait for that in all cases. */
static int when_free(struct history *history, const char *sql, struct err *err)
{
    int code = SQLITE_BUSY;
    for (int i = 0; i < HISTORY_TRIES && code == SQLITE_BUSY; i++) {
        if (i)
            usleep(HISTORY_PAUSE_US);
        code = sqlite3_exec(history->database, sql, NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? 0 : history_refused(history, "open", err);
}

static int history_create(struct history **ret_history, const char *path, struct err *err)
{
    struct str chosen = {0};
    struct history *history = calloc(1, sizeof *history);
    int status = 0;
    if (path)
        str_append(&chosen, path);
    else
        status = history_default_path(&chosen, err);
    if (!history || chosen.failed)
        status = err_memory(err);
    if (status) {
        free(history);
        str_free(&chosen);
        return status;
    }
    history->path = chosen.text;
    *ret_history = history;
    return 0;
}

static int connect_to(struct history *history, const char *name, int flags, struct err *err)
{
    /* This name SQLite takes for no file at all, and what is written would be lost. */
    name = strcmp(name, ":memory:") == 0 ? "./:memory:" : name;
    int code = sqlite3_open_v2(name, &history->database, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return refused_as(history, "open",
                          history->database ? sqlite3_extended_errcode(history->database) : code, err);
    sqlite3_busy_timeout(history->database, HISTORY_WAIT_MS);
    return 0;
}

int history_open(struct history **ret_history, const char *path, struct err *err)
{
    struct history *history;
    int status = history_create(&history, path, err);
    if (status)
        return status;
    status = make_folders(history->path, err);
    if (!status)
        status = make_file(history->path, err);
    if (!status)
        status = connect_to(history, history->path, SQLITE_OPEN_READWRITE, err);
    /* Before anything is changed: the log would be another program's from now on as well. */
    if (!status)
        status = when_free(history, "SELECT count(*) FROM sqlite_schema", err);
    if (!status)
        status = history_check(history, err);
    if (!status)
        status = when_free(history, SETTINGS, err);
    if (!status)
        status = history_migrate(history, err);
    if (status)
        history_close(history);
    else
        *ret_history = history;
    return status;
}

/* A path as SQLite's URI has it. */
static void append_uri(struct str *uri, const char *path)
{
    str_append(uri, "file:");
    for (; *path; path++)
        if (strchr("%?#", *path))
            str_printf(uri, "%%%02x", (unsigned char)*path);
        else
            str_append_bytes(uri, path, 1);
}

/* A log beside the file needs a place to lock it, also to read. Where there is none nobody writes: `immutable` says so. */
static int connect_to_read(struct history *history, struct err *err)
{
    struct str uri = {0};
    int status = check_kind(history->path, err);
    if (!status)
        status = connect_to(history, history->path, SQLITE_OPEN_READONLY, err);
    if (status)
        return status;
    int code = sqlite3_exec(history->database, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return 0;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
        return history_refused(history, "read", err);
    sqlite3_close(history->database);
    history->database = NULL;
    append_uri(&uri, history->path);
    str_append(&uri, "?immutable=1");
    status = uri.failed ? err_memory(err)
                        : connect_to(history, uri.text, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    str_free(&uri);
    return status;
}

static int check_version(struct history *history, struct err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(history->database, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
        return history_refused(history, "read", err);
    int code = sqlite3_step(statement), version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    if (code != SQLITE_ROW)
        return history_refused(history, "read", err);
    if (version == HISTORY_VERSION)
        return 0;
    /* One that has no tables yet was just made, or is of a version to be brought forward: that takes a writer. */
    if (version < HISTORY_VERSION)
        return history_migrate(history, err);
    return err_set(err, ERR_INPUT,
                   "could not read history '%s': it is of version %d, this toll knows up to %d",
                   history->path, version, HISTORY_VERSION);
}

int history_open_to_read(struct history **ret_history, const char *path, struct err *err)
{
    struct history *history;
    struct stat about;
    int status = history_create(&history, path, err);
    if (status)
        return status;
    if (stat(history->path, &about) && (errno == ENOENT || errno == ENOTDIR)) {
        history_close(history);
        *ret_history = NULL;
        return 0;
    }
    if (access(history->path, W_OK) == 0 && history_open(ret_history, history->path, err) == 0) {
        history_close(history);
        return 0;
    }
    status = connect_to_read(history, err);
    if (!status)
        status = check_version(history, err);
    if (status)
        history_close(history);
    else
        *ret_history = history;
    return status;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(history->statements[i]);
    sqlite3_close(history->database);
    intern_free(&history->known);
    vec_free(&history->rows);
    free(history->path);
    free(history);
}

const char *history_path(const struct history *history)
{
    return history->path;
}
