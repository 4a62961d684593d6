/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_calls: what the eBPF programs must know of each system call: where its descriptor, its path or its address is. */
#ifndef TOLL_KERNEL_BPF_CALLS_H
#define TOLL_KERNEL_BPF_CALLS_H

#include <stdint.h>

#include "kernel/bpf_layout.h"

/* Fills the table by number of the call: enum bpf_call_kind, BPF_CALL_SENDS. */
void bpf_calls_fill(uint8_t kinds[BPF_CALL_COUNT]);
/* Fills the table of what is counted by peer: enum bpf_io_rule. The operations are enum io_operation of the model. */
void bpf_calls_fill_io(uint8_t rules[BPF_CALL_COUNT]);

#endif
