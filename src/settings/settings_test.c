/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings/answering.h"
#include "settings/cgroup.h"

int settings_test(void);

static struct rule_set rules;

static int read_rules(void **state)
{
    (void)state;
    struct err err;
    return rules_built_in(&rules, &err);
}

static int free_rules(void **state)
{
    (void)state;
    rules_free(&rules);
    return 0;
}

/* A path in the test's data. */
static const char *data(const char *name)
{
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", getenv("TOLL_SETTINGS_DATA"), name);
    return path;
}

static void read_server(const char *product, const struct server *server, struct settings *ret_settings)
{
    struct err err = {0};
    if (settings_read(rules_find(&rules, product), server, ret_settings, &err))
        fail_msg("%s", err.what);
}

static void assert_setting(const struct settings *settings, const char *key, const char *value,
                           const char *origin)
{
    const struct setting *setting = settings_find(settings, key);
    if (!setting) {
        fail_msg("'%s' was not read (%s)", key, settings->notes.count ? settings->notes.items[0] : "no note");
        return;
    }
    assert_string_equal(setting->value, value);
    if (!strstr(setting->origin, origin))
        fail_msg("'%s' is not in '%s'", origin, setting->origin);
}

/* A server that is gone: its command line is all that is left. */
static void read_words(const char *product, const char *const *words, size_t count,
                       struct settings *ret_settings)
{
    struct server server = {.words = words, .word_count = count};
    read_server(product, &server, ret_settings);
    assert_false(ret_settings->is_live);
}

static void postgresql_is_read_from_its_files(void **state)
{
    (void)state;
    const char *const words[] = {"/usr/lib/postgresql/15/bin/postgres",
                                 "-D",
                                 data("postgresql"),
                                 "-c",
                                 "fsync=off",
                                 "-c",
                                 "wal_compression=on",
                                 "--random-page-cost=2"};
    struct settings settings;
    read_words("postgresql", words, 8, &settings);
    assert_setting(&settings, "shared_buffers", "128MB", "postgresql.conf:2");
    assert_setting(&settings, "work_mem", "4096", "postgresql.conf:3");
    assert_setting(&settings, "max_wal_size", "8GB", "10-wal.conf:1");
    assert_setting(&settings, "synchronous_commit", "off", "postgresql.auto.conf:1");
    assert_setting(&settings, "wal_compression", "on", "command line");
    assert_setting(&settings, "random_page_cost", "2", "command line");
    assert_setting(&settings, "jit", "on", "built-in default");
    assert_null(settings_find(&settings, "fsync")); /* no rule names it */
    settings_free(&settings);
}

static void redis_is_read_from_its_file_without_secrets(void **state)
{
    (void)state;
    const char *const words[] = {"redis-server", data("redis.conf"), "--hz", "200"};
    struct settings settings;
    read_words("redis", words, 4, &settings);
    assert_setting(&settings, "appendfsync", "always", "redis.conf:4");
    assert_setting(&settings, "tcp-backlog", "128", "redis.conf:6");
    assert_setting(&settings, "hz", "200", "command line");
    assert_setting(&settings, "maxmemory", "0", "built-in default");
    assert_null(settings_find(&settings, "requirepass"));
    settings_free(&settings);
}

static void nginx_is_read_through_its_includes(void **state)
{
    (void)state;
    const char *const words[] = {"nginx:", "master", "process", "nginx", "-c", data("nginx/nginx.conf")};
    struct settings settings;
    read_words("nginx", words, 6, &settings);
    assert_setting(&settings, "worker_processes", "1", "nginx.conf:1");
    assert_setting(&settings, "worker_connections", "256", "nginx.conf:2");
    assert_setting(&settings, "sendfile", "off", "nginx.conf:4");
    assert_setting(&settings, "keepalive_timeout", "0", "site.conf:3");
    assert_setting(&settings, "access_log", "logs/site.log combined", "site.conf:4");
    settings_free(&settings);
}

