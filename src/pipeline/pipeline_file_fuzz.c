/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes are read as a pipeline file; one that is read can be run with each value of each knob. */
#include <stdint.h>
#include <stdlib.h>

#include "pipeline/pipeline_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct pipeline_file file;
    struct arena arena = {0};
    struct err err = {0};
    if (pipeline_file_read_text((const char *)bytes, count, "/fuzz/toll.yaml", &file, &err)) {
        if (!err.what[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < file.knobs.count; i++) {
        const struct pipeline_knob *knob = &file.knobs.items[i];
        struct pipeline_command command;
        for (size_t j = 0; j < knob->value_count; j++) {
            struct pipeline_assignment assignment = {knob->name, knob->values[j]};
            if (!pipeline_command_fill(&file, &assignment, 1, &arena, &command, &err) && !command.words[0])
                abort();
        }
        if (!pipeline_command_open(&file, knob, &arena, &command, &err) && !command.text)
            abort();
    }
    arena_free(&arena);
    pipeline_file_free(&file);
    return 0;
}
