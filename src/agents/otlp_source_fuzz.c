/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any bytes as a file of OpenTelemetry, in each of its forms, and as the body of a request in a receiver's log that grows. What is
 * told keeps to what a sink may expect; nothing is taken back that was not told.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agents/otlp_reading.h"
#include "agents/source.h"
#include "base/fs.h"
#include "otlp/request_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct agent_sink sink;
    uint64_t calls, retracted;
};

static int on_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    (void)err;
    ((struct heard *)sink)->calls++;
    assert(call->session && call->agent && call->project && call->task && call->id && call->model &&
           call->provider && call->region);
    assert(call->output_high == call->tokens.output && call->tokens.reasoning <= call->tokens.output);
    return 0;
}

static int on_retract(struct agent_sink *sink, const char *session, const char *id, struct err *err)
{
    struct heard *heard = (struct heard *)sink;
    (void)err;
    assert(*session && strlen(id) == 16);
    assert(++heard->retracted <= heard->calls);
    return 0;
}

static int on_tool(struct agent_sink *sink, const struct tool_call *call, struct err *err)
{
    (void)sink, (void)err;
    assert(call->id && call->name && call->text && call->child_agent && call->agent && call->session);
    return 0;
}

static int on_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err)
{
    (void)sink, (void)err;
    assert(facts->agent && facts->kind && facts->title && facts->spawn_id && facts->parent);
    return 0;
}

static void read_file(const char *path, size_t size, struct heard *heard)
{
    struct source_request request = {.path = path, .calls_only = size % 2};
    struct err err = {0};
    if (otlp_source.read(&request, &heard->sink, &err) && !err.what[0])
        abort();
}

/* The bytes as one request, then as another of another kind behind it: read on from where the first ended. */
static void read_live(const char *path, const uint8_t *data, size_t size, struct heard *heard)
{
    struct request_log *log = NULL;
    struct otlp_reading *reading = NULL;
    struct otlp_file_told told = {0};
    struct err err = {0};
    if (request_log_create(path, true, &log, &err))
        return;
    if (otlp_reading_create(&reading, &err))
        abort();
    for (unsigned i = 0; i < 4; i++) {
        struct request_log_entry entry = {.signal = size % 3 == 0 ? OTLP_LOGS : OTLP_TRACES,
                                          .encoding = i % 2 ? OTLP_JSON : OTLP_PROTOBUF,
                                          .is_packed = i == 2,
                                          .bytes = (const char *)data,
                                          .length = size};
        if (request_log_append(log, &entry, &err))
            break;
        struct otlp_pass pass = {.path = path,
                                 .from = told.end_offset,
                                 .phase = OTLP_LIVE,
                                 .calls_only = true,
                                 .sink = &heard->sink};
        if (otlp_reading_pass(reading, &pass, &told, &err) && !err.what[0])
            abort();
        assert(told.byte_count_dropped == 0);
    }
    otlp_reading_destroy(reading);
    request_log_destroy(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard heard = {
        .sink = {.llm_call = on_call, .tool_call = on_tool, .agent = on_agent, .retract = on_retract}};
    char path[64];
    struct err err;
    FS_CLEANUP int fd = memfd_create("otlp", MFD_CLOEXEC);
    FS_CLEANUP int log = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || log < 0 || fs_write_all(fd, data, size, &err))
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    (void)otlp_source.probe(path, (const char *)data, size < SOURCE_HEAD_BYTES ? size : SOURCE_HEAD_BYTES);
    read_file(path, size, &heard);
    assert(heard.retracted == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", log);
    read_live(path, data, size, &heard);
    return 0;
}
