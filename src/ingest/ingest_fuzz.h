/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_fuzz: what every fuzz target of a reader does. */
#ifndef TOLL_INGEST_INGEST_FUZZ_H
#define TOLL_INGEST_INGEST_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "ingest/folded_view.h"
#include "ingest/ingest.h"
#include "model/dataset.h"

/* Reads any bytes as a file of the reader, and writes what came of them as folded stacks. */
static inline void ingest_fuzz(const char *reader, const uint8_t *bytes, size_t count)
{
    struct ingest_input input = {.path = "fuzz", .bytes = (const char *)bytes, .length = count};
    struct ingest_choice choice = {.cache_folder = "", .no_kernel = true};
    struct ingest_result result;
    struct dataset data;
    struct str text = {0};
    struct err err;
    dataset_init(&data);
    (void)ingest_probe(&input);
    if (ingest_read(ingest_reader_find(reader), &input, &choice, &data.sink, &result, &err) == 0) {
        if (folded_view_write(&data.view, &text, &err))
            abort();
        ingest_result_deinit(&result);
    }
    str_free(&text);
    dataset_deinit(&data);
}

#endif
