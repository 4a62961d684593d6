/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_code.h"

#include <stdlib.h>
#include <string.h>

static void lines_read(const struct python_memory *memory, const struct python_layout *layout,
                       uint64_t address, struct python_code *code)
{
    uint64_t size;
    if (!python_memory_u64(memory, address + layout->bytes_size, &size) || !size ||
        size > PYTHON_LINES_BYTES_MAX)
        return;
    code->lines = malloc(size);
    if (!code->lines)
        return;
    code->lines_bytes = size;
    if (!memory->read(memory->context, address + layout->bytes_data, code->lines, size)) {
        free(code->lines);
        code->lines = NULL;
        code->lines_bytes = 0;
    }
}

bool python_code_read(const struct python_memory *memory, const struct python_layout *layout,
                      uint64_t code_type, uint64_t address, struct python_code *ret_code)
{
    struct python_names names;
    struct python_code code = {0};

    if (!python_names_read(memory, layout, code_type, address, &names))
        return false;
    memcpy(code.name, names.name, sizeof code.name);
    memcpy(code.file, names.file, sizeof code.file);
    code.first_line = names.first_line;
    code.instructions = names.instructions;
    lines_read(memory, layout, names.lines, &code);
    *ret_code = code;
    return true;
}

uint32_t python_code_line(const struct python_code *code, uint64_t instruction)
{
    uint32_t line = 0;
    if (code->lines && instruction >= code->instructions)
        line = python_line_find(code->lines, code->lines_bytes, code->first_line,
                                instruction - code->instructions);
    return line ? line : code->first_line;
}

void python_code_spend(struct python_code *code, size_t *lines_bytes_left)
{
    if (code->lines_bytes <= *lines_bytes_left) {
        *lines_bytes_left -= code->lines_bytes;
        return;
    }
    free(code->lines);
    code->lines = NULL;
    code->lines_bytes = 0;
}

void python_code_free(struct python_code *code)
{
    free(code->lines);
    *code = (struct python_code){0};
}
