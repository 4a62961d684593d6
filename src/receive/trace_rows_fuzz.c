/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any bytes as a request of OTLP, told twice, into rows, in windows of a few spans. Each span has one row; a parent is a row that is
 * there, or none; nobody wakes himself.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/map.h"
#include "model/dataset.h"
#include "receive/trace_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t cell(const struct dataset *dataset, enum table_id table, size_t column, size_t row)
{
    return dataset->columns[table][column].items[row];
}

static void check_rows(const struct dataset *dataset)
{
    struct map ids = {0};
    size_t spans = (size_t)dataset->view.row_count(&dataset->view, TABLE_SPAN);
    size_t waits = (size_t)dataset->view.row_count(&dataset->view, TABLE_WAIT);
    for (size_t i = 0; i < spans; i++) {
        uint64_t id = cell(dataset, TABLE_SPAN, COLUMN(span, id), i);
        assert(id && !map_get(&ids, id));
        if (map_put(&ids, id, 1))
            abort();
    }
    for (size_t i = 0; i < spans; i++) {
        uint64_t parent = cell(dataset, TABLE_SPAN, COLUMN(span, parent), i);
        assert(!parent || map_get(&ids, parent));
        assert(cell(dataset, TABLE_SPAN, COLUMN(span, track), i));
    }
    for (size_t i = 0; i < waits; i++)
        assert(cell(dataset, TABLE_WAIT, COLUMN(wait, track), i) !=
               cell(dataset, TABLE_WAIT, COLUMN(wait, waker_track), i));
    map_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dataset dataset;
    struct trace_rows *rows = NULL;
    struct trace_counts told;
    struct err err = {0};
    struct otlp_decoder *decoder = otlp_decoder_create();
    dataset_init(&dataset);
    if (!decoder || trace_rows_create(&dataset.sink, &rows, &err))
        abort();
    trace_rows_window(rows, 2 + (uint32_t)(size % 7));
    for (unsigned i = 0; i < 4; i++) {
        struct otlp_counts counts;
        struct otlp_request request = {.signal = size % 5 == 0 && i > 1 ? OTLP_LOGS : OTLP_TRACES,
                                       .encoding = i % 2 ? OTLP_JSON : OTLP_PROTOBUF,
                                       .bytes = (const char *)data,
                                       .length = size};
        if (otlp_decode(decoder, &request, trace_rows_reader(rows), &counts, &err) && !err.what[0])
            abort();
    }
    if (trace_rows_finish(rows, &told, &err) == 0)
        check_rows(&dataset);
    trace_rows_destroy(rows);
    otlp_decoder_destroy(decoder);
    dataset_deinit(&dataset);
    return 0;
}
