/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client_names.h"

#include <stdlib.h>
#include <string.h>

/* Of a program's name the kernel keeps so many characters. */
#define COMM_LENGTH 15

/* --- libraries --- */

const struct client_library client_libraries[] = {
    {.name = "psycopg2",
     .module = "psycopg2",
     .protocol = PROTOCOL_POSTGRES,
     .fixes =
         {[CLIENT_SENDS_SINGLY] =
              "psycopg2.extras.execute_values() with pages of 1000 rows, or cursor.copy_expert('COPY … FROM "
              "STDIN'); executemany() sends row by row too; one commit() for many rows",
          [CLIENT_ASKS_SINGLY] =
              "one query for many keys (WHERE id = ANY(%s) with a list) or a join instead of one each",
          [CLIENT_CONNECTS_EACH] = "keep the connection, or psycopg2.pool.ThreadedConnectionPool"},
     .source = "psycopg2 documentation, \"Fast execution helpers\""},
    {.name = "psycopg 3",
     .module = "psycopg_c",
     .protocol = PROTOCOL_POSTGRES,
     .fixes =
         {[CLIENT_SENDS_SINGLY] = "cursor.copy('COPY … FROM STDIN'), or executemany(), which uses pipeline "
                                  "mode; one commit() for "
                                  "many rows",
          [CLIENT_ASKS_SINGLY] =
              "one query for many keys (WHERE id = ANY(%s)), or with conn.pipeline(): around the questions",
          [CLIENT_CONNECTS_EACH] = "psycopg_pool.ConnectionPool"},
     .source = "psycopg 3 documentation, \"Pipeline mode support\" and \"Using COPY TO and COPY FROM\""},
    {.name = "asyncpg",
     .module = "asyncpg",
     .protocol = PROTOCOL_POSTGRES,
     .fixes = {[CLIENT_SENDS_SINGLY] = "copy_records_to_table(), or executemany() with many rows at once",
               [CLIENT_ASKS_SINGLY] = "one query for many keys (WHERE id = ANY($1)) instead of one each",
               [CLIENT_CONNECTS_EACH] = "asyncpg.create_pool()"},
     .source = "asyncpg documentation, \"API Reference\""},
    {.name = "libpq",
     .module = "libpq.so",
     .protocol = PROTOCOL_POSTGRES,
     .fixes =
         {[CLIENT_SENDS_SINGLY] =
              "COPY … FROM STDIN (PQputCopyData), or INSERT of many rows, or PQexecPrepared in pipeline mode "
              "(PQenterPipelineMode); one COMMIT for many rows",
          [CLIENT_ASKS_SINGLY] = "one query for many keys (WHERE id = ANY($1)) or a join; else pipeline mode "
                                 "(PQenterPipelineMode), which sends questions ahead of the answers",
          [CLIENT_CONNECTS_EACH] = "keep one PGconn, or put a pool (PgBouncer) between"},
     .source = "PostgreSQL documentation, \"libpq: Pipeline Mode\" and \"Populating a Database\""},
    {.name = "libmysqlclient",
     .module = "libmysqlclient",
     .protocol = PROTOCOL_MYSQL,
     .fixes = {[CLIENT_SENDS_SINGLY] =
                   "INSERT … VALUES of many rows, or LOAD DATA LOCAL INFILE; one COMMIT for many rows",
               [CLIENT_ASKS_SINGLY] = "one query for many keys (WHERE id IN (…)) or a join",
               [CLIENT_CONNECTS_EACH] = "keep one MYSQL handle"},
     .source = "MySQL manual, \"Optimizing INSERT Statements\""},
    {.name = "libmariadb",
     .module = "libmariadb",
     .protocol = PROTOCOL_MYSQL,
     .fixes = {[CLIENT_SENDS_SINGLY] =
                   "bulk binding (STMT_ATTR_ARRAY_SIZE), INSERT of many rows, or LOAD DATA LOCAL INFILE",
               [CLIENT_ASKS_SINGLY] = "one query for many keys (WHERE id IN (…)) or a join",
               [CLIENT_CONNECTS_EACH] = "keep one MYSQL handle"},
     .source = "MariaDB Connector/C documentation, \"Bulk Insert\""},
    {.name = "hiredis",
     .module = "libhiredis",
     .protocol = PROTOCOL_REDIS,
     .fixes = {[CLIENT_SENDS_SINGLY] =
                   "redisAppendCommand() for many, then redisGetReply() for each; or MSET",
               [CLIENT_ASKS_SINGLY] = "redisAppendCommand() for many, then redisGetReply() for each; or MGET",
               [CLIENT_CONNECTS_EACH] = "keep one redisContext"},
     .source = "hiredis README, \"Pipelining\""},
    {.name = "libmemcached",
     .module = "libmemcached",
     .protocol = PROTOCOL_MEMCACHED,
     .fixes = {[CLIENT_SENDS_SINGLY] = "MEMCACHED_BEHAVIOR_NOREPLY, or MEMCACHED_BEHAVIOR_BUFFER_REQUESTS",
               [CLIENT_ASKS_SINGLY] = "memcached_mget()",
               [CLIENT_CONNECTS_EACH] = "keep one memcached_st"},
     .source = "libMemcached documentation, \"memcached_behavior\""},
    {.name = "librdkafka",
     .module = "librdkafka",
     .protocol = PROTOCOL_KAFKA,
     .fixes =
         {[CLIENT_SENDS_SINGLY] =
              "linger.ms of 5 or more and a larger batch.size, and no rd_kafka_flush() after each message",
          [CLIENT_FLUSHES_EACH] = "linger.ms of 5 or more and a larger batch.size",
          [CLIENT_CONNECTS_EACH] = "keep one rd_kafka_t"},
     .source = "librdkafka CONFIGURATION.md"},
    {.name = "libsqlite3",
     .module = "libsqlite3",
     .protocol = PROTOCOL_SQLITE,
     .fixes = {[CLIENT_SYNCS_EACH] =
                   "BEGIN … COMMIT around many INSERTs; PRAGMA journal_mode=WAL, synchronous=NORMAL",
               [CLIENT_SMALL_PIECES] = "PRAGMA page_size and cache_size larger, PRAGMA mmap_size"},
     .source = "SQLite FAQ, \"INSERT is really slow\""},
    {.name = "urllib3",
     .module = "urllib3",
     .protocol = PROTOCOL_HTTP,
     .fixes = {[CLIENT_ASKS_SINGLY] =
                   "ask for several things in one request, or from several threads (pool maxsize)",
               [CLIENT_CONNECTS_EACH] = "one requests.Session() (or urllib3.PoolManager) for all requests"},
     .source = "Requests documentation, \"Session Objects\""},
    {.name = "libcurl",
     .module = "libcurl",
     .protocol = PROTOCOL_HTTP,
     .fixes = {[CLIENT_SENDS_SINGLY] =
                   "one request with many records in its body; CURLOPT_UPLOAD_BUFFERSIZE larger",
               [CLIENT_ASKS_SINGLY] =
                   "the multi interface (curl_multi_perform), with CURLPIPE_MULTIPLEX over HTTP/2",
               [CLIENT_CONNECTS_EACH] =
                   "one easy handle kept for all requests (curl_easy_reset), or CURL_LOCK_DATA_CONNECT",
               [CLIENT_SMALL_PIECES] = "CURLOPT_BUFFERSIZE of 102400 or more"},
     .source = "libcurl documentation, \"Everything curl: connection reuse\""},
    {.name = "curl",
     .process = "curl",
     .protocol = PROTOCOL_HTTP,
     .fixes = {[CLIENT_CONNECTS_EACH] =
                   "one curl for many URLs (curl -K LIST, --parallel), which keeps its connections",
               [CLIENT_ASKS_SINGLY] = "curl --parallel --parallel-max N with all URLs at once"},
     .source = "curl manual, --config and --parallel"},
    {.name = "Node.js",
     .process = "node",
     .fixes = {[CLIENT_CONNECTS_EACH] =
                   "an http.Agent({keepAlive: true}) for all requests; a pool (pg.Pool) for databases",
               [CLIENT_ASKS_SINGLY] = "await Promise.all(…) over several at once instead of await in the "
                                      "loop; one query for many keys",
               [CLIENT_SENDS_SINGLY] =
                   "one statement with many rows (unnest), or a COPY stream, instead of await in the loop"},
     .source = "Node.js documentation, \"http.Agent\""},
    {.name = "Java",
     .process = "java",
     .fixes = {[CLIENT_SENDS_SINGLY] =
                   "addBatch() and executeBatch() with reWriteBatchedInserts=true, or CopyManager",
               [CLIENT_ASKS_SINGLY] =
                   "fetch with one query (JOIN FETCH, @BatchSize) instead of one for each row",
               [CLIENT_CONNECTS_EACH] =
                   "a connection pool (HikariCP); one java.net.http.HttpClient for all requests"},
     .source = "PostgreSQL JDBC documentation, reWriteBatchedInserts"},
};
const size_t client_library_count = sizeof client_libraries / sizeof client_libraries[0];

