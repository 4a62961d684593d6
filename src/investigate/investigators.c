/* SPDX-License-Identifier: Apache-2.0 */
/* The investigators, in the order in which reports list them: a new one is one file, one line in investigators.h, one here. */
#include "investigate/investigators.h"

#include <string.h>

const struct investigator *const investigators[] = {
    &profiling_investigator,   &configuration_investigator, &client_library_investigator,
    &batch_size_investigator,  &concurrency_investigator,   &memory_investigator,
    &integration_investigator,
};
const size_t investigator_count = sizeof investigators / sizeof investigators[0];

const struct investigator *investigator_find(const char *name)
{
    for (size_t i = 0; i < investigator_count; i++)
        if (strcmp(investigators[i]->name, name) == 0)
            return investigators[i];
    return NULL;
}
