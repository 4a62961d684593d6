/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/file_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int file_key_test(void);

static void assert_becomes(const char *path, const char *text, const char *key, const char *value,
                           const char *expected)
{
    struct str changed = {0};
    struct err err = {0};
    if (file_key_change(text, strlen(text), path, key, value, &changed, &err))
        fail_msg("%s %s=%s: %s", path, key, value, err.what);
    assert_string_equal(str_text(&changed), expected);
    str_free(&changed);
}

static void assert_refused(const char *path, const char *text, const char *key, const char *value,
                           const char *why)
{
    struct str changed = {0};
    struct err err = {0};
    if (!file_key_change(text, strlen(text), path, key, value, &changed, &err))
        fail_msg("%s %s=%s was done: %s", path, key, value, str_text(&changed));
    if (!strstr(err.what, why))
        fail_msg("'%s' is not in '%s'", why, err.what);
    assert_int_equal(changed.length, 0);
    str_free(&changed);
}

static void json_changes_in_one_place(void **state)
{
    (void)state;
    assert_becomes("a.json",
                   "{\n\t\"pool\": {\"size\": 4, \"name\": \"x\"},\n\t\"b\": [1, {\"port\": 80}]}\n",
                   "pool.size", "16",
                   "{\n\t\"pool\": {\"size\": 16, \"name\": \"x\"},\n\t\"b\": [1, {\"port\": 80}]}\n");
    assert_becomes("a.json", "{\"b\": [1, {\"port\": 80}]}", "b.1.port", "81",
                   "{\"b\": [1, {\"port\": 81}]}");
    assert_becomes("a.json", "{\"a.b\": \"x\"}", "a.b", "say \"y\"", "{\"a.b\": \"say \\\"y\\\"\"}");
    assert_becomes("a.json", "{\"a\": 1}", "a", "fast", "{\"a\": \"fast\"}");
    assert_becomes("a.json", "{\"a\": \"\"}", "a", "1", "{\"a\": \"1\"}");
}

static void yaml_keeps_its_comments_and_quotes(void **state)
{
    (void)state;
    assert_becomes("a.yaml", "# top\npool:\n  size: 4   # of connections\n  'q': 'it''s'\n", "pool.size",
                   "16", "# top\npool:\n  size: 16   # of connections\n  'q': 'it''s'\n");
    assert_becomes("a.yml", "q: 'it''s'\n", "q", "he's", "q: 'he''s'\n");
    assert_becomes("a.yaml", "mode: fast\n", "mode", "a: b", "mode: 'a: b'\n");
}

static void lines_change_within_their_section(void **state)
{
    (void)state;
    assert_becomes("a.ini", "[one]\nsize = 4\n[two]\nsize = 5 ; five\n", "two.size", "9",
                   "[one]\nsize = 4\n[two]\nsize = 9 ; five\n");
    assert_becomes("server.conf", "# line.tcp.writers=1\nline.tcp.writers=2\n", "line.tcp.writers", "8",
                   "# line.tcp.writers=1\nline.tcp.writers=8\n");
    assert_becomes("redis.conf", "maxmemory 100mb\nsave \"900 1\"\n", "maxmemory", "200mb",
                   "maxmemory 200mb\nsave \"900 1\"\n");
    assert_becomes("redis.conf", "save \"900 1\"", "save", "60 1", "save \"60 1\"");
    assert_becomes("nginx.conf", "events {\n    worker_connections 768;\n}\n", "worker_connections", "1024",
                   "events {\n    worker_connections 1024;\n}\n");
    assert_becomes("postgresql.conf", "a = 1\nshared_buffers = 128MB\t# min 128kB\r\n", "shared_buffers",
                   "1GB", "a = 1\nshared_buffers = 1GB\t# min 128kB\r\n");
    assert_becomes("x.conf", "a=1\nb=2\na=3\n", "a", "4", "a=1\nb=2\na=4\n");
    assert_becomes("x.conf", "a=\n", "a", "4", "a=4\n");
}

static void what_cannot_be_set_is_left_alone(void **state)
{
    (void)state;
    assert_refused("a.json", "{\"a\": {\"b\": 1}}", "a", "2", "it is no single value");
    assert_refused("a.json", "{\"a\": 1}", "b", "2", "it is not there");
    assert_refused("a.json", "{\"a\": ", "a", "2", "could not read YAML");
    assert_refused("a.yaml", "a: &x 1\nb: *x\n", "b", "2", "it is an alias");
    assert_refused("a.yaml", "a: |\n  text\n", "a", "2", "it is a block of text");
    assert_refused("a.ini", "[one]\nsize = 4\n", "size", "5", "it is not there");
    assert_refused("a.ini", "size = \"4\"\n", "size", "5\"", "holds a \"");
    assert_refused("a.ini", "size = 4\n", "size", "5 # six", "it reads '5' then");
    assert_refused("a.ini", "size = 4\n", "size", "5\nother = 6", "a byte that is no text");
}

int file_key_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_changes_in_one_place),
        cmocka_unit_test(yaml_keeps_its_comments_and_quotes),
        cmocka_unit_test(lines_change_within_their_section),
        cmocka_unit_test(what_cannot_be_set_is_left_alone),
    };
    return cmocka_run_group_tests_name("file_key", tests, NULL, NULL);
}