/* --- protocols --- */

struct protocol_row {
    const char *name;
    const char *servers[6]; /* programs */
    unsigned ports[6];
    const char *fixes[CLIENT_HABIT_COUNT];
    const char *source;
};

static const struct protocol_row protocols[PROTOCOL_COUNT] = {
    [PROTOCOL_UNKNOWN] =
        {.name = "the server",
         .fixes = {[CLIENT_SENDS_SINGLY] = "send many pieces at once, and wait once for all of them",
                   [CLIENT_ASKS_SINGLY] =
                       "ask for many things at once, or send questions ahead of the answers",
                   [CLIENT_CONNECTS_EACH] = "keep connections open and use them again",
                   [CLIENT_FLUSHES_EACH] =
                       "collect what is sent in a buffer of 64 KiB (auto-flush by rows and by time)",
                   [CLIENT_SMALL_PIECES] = "read and write through a buffer of 64 KiB or more",
                   [CLIENT_SYNCS_EACH] = "sync once for a batch of records, not for each"}},
    [PROTOCOL_POSTGRES] =
        {.name = "PostgreSQL",
         .servers = {"postgres", "postmaster", "pgbouncer"},
         .ports = {5432, 6432},
         .fixes = {[CLIENT_SENDS_SINGLY] =
                       "COPY … FROM STDIN, or INSERT of many rows at once; one COMMIT for many rows",
                   [CLIENT_ASKS_SINGLY] = "one query for many keys (WHERE id = ANY($1)) or a join instead of "
                                          "one query each; else pipelining",
                   [CLIENT_CONNECTS_EACH] =
                       "keep the connection, or a pool (PgBouncer): PostgreSQL starts a process for each"},
         .source = "PostgreSQL documentation, \"Populating a Database\""},
    [PROTOCOL_MYSQL] = {.name = "MySQL",
                        .servers = {"mysqld", "mariadbd"},
                        .ports = {3306},
                        .fixes = {[CLIENT_SENDS_SINGLY] =
                                      "INSERT … VALUES of many rows, or LOAD DATA; one COMMIT for many rows",
                                  [CLIENT_ASKS_SINGLY] =
                                      "one query for many keys (WHERE id IN (…)) or a join"},
                        .source = "MySQL manual, \"Optimizing INSERT Statements\""},
    [PROTOCOL_REDIS] = {.name = "Redis",
                        .servers = {"redis-server", "valkey-server", "keydb-server"},
                        .ports = {6379},
                        .fixes = {[CLIENT_SENDS_SINGLY] =
                                      "pipelining (send many commands, then read their answers), or MSET",
                                  [CLIENT_ASKS_SINGLY] =
                                      "pipelining (send many commands, then read their answers), or MGET"},
                        .source = "Redis documentation, \"Redis pipelining\""},
    [PROTOCOL_MEMCACHED] =
        {.name = "memcached",
         .servers = {"memcached"},
         .ports = {11211},
         .fixes = {[CLIENT_ASKS_SINGLY] = "get with many keys", [CLIENT_SENDS_SINGLY] = "set with noreply"},
         .source = "memcached documentation, protocol.txt"},
    [PROTOCOL_HTTP] =
        {.name = "HTTP",
         .servers = {"nginx", "victoria-metrics", "influxd", "clickhouse-server", "apache2", "haproxy"},
         .ports = {80, 8080, 443, 8428, 8086, 8123},
         .fixes = {[CLIENT_SENDS_SINGLY] = "many records in the body of one request",
                   [CLIENT_ASKS_SINGLY] =
                       "several requests at once over several connections, or over one with HTTP/2",
                   [CLIENT_CONNECTS_EACH] =
                       "keep-alive: one connection (one client object) for all requests"},
         .source = "RFC 9112, section 9.3 (persistence)"},
    [PROTOCOL_INFLUX_LINE] =
        {.name = "line protocol",
         .servers = {NULL},
         .ports = {9009},
         .fixes = {[CLIENT_FLUSHES_EACH] =
                       "auto-flush by rows (75,000 is usual) and time (1 s), not each row"},
         .source = "QuestDB documentation, \"InfluxDB Line Protocol: flush\""},
    [PROTOCOL_KAFKA] = {.name = "Kafka",
                        .servers = {NULL},
                        .ports = {9092},
                        .fixes = {[CLIENT_SENDS_SINGLY] = "a larger linger.ms and batch.size"},
                        .source = "Kafka documentation, producer configuration"},
    [PROTOCOL_SQLITE] = {.name = "SQLite",
                         .servers = {NULL},
                         .ports = {0},
                         .fixes = {[CLIENT_SYNCS_EACH] = "one transaction for many INSERTs"},
                         .source = "SQLite FAQ, \"INSERT is really slow\""},
};

