/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any bytes are read as answers of both rounds, in pieces, and as a request. What is taken is written again as a
 * request, which must be read back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "investigate/protocol.h"

#define PIECE_BYTES 37

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void write_and_read(const struct protocol *protocol)
{
    struct request request = {.investigator = "fuzz",
                              .recording = "/a.toll",
                              .deadline_s = 1,
                              .claims = protocol->claims.items,
                              .claim_count = protocol->claims.count,
                              .cleared = protocol->cleared.items,
                              .cleared_count = protocol->cleared.count};
    struct request back;
    struct arena arena = {0};
    struct str line = {0};
    struct err err;
    request_write(&request, &line);
    if (line.failed || request_read(line.text, line.length, &arena, &back, &err) ||
        back.claim_count != request.claim_count || back.cleared_count != request.cleared_count ||
        memchr(line.text, '\n', line.length) != line.text + line.length - 1)
        abort();
    arena_free(&arena);
    str_free(&line);
}

static void read_answers(enum round round, const char *bytes, size_t count)
{
    struct protocol protocol;
    struct statement statement = {0};
    struct arena arena = {0};
    struct err err;
    int status = 0;
    protocol_init(&protocol, round, "fuzz", &arena);
    for (size_t at = 0; at < count && !status; at += PIECE_BYTES)
        status =
            protocol_feed(&protocol, bytes + at, count - at < PIECE_BYTES ? count - at : PIECE_BYTES, &err);
    if (!status)
        status = protocol_end(&protocol, &err);
    if (status && (!err.what[0] || err.code == ERR_BUG))
        abort();
    if (protocol_keep(&protocol, &statement, &err))
        abort();
    if (!status)
        write_and_read(&protocol);
    protocol_deinit(&protocol);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct arena arena = {0};
    struct request request;
    struct err err;
    read_answers(ROUND_CLAIMS, (const char *)bytes, count);
    read_answers(ROUND_VOTES, (const char *)bytes, count);
    if (request_read((const char *)bytes, count, &arena, &request, &err) && err.code == ERR_BUG)
        abort();
    arena_free(&arena);
    return 0;
}
