/* SPDX-License-Identifier: Apache-2.0 */
/* spawner_binary: the spawner's program file, built from spawner_main.c and carried inside toll. */
#ifndef TOLL_BENCH_SPAWNER_BINARY_H
#define TOLL_BENCH_SPAWNER_BINARY_H

extern const char spawner_binary[];
extern const unsigned long spawner_binary_length;

#endif
