/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reseal: makes the checksums of a damaged recording fit again, so that tests and the fuzzer reach what lies behind
 * them. For tests only: in the library nothing may make a damaged file look whole.
 */
#ifndef TOLL_RECORDING_RESEAL_H
#define TOLL_RECORDING_RESEAL_H

#include <stddef.h>
#include <stdint.h>

/* Follows header, trailer, index and its entries as far as they stay inside the `length` bytes. */
void reseal(uint8_t *bytes, size_t length);

#endif
