/* SPDX-License-Identifier: Apache-2.0 */
/* OpenTelemetry in files, of any form (otlp/otlp_file.h): otlp_reading.h has how they are read. */
#include <string.h>

#include "agents/otlp_reading.h"
#include "agents/source.h"
#include "otlp/request_log.h"

static int otlp_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct otlp_reading *reading = NULL;
    int status = otlp_reading_create(&reading, err);
    for (int time = 0; !status && time < 2; time++) {
        struct otlp_pass pass = {.path = request->path,
                                 .phase = time ? OTLP_TELL : OTLP_LEARN,
                                 .calls_only = request->calls_only,
                                 .sink = sink};
        status = otlp_reading_pass(reading, &pass, NULL, err);
    }
    otlp_reading_destroy(reading);
    return status;
}

/* By the name alone, since other programs' files are JSON as well; recordings have the name of a receiver's log, so that is looked into. */
static bool otlp_takes(const char *path)
{
    static const char *const ends[] = {".json", ".jsonl", ".pb", ".binpb", ".bin", ".proto"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    bool is_of =
        strstr(name, "otlp") || strstr(name, "otel") || strstr(name, "trace") || strstr(name, "span");
    for (size_t i = 0; i < sizeof ends / sizeof ends[0] && is_of; i++)
        if (str_ends(path, ends[i]))
            return true;
    return str_ends(path, ".toll") && request_log_is(path);
}

static bool otlp_probe(const char *path, const char *head, size_t length)
{
    (void)path;
    return otlp_file_is(head, length);
}

const struct agent_source otlp_source = {
    .name = "otlp",
    .about = "OpenTelemetry, as the collector writes it to files",
    .takes = otlp_takes,
    .probe = otlp_probe,
    .read = otlp_read,
};
