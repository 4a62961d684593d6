/* SPDX-License-Identifier: Apache-2.0 */
/* stage_binary: the stand-in's program file, built from stage_main.c and carried inside toll. */
#ifndef TOLL_EXPERIMENT_STAGE_BINARY_H
#define TOLL_EXPERIMENT_STAGE_BINARY_H

extern const char stage_binary[];
extern const unsigned long stage_binary_length;

#endif
