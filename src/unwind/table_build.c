/* SPDX-License-Identifier: Apache-2.0 */
#include "unwind/table_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/sort.h"

#define GAP_BYTES 16u /* between functions: what fills it up is no code */

struct built_row {
    uint32_t place;
    uint16_t rule;
};

struct built_function {
    uint64_t low, high; /* offsets in the file */
    size_t first;       /* of its rows */
    size_t count;
};

struct builder {
    const struct frame_image *image;
    struct intern rules; /* ids are indexes + 1 */
    struct unwind_rule last_rule;
    uint16_t last_index;
    VEC(struct built_row) rows;
    VEC(struct built_function) functions;
    uint64_t shift; /* of the function told last: address - offset */
};

static int rule_index(struct builder *builder, const struct unwind_rule *rule, uint16_t *ret_index,
                      struct err *err)
{
    uint64_t id;
    if (memcmp(&builder->last_rule, rule, sizeof *rule) == 0) {
        *ret_index = builder->last_index;
        return 0;
    }
    *ret_index = 0;
    if (builder->rules.entries.count >= UNWIND_RULE_COUNT_MAX &&
        !intern_find(&builder->rules, (const char *)rule, sizeof *rule))
        return 0; /* one rule too many is not known */
    if (intern_put(&builder->rules, (const char *)rule, sizeof *rule, &id, NULL))
        return err_memory(err);
    *ret_index = builder->last_index = (uint16_t)(id - 1);
    builder->last_rule = *rule;
    return 0;
}

static int on_function(void *context, const struct cfi_function *function, bool *ret_wanted, struct err *err)
{
    struct builder *builder = context;
    uint64_t offset, left, size = function->high - function->low;

    *ret_wanted = false;
    if (!frame_image_offset(builder->image, function->low, &offset, &left) || size > left ||
        offset + size > UINT32_MAX || builder->rows.count >= UNWIND_ROW_COUNT_MAX / 2)
        return 0;
    struct built_function built = {.low = offset, .high = offset + size, .first = builder->rows.count};
    builder->shift = function->low - offset;
    *ret_wanted = true;
    return vec_push(&builder->functions, built) ? err_memory(err) : 0;
}

static int on_row(void *context, uint64_t address, const struct unwind_rule *rule, struct err *err)
{
    struct builder *builder = context;
    struct built_function *function = &builder->functions.items[builder->functions.count - 1];
    struct built_row row = {.place = (uint32_t)(address - builder->shift)};

    if (builder->rows.count >= UNWIND_ROW_COUNT_MAX / 2)
        return 0;
    int code = rule_index(builder, rule, &row.rule, err);
    if (code)
        return code;
    if (function->count && builder->rows.items[builder->rows.count - 1].rule == row.rule)
        return 0;
    function->count++;
    return vec_push(&builder->rows, row) ? err_memory(err) : 0;
}

struct output {
    VEC(struct built_row) rows;
    uint64_t end; /* of the last function */
};

static int output_row(struct output *output, uint64_t place, uint16_t rule, struct err *err)
{
    if (output->rows.count && output->rows.items[output->rows.count - 1].rule == rule)
        return 0;
    struct built_row row = {.place = (uint32_t)place, .rule = rule};
    return vec_push(&output->rows, row) ? err_memory(err) : 0;
}

/* Functions in order of their places; of two for one place the first stands. */
static int merge(struct builder *builder, struct output *output, struct err *err)
{
    if (sort_by_u64(builder->functions.items, builder->functions.count, sizeof *builder->functions.items,
                    offsetof(struct built_function, low)))
        return err_memory(err);
    int code = 0;
    for (size_t i = 0; !code && i < builder->functions.count; i++) {
        const struct built_function *function = &builder->functions.items[i];
        if (function->low < output->end)
            continue;
        if (output->rows.count && function->low - output->end >= GAP_BYTES)
            code = output_row(output, output->end, 0, err);
        for (size_t row = function->first; !code && row < function->first + function->count; row++)
            code = output_row(output, builder->rows.items[row].place, builder->rows.items[row].rule, err);
        output->end = function->high;
    }
    return code ? code : output_row(output, output->end, 0, err);
}

static int write_table(const struct builder *builder, const struct output *output, void **ret_bytes,
                       size_t *ret_size, struct err *err)
{
    const struct frame_image *image = builder->image;
    uint32_t rule_count = (uint32_t)builder->rules.entries.count, row_count = (uint32_t)output->rows.count;
    size_t size = unwind_table_bytes(rule_count, row_count);
    struct unwind_header *header = malloc(size);

    if (!header)
        return err_memory(err);
    *header = (struct unwind_header){.magic = UNWIND_MAGIC,
                                     .machine = image->machine,
                                     .build_id_size = (uint32_t)image->build_id_size,
                                     .rule_count = rule_count,
                                     .row_count = row_count};
    memcpy(header->build_id, image->build_id, image->build_id_size);
    struct unwind_rule *rules = (struct unwind_rule *)(void *)(header + 1);
    for (uint32_t i = 0; i < rule_count; i++)
        memcpy(&rules[i], builder->rules.entries.items[i].bytes, sizeof rules[i]);
    uint32_t *places = (uint32_t *)(void *)(rules + rule_count);
    uint16_t *indexes = (uint16_t *)(void *)(places + row_count);
    for (uint32_t i = 0; i < row_count; i++) {
        places[i] = output->rows.items[i].place;
        indexes[i] = output->rows.items[i].rule;
    }
    header->hash = map_hash_bytes(header + 1, size - sizeof *header);
    *ret_bytes = header;
    *ret_size = size;
    return 0;
}

/* The rows of one section; the builder stays empty where it has none. */
static int section_build(struct builder *builder, const struct frame_file *file, struct cfi_section section,
                         uint64_t offset, struct err *err)
{
    static const struct unwind_rule unknown = {0};
    const struct cfi_visitor visitor = {.context = builder, .function = on_function, .row = on_row};
    uint16_t index;
    char last;

    if (!section.size || !file->read(file->context, offset + section.size - 1, &last, 1))
        return 0;
    builder->last_rule.flags = UINT8_MAX; /* no rule is like it */
    int code = rule_index(builder, &unknown, &index, err);
    void *bytes = code ? NULL : malloc(section.size);
    if (!code && !bytes)
        code = err_memory(err);
    if (!code && file->read(file->context, offset, bytes, section.size)) {
        section.bytes = bytes;
        code = cfi_visit(&section, &visitor, err);
    }
    free(bytes);
    return code;
}

int table_build(const struct frame_file *file, const struct frame_image *image, void **ret_bytes,
                size_t *ret_size, struct err *err)
{
    struct builder builder = {.image = image};
    struct output output = {0};

    *ret_bytes = NULL;
    *ret_size = 0;
    if (!image->machine)
        return 0;
    int code = section_build(&builder, file, image->exceptions, image->exceptions_offset, err);
    if (!code && !builder.functions.count)
        code = section_build(&builder, file, image->debug, image->debug_offset, err);
    if (!code && builder.functions.count)
        code = merge(&builder, &output, err);
    if (!code && builder.functions.count)
        code = write_table(&builder, &output, ret_bytes, ret_size, err);
    intern_free(&builder.rules);
    vec_free(&builder.rows);
    vec_free(&builder.functions);
    vec_free(&output.rows);
    return code;
}
