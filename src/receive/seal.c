/* SPDX-License-Identifier: Apache-2.0 */
#include "receive/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "model/meta.h"
#include "otlp/otlp_file.h"
#include "recording/writer.h"

struct sealing {
    struct trace_rows *rows;
    struct otlp_decoder *decoder;
    struct seal_result *result;
};

/* What does not hold is counted; only failures to write end the sealing. */
static int decode(struct sealing *sealing, const struct otlp_request *request, struct err *err)
{
    struct otlp_counts counts;
    int status = otlp_decode(sealing->decoder, request, trace_rows_reader(sealing->rows), &counts, err);
    if (status != -ERR_INPUT)
        return status;
    sealing->result->malformed_count++;
    return 0;
}

static int on_request(void *context, const struct otlp_request *request, uint64_t number, bool is_request,
                      struct err *err)
{
    struct sealing *sealing = context;
    (void)number;
    sealing->result->entry_count++;
    sealing->result->malformed_count += !is_request;
    return is_request ? decode(sealing, request, err) : 0;
}

static int read_all(struct sealing *sealing, const struct seal_request *request, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < request->path_count; i++) {
        struct otlp_file_told told = {0};
        status = otlp_file_read(request->paths[i], on_request, sealing, &told, err);
        sealing->result->byte_count_dropped += told.byte_count_dropped;
    }
    return status;
}

static int write_meta(struct sink *sink, const struct seal_request *request, const struct seal_result *result,
                      struct err *err)
{
    uint8_t id[8];
    char text[160] = "";
    if (getrandom(id, sizeof id, 0) != sizeof id)
        return err_errno(err, errno, "could not draw a random number");
    for (size_t i = 0; i < sizeof id; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    int status = sink_meta(sink, META_ID, text, err);
    if (!status)
        status =
            sink_meta(sink, META_COMMAND, request->command ? request->command : "[\"OpenTelemetry\"]", err);
    snprintf(text, sizeof text, "%d", request->exit_status);
    if (!status && request->command)
        status = sink_meta(sink, META_EXIT_STATUS, text, err);
    uint64_t lost = result->malformed_count;
    snprintf(text, sizeof text, "%" PRIu64, lost);
    if (!status)
        status = sink_meta(sink, META_LOST_COUNT, text, err);
    snprintf(text, sizeof text, "%" PRIu64 " requests or lines could not be read and are left out", lost);
    return !status && lost ? sink_meta(sink, META_REMARK, text, err) : status;
}

static int write_recording(struct writer *writer, const struct seal_request *request,
                           struct seal_result *result, struct err *err)
{
    struct sealing sealing = {.decoder = otlp_decoder_create(), .result = result};
    int status =
        sealing.decoder ? trace_rows_create(writer_sink(writer), &sealing.rows, err) : err_memory(err);
    if (!status) {
        trace_rows_price(sealing.rows, request->price.usd, request->price.context);
        status = read_all(&sealing, request, err);
    }
    if (!status)
        status = trace_rows_finish(sealing.rows, &result->counts, err);
    if (!status)
        status = write_meta(writer_sink(writer), request, result, err);
    if (!status)
        status = writer_seal(writer, err);
    result->row_count = writer_row_count(writer);
    trace_rows_destroy(sealing.rows);
    otlp_decoder_destroy(sealing.decoder);
    return status;
}

int seal_spans(const struct seal_request *request, struct seal_result *ret_result, struct err *err)
{
    struct seal_result result = {.entry_count = 0};
    struct str part = {0};
    struct writer *writer = NULL;
    str_printf(&part, "%s.%d.sealing", request->output, (int)getpid());
    if (part.failed)
        return err_memory(err);
    struct writer_options options = {.path = str_text(&part), .overwrite = true};
    int status = writer_create(&options, &writer, err);
    if (!status)
        status = write_recording(writer, request, &result, err);
    if (!status)
        status = writer_rename(writer, request->output, err);
    if (status && writer)
        (void)unlink(str_text(&part));
    writer_destroy(writer);
    str_free(&part);
    if (!status)
        *ret_result = result;
    return status;
}
