/* SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

/* How often a lock that SQLite does not wait for is asked for again, each time DATABASE_PAUSE_US later. */
#define DATABASE_TRIES    200
#define DATABASE_PAUSE_US 10000

/* The cache and the log's size are for many rows at once: each goes to its place of an index. */
#define SETTINGS                                                                                             \
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768;"                    \
    "PRAGMA wal_autocheckpoint = 4000"

int database_default_path(const struct database_kind *kind, struct str *ret_path, struct err *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && *data == '/') {
        str_printf(ret_path, "%s/toll/%s", data, kind->file_name);
    } else if (home && *home) {
        str_printf(ret_path, "%s/.local/share/toll/%s", home, kind->file_name);
    } else {
        err_set(err, ERR_ENVIRONMENT, "could not find the %s: neither XDG_DATA_HOME nor HOME is set",
                kind->noun);
        err_hint(err, "--store FILE says where it is");
        return -ERR_ENVIRONMENT;
    }
    return ret_path->failed ? err_memory(err) : 0;
}

static int refused_as(const struct database *database, const char *verb, int code, struct err *err)
{
    const char *path = database->path, *noun = database->kind->noun;
    switch (code & 0xff) {
    case SQLITE_ERROR: /* tables that are not toll's */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        err_set(err, ERR_INPUT, "could not %s %s '%s': the file is damaged or no %s of toll's (%s)", verb,
                noun, path, noun, sqlite3_errstr(code));
        err_hint(
            err,
            "'mv %s %s.damaged' lets toll begin a new one; 'sqlite3 %s.damaged .recover' may save the old",
            path, path, path);
        return -ERR_INPUT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_ENVIRONMENT,
                       "could not %s %s '%s': another program has it locked for over %d s", verb, noun, path,
                       DATABASE_WAIT_MS / 1000);
    case SQLITE_NOMEM: return err_memory(err);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        err_set(err, ERR_ENVIRONMENT, "could not %s %s '%s': %s", verb, noun, path, sqlite3_errstr(code));
        err_hint(err, "--store FILE chooses another place");
        return -ERR_ENVIRONMENT;
    default:
        return err_set(err, ERR_ENVIRONMENT, "could not %s %s '%s': %s", verb, noun, path,
                       database->handle ? sqlite3_errmsg(database->handle) : sqlite3_errstr(code));
    }
}

int database_refused(const struct database *database, const char *verb, struct err *err)
{
    return refused_as(database, verb, sqlite3_extended_errcode(database->handle), err);
}

/* mkdir -p of the folder that the file is in. */
static int make_folders(const char *path, const char *noun, struct err *err)
{
    char *copy = strdup(path);
    int status = 0;
    if (!copy)
        return err_memory(err);
    for (char *at = *copy ? strchr(copy + 1, '/') : NULL; at && !status; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(copy, 0700) && errno != EEXIST)
            status = err_errno(err, errno, "could not make folder '%s' for the %s", copy, noun);
        *at = '/';
    }
    free(copy);
    if (status)
        err_hint(err, "--store FILE chooses another place");
    return status;
}

/* A folder, a device, or a FIFO, at which SQLite would wait for ever. */
static int check_kind(const char *path, const char *noun, struct err *err)
{
    struct stat about;
    if (*path && (stat(path, &about) || S_ISREG(about.st_mode)))
        return 0;
    err_set(err, ERR_ENVIRONMENT, "could not open %s '%s': it is no ordinary file", noun, path);
    err_hint(err, "--store FILE chooses another place");
    return -ERR_ENVIRONMENT;
}

/* SQLite would make it readable for all, and its log as readable as the file. */
static int make_file(const char *path, const char *noun, struct err *err)
{
    int status = check_kind(path, noun, err);
    if (status)
        return status;
    FS_CLEANUP int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        return 0;
    err_errno(err, errno, "could not open %s '%s'", noun, path);
    err_hint(err, "--store FILE chooses another place");
    return -ERR_ENVIRONMENT;
}

