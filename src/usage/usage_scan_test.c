/* SPDX-License-Identifier: Apache-2.0 */
/* Files enough for several threads: nothing is lost, and rows lie in the order of paths. */
#include "usage/usage_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

int usage_scan_test(void);

#define FILES        6
#define LINES        200
#define FILLER_BYTES 4000 /* more than 2 MB in all: less is read by one thread */

static void file_write(const char *folder, int number, struct str *path)
{
    struct str text = {0};
    struct err err;
    char filler[FILLER_BYTES + 1];
    memset(filler, 'x', FILLER_BYTES);
    filler[FILLER_BYTES] = '\0';
    for (int i = 0; i < LINES; i++) {
        str_printf(&text, "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"%s\"}}\n", filler);
        str_printf(&text,
                   "{\"type\":\"assistant\",\"sessionId\":\"s%d\",\"timestamp\":\"2026-11-20T10:00:00.000Z\","
                   "\"message\":{"
                   "\"id\":\"m%d-%d\",\"model\":\"claude\",\"role\":\"assistant\",\"stop_reason\":\"end_"
                   "turn\",\"content\":[],"
                   "\"usage\":{\"input_tokens\":%d,\"output_tokens\":1}}}\n",
                   number, number, i, number);
    }
    str_clear(path);
    str_printf(path, "%s/s%d.jsonl", folder, number);
    assert_int_equal(fs_replace(path->text, str_text(&text), text.length, 0600, &err), 0);
    str_free(&text);
}

static void many_files_are_read_side_by_side_and_kept_in_order(void **state)
{
    (void)state;
    char folder[] = "/tmp/toll-usage-XXXXXX";
    struct str path = {0};
    struct err err;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < FILES; i++)
        file_write(folder, i, &path);
    for (int round = 0; round < 3; round++) {
        struct scan_request request = {.source = &claude_source, .place = folder, .no_index = true};
        struct usage_shelf shelf;
        struct scan_facts facts;
        assert_int_equal(usage_scan(&request, &shelf, &facts, &err), 0);
        assert_int_equal(facts.read_count, FILES);
        assert_int_equal(shelf.calls.count, FILES * LINES);
        for (size_t i = 0; i < shelf.calls.count; i++)
            assert_int_equal(shelf.calls.items[i].tokens.input, i / LINES);
        shelf_free(&shelf);
    }
    for (int i = 0; i < FILES; i++) {
        str_clear(&path);
        str_printf(&path, "%s/s%d.jsonl", folder, i);
        unlink(path.text);
    }
    assert_int_equal(rmdir(folder), 0);
    str_free(&path);
}

int usage_scan_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_files_are_read_side_by_side_and_kept_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
