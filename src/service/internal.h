/* SPDX-License-Identifier: Apache-2.0 */
/* internal: what the files of this module share. */
#ifndef TOLL_SERVICE_INTERNAL_H
#define TOLL_SERVICE_INTERNAL_H

#include "service/tiers.h"

/* flows: requests over connections, from the io rows, into tiers and links. */
WARN_UNUSED int flows_load(struct tiers *tiers, struct err *err);

/* The tier's link over a peer of role out; added when new; NULL when memory ran out. */
struct tier_link *tiers_link(struct tiers *tiers, uint32_t tier, uint32_t peer);

#endif