static void influxdb_and_victoriametrics_are_read_without_their_servers(void **state)
{
    (void)state;
    const char *const influxd[] = {"influxd", "-config", data("influxdb.conf")},
                      *const victoria[] = {"victoria-metrics", "-memory.allowedPercent=20",
                                           "--search.disableCache", "-retentionPeriod=1"};
    struct settings settings;
    read_words("influxdb", influxd, 3, &settings);
    assert_setting(&settings, "data.wal-fsync-delay", "0s", "influxdb.conf:4");
    assert_setting(&settings, "data.index-version", "inmem", "influxdb.conf:5");
    assert_setting(&settings, "http.log-enabled", "false", "influxdb.conf:7");
    settings_free(&settings);
    read_words("victoriametrics", victoria, 4, &settings);
    assert_setting(&settings, "memory.allowedPercent", "20", "command line");
    assert_setting(&settings, "search.disableCache", "true", "command line");
    settings_free(&settings);
}

static void clickhouse_and_questdb_are_read_from_their_files(void **state)
{
    (void)state;
    char config[600];
    snprintf(config, sizeof config, "--config-file=%s", data("clickhouse/config.xml"));
    const char *const clickhouse[] = {"clickhouse-server", config}, *const questdb[] = {"java", "-d",
                                                                                        data("questdb")};
    struct settings settings;
    read_words("clickhouse", clickhouse, 2, &settings);
    assert_setting(&settings, "server.max_concurrent_queries", "50", "more.xml:1");
    assert_setting(&settings, "server.mark_cache_size", "5368709120", "config.xml:5");
    assert_setting(&settings, "merge_tree.fsync_after_insert", "1", "config.xml:8");
    assert_setting(&settings, "max_threads", "1", "users.xml:1");
    settings_free(&settings);
    read_words("questdb", questdb, 3, &settings);
    assert_setting(&settings, "cairo.wal.enabled.default", "false", "server.conf:3");
    assert_setting(&settings, "cairo.commit.mode", "sync", "server.conf:4");
    assert_null(
        settings_find(&settings, "line.tcp.writer.worker.count")); /* a comment, and no known default */
    assert_null(settings_find(&settings, "pg.password"));
    settings_free(&settings);
}

static void a_server_of_http_says_its_settings_itself(void **state)
{
    (void)state;
    /* As the documentation of VictoriaMetrics and of ClickHouse shows their pages. */
    static const char *const flags[] = {
        "HTTP/1.1 200 OK\r\n\r\n-memory.allowedPercent=\"30\"\n-search.disableCache=\"true\"\n"};
    static const char *const tables[] = {"HTTP/1.1 200 OK\r\n\r\nmax_threads\t4\nasync_insert\t0\n",
                                         "HTTP/1.1 200 OK\r\n\r\nfsync_after_insert\t1\n",
                                         "HTTP/1.1 404 Not Found\r\n\r\n"};
    struct answering answering;
    struct settings settings;
    char listens[64];
    answering_start(&answering, flags, 1);
    snprintf(listens, sizeof listens, "-httpListenAddr=%s", answering.address);
    const char *const words[] = {"victoria-metrics", "-retentionPeriod=1", listens};
    /* The recording saw another port of it, which is not asked. */
    struct server server = {.address = "127.0.0.1:2003", .words = words, .word_count = 3, .may_ask = true};
    read_server("victoriametrics", &server, &settings);
    assert_true(settings.is_live);
    assert_setting(&settings, "memory.allowedPercent", "30", "live");
    assert_non_null(strstr(str_text(&answering.asked), "GET /flags HTTP/1.1\r\n"));
    settings_free(&settings);
    answering_stop(&answering);

    answering_start(&answering, tables, 3);
    server.address = answering.address;
    read_server("clickhouse", &server, &settings);
    assert_setting(&settings, "max_threads", "4", "live");
    assert_setting(&settings, "merge_tree.fsync_after_insert", "1", "live");
    settings_free(&settings);
    answering_stop(&answering);
}

static void questdb_is_asked_at_the_port_of_its_file(void **state)
{
    (void)state;
    /* As QuestDB's documentation shows SHOW PARAMETERS. */
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "dd\r\n{\"query\":\"SHOW PARAMETERS\",\"columns\":[{\"name\":\"property_path\",\"type\":\"STRING\"},"
        "{\"name\":\"env_var_name\",\"type\":\"STRING\"},{\"name\":\"value\",\"type\":\"STRING\"}],"
        "\"dataset\":["
        "[\"cairo.wal.enabled.default\",\"QDB_X\",\"false\"]],\"count\":1}\r\n0\r\n\r\n"};
    char folder[] = "/tmp/toll-questdb-XXXXXX", path[96];
    struct answering answering;
    struct settings settings;
    answering_start(&answering, answers, 1);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/conf", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/conf/server.conf", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "http.bind.to=0.0.0.0%s\n", strchr(answering.address, ':'));
    fclose(file);
    const char *const words[] = {"java", "-d", folder};
    /* The recording saw the line protocol, which is not asked. */
    struct server server = {.address = "127.0.0.1:9009", .words = words, .word_count = 3, .may_ask = true};
    read_server("questdb", &server, &settings);
    assert_setting(&settings, "cairo.wal.enabled.default", "false", "live");
    settings_free(&settings);
    answering_stop(&answering);
    unlink(path);
    snprintf(path, sizeof path, "%s/conf", folder);
    rmdir(path);
    rmdir(folder);
}

