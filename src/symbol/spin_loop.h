/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin_loop: machine code that burns a CPU until something changes.
 *
 * A loop that only looks does nothing but load memory, compare and jump back (with or without an atomic exchange, as
 * spin locks take), so nothing in it can end it: another thread must. A walk along a list also loads and compares, but
 * its address changes. A `pause` instruction tells the processor, and here toll, that the code around it spins.
 *
 * x86-64 alone (Intel's Software Developer's Manual, volume 2, for the encodings); elsewhere the answer is false.
 */
#ifndef TOLL_SYMBOL_SPIN_LOOP_H
#define TOLL_SYMBOL_SPIN_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes before and behind the place that are looked at; fewer are no failure. */
#define SPIN_LOOP_REACH 48

/* Whether the instruction at code[at] is part of such a loop. */
bool spin_loop_at(const uint8_t *code, size_t size, size_t at);

#endif
