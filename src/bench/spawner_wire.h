/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner_wire: what toll and its spawner (spawner_main.c, a program of its own) say to each other through a socket, in
 * this machine's byte order: both come from one build.
 *
 * toll sends a spawn_request and behind it `bytes` of NUL-terminated strings: the program's path, the file for its
 * stdin ("" for the spawner's own), its folder ("" for the spawner's own), its arguments, its environment. The spawner runs it and answers with a spawn_reply.
 * While it runs, its pid is in the page that both share, for toll to send it signals.
 */
#ifndef TOLL_BENCH_SPAWNER_WIRE_H
#define TOLL_BENCH_SPAWNER_WIRE_H

#include <signal.h>
#include <stdint.h>

/* Descriptors of the spawner. */
#define SPAWNER_SOCKET_FD 3
#define SPAWNER_PAGE_FD   4

/* Signals that end commands but not their spawner; toll starts it with them blocked. */
static const int spawner_survives[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

#define SPAWNER_PAGE_BYTES 4096u
#define SPAWN_BYTES_MAX    (16u << 20)
#define SPAWN_STRINGS_MAX  65536u

struct spawner_page {
    volatile int32_t pid; /* 0: nothing runs */
};

struct spawn_request {
    uint32_t bytes;
    uint32_t argument_count;
    uint32_t variable_count;
    uint32_t padding;
};

struct spawn_reply {
    int32_t errnum;            /* why it could not be executed; 0 */
    int32_t status;            /* of wait(2) */
    uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC: before vfork, after wait */
    uint64_t user_us, system_us;
    uint64_t memory_kb_max; /* of the largest process among it and those it waited for */
    uint64_t faults_minor, faults_major;
    uint64_t switches_voluntary, switches_involuntary;
    uint64_t blocks_read, blocks_written; /* of 512 bytes */
    uint32_t left_count;                  /* processes that it left behind and that have ended since */
    uint32_t padding;
};

#endif
