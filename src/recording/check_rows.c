/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/check_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

/* Ids are dense, so they stay near the rows of their table; a recording cut short may lack some rows. The
 * file's size bounds them too, for a file that claims many rows: a bit per id is memory. */
#define ID_SLACK_FACTOR 64
#define ID_SLACK        65536

void check_problem(struct check_result *result, uint64_t offset, const char *format, ...)
{
    uint64_t number = result->problem_count++;
    if (number >= CHECK_PROBLEM_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    result->problems[number].offset = offset;
    vsnprintf(result->problems[number].what, sizeof result->problems[number].what, format, arguments);
    va_end(arguments);
}

static bool has_id(const struct id_set *set, uint64_t id)
{
    return id / 64 < set->words.count && (set->words.items[id / 64] >> (id % 64) & 1);
}

static int add_id(struct id_set *set, uint64_t id, struct err *err)
{
    size_t wanted = (size_t)(id / 64) + 1;
    if (wanted > set->words.count) {
        if (vec_reserve(&set->words, wanted))
            return err_memory(err);
        memset(set->words.items + set->words.count, 0, (wanted - set->words.count) * sizeof(uint64_t));
        set->words.count = wanted;
    }
    set->words.items[id / 64] |= 1ull << (id % 64);
    return 0;
}

static uint64_t id_max(const struct row_checker *checker, enum table_id table)
{
    return num_min(checker->row_counts[table], checker->result->file_bytes) * ID_SLACK_FACTOR + ID_SLACK;
}

int row_checker_collect_strings(struct row_checker *checker, uint64_t first, uint64_t count, uint64_t offset,
                                struct err *err)
{
    for (uint64_t id = first; id - first < count; id++) {
        if (id == 0 || id > id_max(checker, TABLE_STRING)) {
            check_problem(checker->result, offset, "string id %" PRIu64 " is out of range", id);
            return 0;
        }
        if (has_id(&checker->ids[TABLE_STRING], id))
            check_problem(checker->result, offset, "string id %" PRIu64 " is there twice", id);
        int status = add_id(&checker->ids[TABLE_STRING], id, err);
        if (status)
            return status;
    }
    return 0;
}

int row_checker_collect(struct row_checker *checker, const struct decoded_block *block, struct err *err)
{
    const struct table *table = block->table;
    if (table->columns[0].type != COLUMN_ID)
        return 0;
    bool may_repeat = table->id == TABLE_TRACK || table->id == TABLE_SPAN;
    for (size_t row = 0; row < block->row_count; row++) {
        uint64_t id = block->columns[0][row];
        if (id == 0 || id > id_max(checker, table->id)) {
            check_problem(checker->result, block->offset, "%s row %zu: id %" PRIu64 " is out of range",
                          table->name, row, id);
            continue;
        }
        if (!may_repeat && has_id(&checker->ids[table->id], id))
            check_problem(checker->result, block->offset, "%s row %zu: id %" PRIu64 " is there twice",
                          table->name, row, id);
        int status = add_id(&checker->ids[table->id], id, err);
        if (status)
            return status;
    }
    return 0;
}

static void check_reference(struct row_checker *checker, const struct decoded_block *block, size_t row,
                            const struct column *column, uint64_t id)
{
    enum table_id of = column->type == COLUMN_STRING ? TABLE_STRING : (enum table_id)column->of;
    if (!id || has_id(&checker->ids[of], id))
        return;
    if (checker->result->is_recovered)
        checker->result->reference_count_lost++;
    else
        check_problem(checker->result, block->offset, "%s row %zu: %s %" PRIu64 " is not in table %s",
                      block->table->name, row, column->name, id, table_find(of)->name);
}

static void check_cell(struct row_checker *checker, const struct decoded_block *block, size_t row,
                       size_t number)
{
    const struct column *column = &block->table->columns[number];
    uint64_t cell = block->columns[number][row];
    bool ok = true;
    switch (column->type) {
    case COLUMN_STRING:
    case COLUMN_REFERENCE: check_reference(checker, block, row, column, cell); break;
    case COLUMN_ENUM: ok = cell < column->of; break;
    case COLUMN_TIME: ok = !cell || (cell >= checker->time_low && cell <= checker->time_high); break;
    case COLUMN_F64: ok = isfinite(num_double(cell)); break;
    case COLUMN_ID:
    case COLUMN_U64: break;
    }
    if (!ok)
        check_problem(checker->result, block->offset, "%s row %zu: %s %" PRIu64 " is out of range",
                      block->table->name, row, column->name, cell);
}

/* start_ns and end_ns where the table has them; end_ns 0 is "not ended" in tracks and spans. */
static void check_interval(struct row_checker *checker, const struct decoded_block *block, size_t row,
                           size_t start)
{
    uint64_t start_ns = block->columns[start][row], end_ns = block->columns[start + 1][row];
    bool may_be_open =
        block->table->id == TABLE_TRACK || block->table->id == TABLE_SPAN || block->table->id == TABLE_BIND;
    if (end_ns < start_ns && !(may_be_open && end_ns == 0))
        check_problem(checker->result, block->offset,
                      "%s row %zu: end_ns %" PRIu64 " is before start_ns %" PRIu64, block->table->name, row,
                      end_ns, start_ns);
}

static void check_wait(struct row_checker *checker, const struct decoded_block *block, size_t row)
{
    uint64_t cells[TABLE_COLUMN_MAX] = {0}, parts_ns;
    for (size_t i = 0; i < block->table->column_count; i++)
        cells[i] = block->columns[i][row];
    uint64_t span_ns = cells[COLUMN(wait, end_ns)] - cells[COLUMN(wait, start_ns)];
    bool ok = cells[COLUMN(wait, count)] >= 1 &&
              !num_add_u64(cells[COLUMN(wait, blocked_ns)], cells[COLUMN(wait, runnable_ns)], &parts_ns);
    if (ok)
        ok = cells[COLUMN(wait, count)] == 1 ? parts_ns == span_ns : parts_ns <= span_ns;
    if (!ok)
        check_problem(checker->result, block->offset,
                      "wait row %zu: blocked_ns and runnable_ns do not fit into it", row);
}

static void check_attr(struct row_checker *checker, const struct decoded_block *block, size_t row)
{
    uint64_t id = block->columns[COLUMN(attr, owner_table)][row];
    uint64_t owner = block->columns[COLUMN(attr, owner)][row];
    const struct table *table = table_find(id);
    if (!table) {
        check_problem(checker->result, block->offset, "attr row %zu: there is no table %" PRIu64, row, id);
    } else if (table->columns[0].type == COLUMN_ID) {
        struct column column = {.name = "owner", .type = COLUMN_REFERENCE, .of = id};
        check_reference(checker, block, row, &column, owner);
    }
}

static size_t find_start(const struct table *table)
{
    for (size_t i = 0; i + 1 < table->column_count; i++) {
        if (strcmp(table->columns[i].name, "start_ns") == 0)
            return i;
    }
    return SIZE_MAX;
}

void row_checker_check(struct row_checker *checker, const struct decoded_block *block)
{
    const struct table *table = block->table;
    size_t start = find_start(table);
    for (size_t column = 0; column < table->column_count; column++) {
        if (table->columns[column].type == COLUMN_U64 || table->columns[column].type == COLUMN_ID)
            continue;
        for (size_t row = 0; row < block->row_count; row++)
            check_cell(checker, block, row, column);
    }
    for (size_t row = 0; row < block->row_count; row++) {
        if (start != SIZE_MAX)
            check_interval(checker, block, row, start);
        if (table->id == TABLE_WAIT)
            check_wait(checker, block, row);
        else if (table->id == TABLE_ATTR)
            check_attr(checker, block, row);
    }
}

void row_checker_deinit(struct row_checker *checker)
{
    for (size_t table = 0; table < TABLE_END; table++)
        vec_free(&checker->ids[table].words);
}
