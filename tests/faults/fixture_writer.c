/* SPDX-License-Identifier: Apache-2.0 */
/* fixture_writer FILE STEPS: a sealed recording of the fixture; "-" as a third argument leaves it unsealed. */
#include <stdio.h>
#include <stdlib.h>

#include "recording/fixture.h"
#include "recording/writer.h"

int main(int argc, char **argv)
{
    struct writer *writer;
    struct err err;
    if (argc < 3) {
        fprintf(stderr, "usage: fixture_writer FILE STEPS [-]\n");
        return ERR_USAGE;
    }
    struct writer_options options = {.path = argv[1]};
    int status = writer_create(&options, &writer, &err);
    if (!status) {
        status = fixture_begin(writer_sink(writer), &err);
        for (uint64_t step = 0, count = strtoull(argv[2], NULL, 10); !status && step < count; step++)
            status = fixture_step(writer_sink(writer), step, &err);
        if (!status)
            status = argc > 3 ? writer_flush(writer, &err) : writer_seal(writer, &err);
        writer_destroy(writer);
    }
    if (status)
        fprintf(stderr, "fixture_writer: %s\n", err.what);
    return -status;
}
