/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demangle: linker names as a person writes them: `ns::parse` for `_ZN2ns5parseEi`, without parameters, and
 * `parse_row` for `parse_row.constprop.0`: what a compiler splits off a function is that function.
 * C++ and Rust, by GNU libiberty.
 */
#ifndef TOLL_SYMBOL_DEMANGLE_H
#define TOLL_SYMBOL_DEMANGLE_H

#include <stddef.h>

/* Writes the readable name, cut to the capacity and NUL-terminated; returns its length. */
size_t demangle(const char *name, char *buffer, size_t capacity);

#endif
