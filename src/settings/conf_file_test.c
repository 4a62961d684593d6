/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/conf_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

int conf_file_test(void);

static int collect(void *context, const char *key, const char *value, unsigned line, struct err *err)
{
    (void)err;
    str_printf(context, "%u %s=%s|", line, key, value);
    return 0;
}

static void assert_read(enum conf_form form, const char *text, const char *wanted)
{
    struct str told = {0};
    struct err err = {0};
    assert_int_equal(conf_text(text, strlen(text), form, collect, &told, &err), 0);
    assert_string_equal(str_text(&told), wanted);
    str_free(&told);
}

static void lines_have_keys_and_values(void **state)
{
    (void)state;
    assert_read(
        CONF_EQUALS,
        "# comment\n"
        "shared_buffers = 128MB\t\t# min 128kB\n"
        "  log_line_prefix = '%m [%p] it''s # '\r\n"
        "port 5432\n"
        "search_path='a', \"b\"\n"
        "empty =\n",
        "2 shared_buffers=128MB|3 log_line_prefix=%m [%p] it's # |4 port=5432|5 search_path=a|6 empty=|");
    assert_read(CONF_BLANK, "save 900 1 10\nrequirepass \"a b\"\n\nappendonly   no\nalone\n",
                "1 save=900 1 10|2 requirepass=a b|4 appendonly=no|");
    assert_read(
        CONF_INI,
        "reporting-disabled = true\n[data]\n  dir = \"/var\"\n[[graphite]]\n enabled = false # no\nalone\n",
        "1 reporting-disabled=true|3 data.dir=/var|5 graphite.enabled=false|");
}

static void blocks_of_nginx_are_names(void **state)
{
    (void)state;
    assert_read(CONF_NGINX,
                "worker_processes 1; # one\n"
                "http {\n"
                "  log_format a '$x;\n $y';\n"
                "  server { listen 80 default; location / { gzip on; } }\n"
                "}\n"
                "cut",
                "1 worker_processes=1|3 http.log_format=a $x;\n $y|5 http.server.listen=80 default|"
                "5 http.server.location.gzip=on|");
}

static void elements_and_members_are_names(void **state)
{
    (void)state;
    assert_read(
        CONF_XML,
        "<?xml version=\"1.0\"?>\n<yandex>\n <!-- <a>1</a> -->\n <mark_cache_size>5</mark_cache_size>\n"
        " <profiles><default x='y'><max_threads> 8 </max_threads></default></profiles><empty/>\n</yandex>",
        "4 mark_cache_size=5|5 profiles.default.max_threads=8|");
    assert_read(CONF_JSON, "{\"a\": {\"b\": 1.5, \"c\": [1]}, \"d\": true, \"e\": \"x\"}",
                "0 a.b=1.5|0 d=true|0 e=x|");
    assert_read(CONF_JSON, "no json", "");
    assert_read(CONF_XML, "<a><b>1</b><c", "1 b=1|");
}

int conf_file_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_keys_and_values),
        cmocka_unit_test(blocks_of_nginx_are_names),
        cmocka_unit_test(elements_and_members_are_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
