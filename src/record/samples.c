/* SPDX-License-Identifier: Apache-2.0 */
#include "record/samples.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/tracks.h"

void samples_init(struct samples *samples, struct emit *emit, unsigned rate_hz)
{
    *samples = (struct samples){.emit = emit, .period_ns = NS_PER_S / rate_hz};
}

void samples_deinit(struct samples *samples)
{
    intern_free(&samples->images);
}

static uint64_t stack_of(struct samples *samples, const struct process *process)
{
    char name[80], link[64], module[256];
    uint64_t id = 0;
    bool is_new = false;

    if (intern_put(&samples->images, process->image, strlen(process->image), &id, &is_new) || !is_new)
        return id;
    snprintf(name, sizeof name, "[%s]", process->image);
    snprintf(link, sizeof link, "/proc/%" PRIu64 "/exe", process->pid);
    ssize_t length = readlink(link, module, sizeof module - 1);
    module[length > 0 ? length : 0] = '\0';
    struct row_frame frame = {
        .id = id, .function = emit_string(samples->emit, name), .module = emit_string(samples->emit, module)};
    struct row_stack stack = {.id = id, .frame = id};
    emit_append(samples->emit, frame, &frame);
    emit_append(samples->emit, stack, &stack);
    return id;
}

void samples_add(struct samples *samples, struct task *task, uint64_t cpu_ns, uint64_t time_ns, bool is_last)
{
    uint64_t weight = cpu_ns > task->sampled_cpu_ns ? cpu_ns - task->sampled_cpu_ns : 0;

    if (!weight || (!is_last && weight < samples->period_ns))
        return;
    task->sampled_cpu_ns = cpu_ns;
    struct row_sample row = {.time_ns = time_ns,
                             .track = task->track,
                             .stack = stack_of(samples, task->process),
                             .weight = weight,
                             .kind = SAMPLE_CPU};
    emit_append(samples->emit, sample, &row);
}
