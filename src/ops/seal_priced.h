/* SPDX-License-Identifier: Apache-2.0 */
/* seal_priced: receive/seal.h with what calls of models cost: the built-in prices and the user's. */
#ifndef TOLL_OPS_SEAL_PRICED_H
#define TOLL_OPS_SEAL_PRICED_H

#include "receive/seal.h"

/* request->price is not looked at. Where the user's prices cannot be read nothing has a price but what spans tell. */
WARN_UNUSED int seal_priced(const struct seal_request *request, struct seal_result *ret_result,
                            struct err *err);

#endif
