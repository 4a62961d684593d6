/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/bpf_event.h"

#include <string.h>

#define WAIT_BYTES_MIN offsetof(struct bpf_wait, memory)
#define TIME_NS_MAX    (UINT64_MAX / 2)

static bool is_text(const char *text, size_t capacity)
{
    return memchr(text, 0, capacity) != NULL;
}

static bool is_interval(uint64_t start_ns, uint64_t end_ns)
{
    return start_ns <= end_ns && end_ns < TIME_NS_MAX;
}

bool bpf_wait_is_sane(const struct bpf_wait *wait)
{
    if (!is_interval(wait->start_ns, wait->end_ns) || !wait->count)
        return false;
    uint64_t span_ns = wait->end_ns - wait->start_ns;
    return wait->blocked_ns <= span_ns && wait->runnable_ns <= span_ns - wait->blocked_ns &&
           is_text(wait->file.name, sizeof wait->file.name) && wait->memory_bytes <= BPF_MEMORY_BYTES;
}

bool bpf_io_file_is_sane(const struct bpf_io_file *file)
{
    return is_text(file->file.name, sizeof file->file.name) && file->path_bytes <= sizeof file->path &&
           (!file->path_bytes || !file->path[file->path_bytes - 1]);
}

static bool decode_exec(const void *bytes, size_t size, struct bpf_event *event)
{
    const struct bpf_exec *exec = bytes;

    if (size < sizeof *exec || exec->arguments_bytes > size - sizeof *exec ||
        !is_text(exec->comm, sizeof exec->comm))
        return false;
    event->exec = exec;
    event->arguments = (const char *)(exec + 1);
    return true;
}

static bool decode_wait(const void *bytes, size_t size, struct bpf_event_room *room, struct bpf_event *event)
{
    if (size < WAIT_BYTES_MIN)
        return false;
    if (size >= sizeof(struct bpf_wait)) {
        event->wait = bytes;
        return bpf_wait_is_sane(event->wait);
    }
    memset(&room->wait, 0, sizeof room->wait);
    memcpy(&room->wait, bytes, WAIT_BYTES_MIN);
    room->wait.memory_bytes = 0;
    event->wait = &room->wait;
    return bpf_wait_is_sane(event->wait);
}

static bool decode_python(const void *bytes, size_t size, struct bpf_event *event)
{
    const struct bpf_python_stack *stack = bytes;

    if (size < sizeof(struct bpf_python_news) || stack->count > BPF_PYTHON_DEPTH ||
        stack->count * sizeof stack->frames[0] > size - sizeof(struct bpf_python_news))
        return false;
    event->python = stack;
    return true;
}

static bool decode_stack(const void *bytes, size_t size, struct bpf_event *event)
{
    const struct bpf_stack *stack = bytes;

    if (size < sizeof *stack || stack->bytes > size - sizeof *stack || !stack->number)
        return false;
    event->stack = stack;
    event->dump = (struct perf_dump){.ip = stack->ip,
                                     .sp = stack->sp,
                                     .bp = stack->bp,
                                     .base = stack->base,
                                     .bytes = (const uint8_t *)(stack + 1),
                                     .size = stack->bytes};
    return true;
}

bool bpf_event_decode(const void *bytes, size_t size, struct bpf_event_room *room,
                      struct bpf_event *ret_event)
{
    const struct bpf_head *head = bytes;

    *ret_event = (struct bpf_event){0};
    if (size < sizeof *head || head->time_ns >= TIME_NS_MAX)
        return false;
    ret_event->kind = (enum bpf_record_kind)head->kind;
    ret_event->pid = head->pid;
    ret_event->tid = head->tid;
    ret_event->time_ns = head->time_ns;
    switch (head->kind) {
    case BPF_RECORD_FORK: ret_event->fork = bytes; return size >= sizeof(struct bpf_fork);
    case BPF_RECORD_EXEC: return decode_exec(bytes, size, ret_event);
    case BPF_RECORD_COMM:
        ret_event->comm = bytes;
        return size >= sizeof(struct bpf_comm) &&
               is_text(ret_event->comm->comm, sizeof ret_event->comm->comm);
    case BPF_RECORD_EXIT: ret_event->exit = bytes; return size >= sizeof(struct bpf_exit);
    case BPF_RECORD_SLICE:
        ret_event->slice = bytes;
        return size >= sizeof(struct bpf_slice) &&
               is_interval(ret_event->slice->start_ns, ret_event->slice->end_ns) &&
               ret_event->slice->run_ns <= ret_event->slice->end_ns - ret_event->slice->start_ns;
    case BPF_RECORD_WAIT: return decode_wait(bytes, size, room, ret_event);
    case BPF_RECORD_PYTHON: return decode_python(bytes, size, ret_event);
    case BPF_RECORD_PYTHON_SAMPLE:
        ret_event->python_sample = bytes;
        return size >= sizeof(struct bpf_python_sample);
    case BPF_RECORD_STACK: return decode_stack(bytes, size, ret_event);
    default: return false;
    }
}
