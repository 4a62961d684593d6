/* SPDX-License-Identifier: Apache-2.0 */
#include "export/foreign.h"

#include <string.h>

#include "export/internal.h"

const struct foreign_format foreign_formats[] = {
    {.name = "folded",
     .extension = "folded",
     .kind_default = STACKS_CPU,
     .compares = true,
     .takes_heap = true,
     .write = folded_write},
    {.name = "speedscope",
     .extension = "speedscope.json",
     .kind_default = STACKS_CPU,
     .takes_heap = true,
     .write = speedscope_write},
    {.name = "pprof",
     .extension = "pb.gz",
     .kind_default = STACKS_ALL,
     .takes_heap = true,
     .is_binary = true,
     .write = pprof_write},
    {.name = "trace-event",
     .extension = "trace.json",
     .kind_default = STACKS_ALL,
     .write = trace_event_write},
    {.name = "firefox", .extension = "profile.json", .kind_default = STACKS_ALL, .write = firefox_write},
    {.name = "perfetto",
     .extension = "pftrace",
     .kind_default = STACKS_ALL,
     .is_binary = true,
     .write = perfetto_write},
};
const size_t foreign_format_count = sizeof foreign_formats / sizeof foreign_formats[0];

const struct foreign_format *foreign_find(const char *name)
{
    for (size_t i = 0; i < foreign_format_count; i++)
        if (strcmp(foreign_formats[i].name, name) == 0)
            return &foreign_formats[i];
    return NULL;
}

void track_label(const struct cast *cast, uint32_t track, struct str *str)
{
    const struct cast_track *at = &cast->tracks.items[track];
    const char *name = at->name && at->name[0] ? at->name : track_kind_name(at->kind);
    if (at->kind == TRACK_THREAD)
        str_printf(str, "%s (tid %llu)", name, (unsigned long long)at->tid);
    else
        str_append(str, name);
}

static int write_casts(const struct foreign_format *format, const struct foreign_input *input,
                       struct byte_stream *stream, struct err *err)
{
    return stream_finish(stream, format->write(input, stream, err), err);
}

int foreign_write(const struct view *view, const struct view *against, const struct foreign_choice *choice,
                  byte_stream_write_fn *write, void *context, struct err *err)
{
    const struct foreign_format *format = choice->format;
    struct cast cast, before = {0};
    struct foreign_input input = {.cast = &cast,
                                  .against = against ? &before : NULL,
                                  .kind = format->kind_default,
                                  .title = choice->title};
    struct byte_stream stream = {.write = write, .context = context};
    if (choice->kind && stack_kind_find(choice->kind, &input.kind, err))
        return -(int)ERR_USAGE;
    if (stack_kind_is_heap(input.kind) && !format->takes_heap) {
        int status = err_set(err, ERR_USAGE, "the format has no stacks of kind '%s'", choice->kind);
        err_hint(err, "--kind %s goes with --format flamegraph, folded, speedscope or pprof", choice->kind);
        return status;
    }
    if (against && !format->compares) {
        int status = err_set(err, ERR_USAGE, "the format has no differences");
        err_hint(err, "--against goes with --format folded or flamegraph");
        return status;
    }
    int status = stack_kind_check(input.kind, view, err);
    if (!status && against)
        status = stack_kind_check(input.kind, against, err);
    if (!status)
        status = cast_load(view, &cast, err);
    if (status)
        return status;
    if (against)
        status = cast_load(against, &before, err);
    if (!status) {
        status = write_casts(format, &input, &stream, err);
        cast_free(&before);
    }
    cast_free(&cast);
    return status;
}