static unsigned long port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon ? strtoul(colon + 1, NULL, 10) : 0;
}

enum client_protocol client_protocol_of(const char *server, const char *address)
{
    for (int i = 1; server && i < PROTOCOL_COUNT; i++)
        for (size_t j = 0; j < sizeof protocols[i].servers / sizeof protocols[i].servers[0]; j++)
            if (protocols[i].servers[j] && strncmp(protocols[i].servers[j], server, COMM_LENGTH) == 0)
                return (enum client_protocol)i;
    if (!address)
        return PROTOCOL_UNKNOWN;
    if (strstr(address, ".s.PGSQL."))
        return PROTOCOL_POSTGRES;
    unsigned long port = port_of(address);
    for (int i = 1; port && i < PROTOCOL_COUNT; i++)
        for (size_t j = 0; j < sizeof protocols[i].ports / sizeof protocols[i].ports[0]; j++)
            if (protocols[i].ports[j] == port)
                return (enum client_protocol)i;
    return PROTOCOL_UNKNOWN;
}

const char *client_protocol_name(enum client_protocol protocol)
{
    return protocol < PROTOCOL_COUNT ? protocols[protocol].name : protocols[PROTOCOL_UNKNOWN].name;
}

const char *client_fix(const struct client_library *library, enum client_protocol protocol,
                       enum client_habit habit)
{
    const char *fix = library ? library->fixes[habit] : NULL;
    if (!fix)
        fix = protocols[protocol].fixes[habit];
    if (!fix)
        fix = protocols[PROTOCOL_UNKNOWN].fixes[habit];
    return fix ? fix : "";
}

