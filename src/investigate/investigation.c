/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/investigation.h"

const char *agreement_name(enum agreement agreement)
{
    static const char *const names[] = {"consensus", "further", "single", "contradicted", "rejected"};
    return names[agreement];
}