static void a_server_that_refuses_is_told_and_its_files_are_read(void **state)
{
    (void)state;
    static const char *const answers[] = {"-NOAUTH Authentication required.\r\n"};
    const char *const words[] = {"redis-server", data("redis.conf")};
    struct answering answering;
    struct settings settings;
    answering_start(&answering, answers, 1);
    struct server server = {.address = answering.address, .words = words, .word_count = 2, .may_ask = true};
    read_server("redis", &server, &settings);
    assert_false(settings.is_live);
    assert_int_equal(settings.notes.count, 1);
    assert_non_null(strstr(settings.notes.items[0], "NOAUTH"));
    assert_setting(&settings, "appendfsync", "always", "redis.conf:4");
    settings_free(&settings);
    answering_stop(&answering);
}

static void the_kernel_and_the_control_group_are_read(void **state)
{
    (void)state;
    struct settings settings;
    struct server server = {.may_ask = true};
    struct cgroup_limits limits;
    read_server("kernel", &server, &settings);
    assert_true(settings.is_live);
    assert_non_null(settings_find(&settings, "vm.swappiness"));
    assert_non_null(settings_find(&settings, "limit.nofile"));
    assert_true(settings.facts.ram_bytes > 0x1p20);
    assert_true(settings.facts.cores >= 1);
    settings_free(&settings);
    read_server("cgroup", &server, &settings);
    cgroup_limits((uint64_t)getpid(), &limits);
    assert_true(limits.throttled_ratio >= 0 && limits.throttled_ratio <= 1);
    assert_int_equal(settings.is_live, limits.path[0] != '\0');
    settings_free(&settings);
}

static void a_product_is_known_by_its_program_its_port_or_its_socket(void **state)
{
    (void)state;
    const char *const java[] = {"java", "-m", "io.questdb/io.questdb.ServerMain", "-d", "/data"};
    assert_string_equal(settings_product(&rules, "postgres", NULL, 0, "127.0.0.1:6379"), "postgresql");
    assert_string_equal(settings_product(&rules, "victoria-metric", NULL, 0, NULL), "victoriametrics");
    assert_string_equal(settings_product(&rules, "java", java, 5, "127.0.0.1:9009"), "questdb");
    assert_null(settings_product(&rules, "java", NULL, 0, "127.0.0.1:5432"));
    assert_string_equal(settings_product(&rules, NULL, NULL, 0, "192.0.2.1:6379"), "redis");
    assert_string_equal(settings_product(&rules, NULL, NULL, 0, "/run/postgresql/.s.PGSQL.5432"),
                        "postgresql");
    assert_null(settings_product(&rules, NULL, NULL, 0, "127.0.0.1:1"));
    assert_true(settings_is_local("127.0.0.1:1") && settings_is_local("[::1]:1") &&
                settings_is_local("/run/a"));
    assert_false(settings_is_local("192.0.2.1:1") || settings_is_local(NULL));
}

int settings_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgresql_is_read_from_its_files),
        cmocka_unit_test(redis_is_read_from_its_file_without_secrets),
        cmocka_unit_test(nginx_is_read_through_its_includes),
        cmocka_unit_test(influxdb_and_victoriametrics_are_read_without_their_servers),
        cmocka_unit_test(clickhouse_and_questdb_are_read_from_their_files),
        cmocka_unit_test(a_server_of_http_says_its_settings_itself),
        cmocka_unit_test(questdb_is_asked_at_the_port_of_its_file),
        cmocka_unit_test(a_server_that_refuses_is_told_and_its_files_are_read),
        cmocka_unit_test(the_kernel_and_the_control_group_are_read),
        cmocka_unit_test(a_product_is_known_by_its_program_its_port_or_its_socket),
    };
    return cmocka_run_group_tests(tests, read_rules, free_rules);
}