const char *client_fix_source(const struct client_library *library, enum client_protocol protocol)
{
    return library && library->source ? library->source : protocols[protocol].source;
}

const char *client_habit_cause(enum client_habit habit)
{
    switch (habit) {
    case CLIENT_SENDS_SINGLY:
    case CLIENT_FLUSHES_EACH: return "small-batches";
    case CLIENT_ASKS_SINGLY: return "chatty-client";
    case CLIENT_CONNECTS_EACH: return "connection-churn";
    case CLIENT_SMALL_PIECES: return "unbuffered-io";
    case CLIENT_SYNCS_EACH: return "disk-sync";
    case CLIENT_FINE:
    case CLIENT_HABIT_COUNT: break;
    }
    return "network-wait";
}

const char *client_habit_name(enum client_habit habit)
{
    switch (habit) {
    case CLIENT_SENDS_SINGLY: return "row by row";
    case CLIENT_FLUSHES_EACH: return "flushed one by one";
    case CLIENT_ASKS_SINGLY: return "question by question";
    case CLIENT_CONNECTS_EACH: return "a connection for each request";
    case CLIENT_SMALL_PIECES: return "in small pieces";
    case CLIENT_SYNCS_EACH: return "a sync for each record";
    case CLIENT_FINE:
    case CLIENT_HABIT_COUNT: break;
    }
    return "fine";
}
