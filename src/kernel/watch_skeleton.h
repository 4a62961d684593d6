/* SPDX-License-Identifier: Apache-2.0 */
/* watch_skeleton: the eBPF programs as bpftool wraps them at build time, with its own ideas of warnings. */
#ifndef TOLL_KERNEL_WATCH_SKELETON_H
#define TOLL_KERNEL_WATCH_SKELETON_H

#include <stdlib.h>

#ifdef __clang_analyzer__ /* what the skeleton hands over to libbpf would pass for lost */
void *skeleton_calloc(size_t count, size_t size);
#define calloc skeleton_calloc
#endif

#if defined(__has_include) && __has_include("kernel/watch.skel.h")
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "kernel/watch.skel.h"
#pragma GCC diagnostic pop
#endif

#ifdef __clang_analyzer__
#undef calloc
#endif

#endif
