/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/imported.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void import_input(struct imported *imported, const struct ingest_input *input, const char *reader,
                         const char *event)
{
    const struct ingest_choice choice = {.event = event};
    const struct ingest_reader *found = ingest_probe(input);
    dataset_init(&imported->data);
    assert_non_null(found);
    assert_string_equal(found->name, reader);
    imported->result = (struct ingest_result){0};
    imported->err = (struct err){0};
    imported->status =
        ingest_read(found, input, &choice, &imported->data.sink, &imported->result, &imported->err);
}

void imported_from_path(struct imported *imported, const char *path, const char *reader, const char *event)
{
    struct str whole = {0};
    str_printf(&whole, "%s/%s", getenv("TOLL_TEST_DATA"), path);
    assert_int_equal(ingest_open(str_text(&whole), &imported->file, NULL), 0);
    import_input(imported, &imported->file.input, reader, event);
    str_free(&whole);
}

void imported_from_text(struct imported *imported, const char *text, const char *reader)
{
    const struct ingest_input input = {.path = "a file", .bytes = text, .length = strlen(text)};
    imported->file = (struct ingest_file){0};
    import_input(imported, &input, reader, NULL);
}

void imported_deinit(struct imported *imported)
{
    ingest_result_deinit(&imported->result);
    dataset_deinit(&imported->data);
    ingest_close(&imported->file);
}
