/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes are read as a file of budgets: a config whose parts are all there, or an error that says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gate_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct gate_config config;
    struct err err = {0};
    if (gate_config_read_text((const char *)bytes, count, "fuzz", count % 2 ? "main" : NULL, &config, &err))
        return err.what[0] ? 0 : (abort(), 0);
    if (!config.gates.count || !config.checks.count)
        abort();
    for (size_t i = 0; i < config.checks.count; i++) {
        const struct gate_check *check = &config.checks.items[i];
        if (check->gate >= config.gates.count || !(check->bound >= 0) ||
            !config.gates.items[check->gate].name ||
            (gate_limit_is_relative(check->limit) &&
             config.gates.items[check->gate].baseline.kind == GATE_AGAINST_NOTHING))
            abort();
    }
    gate_config_free(&config);
    return 0;
}
