/* SPDX-License-Identifier: Apache-2.0 */
/* The first file of a ZIP archive held in memory. */
#ifndef MARKET_DATA_EXTRACT_H
#define MARKET_DATA_EXTRACT_H

#include "buffer.h"
#include "problem.h"

/* Replaces `out` by the content. The archive's checksum is verified. */
MUST_CHECK int extract(const struct buffer *zip, struct buffer *out, struct problem *problem);

#endif
