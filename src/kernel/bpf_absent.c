/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_absent: bpf.h in a build without clang, bpftool or libbpf. */
#include "kernel/bpf.h"

bool bpf_is_built(void)
{
    return false;
}

int bpf_open(const struct bpf_source_options *options, struct bpf_source **ret_source, struct err *err)
{
    (void)options;
    (void)ret_source;
    int code =
        err_set(err, ERR_ENVIRONMENT, "could not load eBPF programs: this toll was built without them");
    err_hint(err, "install what `tools/setup build` lists (clang, bpftool, libbpf-dev) and build again");
    return code;
}

int bpf_follow(struct bpf_source *source, const struct bpf_thread *thread, struct err *err)
{
    (void)source;
    (void)thread;
    (void)err;
    return 0;
}

int bpf_wait_fd(const struct bpf_source *source)
{
    (void)source;
    return -1;
}

int bpf_drain(struct bpf_source *source, bool flush, bpf_event_fn *each, void *context, struct err *err)
{
    (void)source;
    (void)flush;
    (void)each;
    (void)context;
    (void)err;
    return 0;
}

size_t bpf_stack(struct bpf_source *source, int32_t stack, const uint64_t **ret_addresses)
{
    (void)source;
    (void)stack;
    (void)ret_addresses;
    return 0;
}

bool bpf_thread_read(struct bpf_source *source, uint32_t tid, struct bpf_thread *ret_thread)
{
    (void)source;
    (void)tid;
    (void)ret_thread;
    return false;
}

uint64_t bpf_cpu_ns(const struct bpf_source *source, uint64_t now_ns)
{
    (void)source;
    (void)now_ns;
    return 0;
}

struct bpf_counts_seen bpf_counts(const struct bpf_source *source)
{
    (void)source;
    return (struct bpf_counts_seen){0};
}

int bpf_python_put(struct bpf_source *source, uint32_t pid, const struct bpf_python *python, struct err *err)
{
    (void)source;
    (void)pid;
    (void)python;
    (void)err;
    return 0;
}

int bpf_io_start(struct bpf_source *source, struct err *err)
{
    (void)source;
    (void)err;
    return 0;
}

void bpf_io_stop(struct bpf_source *source)
{
    (void)source;
}

int bpf_io_take(struct bpf_source *source, bpf_io_fn *each, void *context, struct err *err)
{
    (void)source;
    (void)each;
    (void)context;
    (void)err;
    return 0;
}

const struct perf_source *bpf_perf(const struct bpf_source *source)
{
    (void)source;
    return NULL;
}

void bpf_close(struct bpf_source *source)
{
    (void)source;
}