/* To switch to the log needs the file alone; SQLite does not wait for that in all cases. */
static int when_free(struct database *database, const char *sql, struct err *err)
{
    int code = SQLITE_BUSY;
    for (int i = 0; i < DATABASE_TRIES && code == SQLITE_BUSY; i++) {
        if (i)
            usleep(DATABASE_PAUSE_US);
        code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? 0 : database_refused(database, "open", err);
}

/* --- the layout --- */

static int pragma_read(struct database *database, const char *sql, int *ret_value, struct err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return database_refused(database, "open", err);
    int code = sqlite3_step(statement);
    *ret_value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? 0 : database_refused(database, "open", err);
}

static int execute(struct database *database, const char *sql, struct err *err)
{
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return database_refused(database, "open", err);
}

static int foreign(const struct database *database, struct err *err)
{
    return err_set(err, ERR_INPUT, "could not open %s '%s': it is another program's SQLite file",
                   database->kind->noun, database->path);
}

static int check_ownership(struct database *database, struct err *err)
{
    int version = 0, magic = 0, tables = 0;
    int status = pragma_read(database, "PRAGMA user_version", &version, err);
    if (!status)
        status = pragma_read(database, "SELECT count(*) FROM sqlite_schema", &tables, err);
    /* Last: another toll may make tables and mark at this moment, both at once. */
    if (!status)
        status = pragma_read(database, "PRAGMA application_id", &magic, err);
    if (status)
        return status;
    return (tables && magic != database->kind->magic) || version < 0 ? foreign(database, err) : 0;
}

/* Within a transaction, so that of several processes that make the file at once one does it. */
static int bring_forward(struct database *database, struct err *err)
{
    int version = 0, magic = 0, tables = 0;
    int status = pragma_read(database, "PRAGMA user_version", &version, err);
    if (!status)
        status = pragma_read(database, "PRAGMA application_id", &magic, err);
    if (!status)
        status = pragma_read(database, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (status)
        return status;
    if ((tables && magic != database->kind->magic) || version < 0)
        return foreign(database, err);
    for (; version < database->kind->version && !status; version++)
        status = execute(database, database->kind->steps[version], err);
    char *sql = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", database->kind->magic,
                                version);
    if (!sql)
        return err_memory(err);
    if (!status)
        status = execute(database, sql, err);
    sqlite3_free(sql);
    return status;
}

static int migrate(struct database *database, struct err *err)
{
    int version = 0, magic = 0;
    int status = pragma_read(database, "PRAGMA user_version", &version, err);
    if (!status)
        status = pragma_read(database, "PRAGMA application_id", &magic, err);
    if (status)
        return status;
    if (magic == database->kind->magic && version > database->kind->version) {
        err_set(err, ERR_INPUT, "could not open %s '%s': it is of version %d, this toll knows up to %d",
                database->kind->noun, database->path, version, database->kind->version);
        err_hint(err, "a newer toll wrote it: update this one, or choose another file with --store FILE");
        return -ERR_INPUT;
    }
    if (magic == database->kind->magic && version == database->kind->version)
        return 0;
    status = execute(database, "BEGIN IMMEDIATE", err);
    if (status)
        return status;
    status = bring_forward(database, err);
    if (!status)
        return execute(database, "COMMIT", err);
    sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* --- opening --- */

static int choose_path(struct database *database, const char *path, struct err *err)
{
    struct str chosen = {0};
    int status = 0;
    if (path)
        str_append(&chosen, path);
    else
        status = database_default_path(database->kind, &chosen, err);
    if (!status && (chosen.failed || !chosen.text)) /* "" has no text: it is no file's name */
        status = chosen.failed ? err_memory(err)
                               : err_set(err, ERR_ENVIRONMENT, "could not open %s '': no such file",
                                         database->kind->noun);
    if (status) {
        str_free(&chosen);
        return status;
    }
    database->path = chosen.text;
    return 0;
}

static int connect_to(struct database *database, const char *name, int flags, struct err *err)
{
    /* This name SQLite takes for no file at all, and what is written would be lost. */
    name = strcmp(name, ":memory:") == 0 ? "./:memory:" : name;
    int code = sqlite3_open_v2(name, &database->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return refused_as(database, "open",
                          database->handle ? sqlite3_extended_errcode(database->handle) : code, err);
    sqlite3_busy_timeout(database->handle, DATABASE_WAIT_MS);
    return 0;
}

int database_open(struct database *database, const struct database_kind *kind, const char *path,
                  struct err *err)
{
    database->kind = kind;
    int status = choose_path(database, path, err);
    if (!status)
        status = make_folders(database->path, kind->noun, err);
    if (!status)
        status = make_file(database->path, kind->noun, err);
    if (!status)
        status = connect_to(database, database->path, SQLITE_OPEN_READWRITE, err);
    /* Before anything is changed: the log would be another program's from now on as well. */
    if (!status)
        status = when_free(database, "SELECT count(*) FROM sqlite_schema", err);
    if (!status)
        status = check_ownership(database, err);
    if (!status)
        status = when_free(database, SETTINGS, err);
    if (!status)
        status = migrate(database, err);
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
static int connect_to_read(struct database *database, struct err *err)
{
    struct str uri = {0};
    int status = check_kind(database->path, database->kind->noun, err);
    if (!status)
        status = connect_to(database, database->path, SQLITE_OPEN_READONLY, err);
    if (status)
        return status;
    int code = sqlite3_exec(database->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return 0;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
        return database_refused(database, "read", err);
    sqlite3_close(database->handle);
    database->handle = NULL;
    append_uri(&uri, database->path);
    str_append(&uri, "?immutable=1");
    status = uri.failed ? err_memory(err)
                        : connect_to(database, uri.text, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    str_free(&uri);
    return status;
}

static int check_version(struct database *database, struct err *err)
{
    int version = 0;
    int status = pragma_read(database, "PRAGMA user_version", &version, err);
    if (status || version == database->kind->version)
        return status;
    /* One that has no tables yet was just made, or is of a version to be brought forward: that takes a writer. */
    if (version < database->kind->version)
        return migrate(database, err);
    return err_set(err, ERR_INPUT, "could not read %s '%s': it is of version %d, this toll knows up to %d",
                   database->kind->noun, database->path, version, database->kind->version);
}

static int open_there_is(struct database *database, struct err *err)
{
    struct database writable = {0};
    if (access(database->path, W_OK) == 0) {
        if (database_open(&writable, database->kind, database->path, err) == 0) {
            database_close(database);
            *database = writable;
            return 0;
        }
        database_close(&writable);
    }
    int status = connect_to_read(database, err);
    return status ? status : check_version(database, err);
}

int database_open_to_read(struct database *database, const struct database_kind *kind, const char *path,
                          bool *ret_exists, struct err *err)
{
    struct stat about;
    database->kind = kind;
    int status = choose_path(database, path, err);
    if (status)
        return status;
    if (stat(database->path, &about) && (errno == ENOENT || errno == ENOTDIR)) {
        *ret_exists = false;
        return 0;
    }
    status = open_there_is(database, err);
    *ret_exists = !status;
    return status;
}

void database_close(struct database *database)
{
    sqlite3_close(database->handle);
    free(database->path);
    *database = (struct database){.kind = database->kind};
}

int database_text_length(const char *text, size_t limit)
{
    size_t length = strnlen(text, limit + 1);
    if (length <= limit)
        return (int)length;
    length = limit;
    while (length > limit - 4 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return (int)length;
}
