/* SPDX-License-Identifier: Apache-2.0 */
#include "unwind/cfi.h"

#include <elf.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"

#define REMEMBER_MAX 16u
#define NO_REGISTER  UINT64_MAX

/* DWARF's constants, by their names there. */
enum {
    DW_EH_PE_absptr = 0x00,
    DW_EH_PE_uleb128 = 0x01,
    DW_EH_PE_udata2 = 0x02,
    DW_EH_PE_udata4 = 0x03,
    DW_EH_PE_udata8 = 0x04,
    DW_EH_PE_sleb128 = 0x09,
    DW_EH_PE_sdata2 = 0x0a,
    DW_EH_PE_sdata4 = 0x0b,
    DW_EH_PE_sdata8 = 0x0c,
    DW_EH_PE_pcrel = 0x10,
    DW_EH_PE_format = 0x0f,
    DW_EH_PE_application = 0xf0
};

enum {
    DW_CFA_nop = 0x00,
    DW_CFA_set_loc = 0x01,
    DW_CFA_advance_loc1 = 0x02,
    DW_CFA_advance_loc2 = 0x03,
    DW_CFA_advance_loc4 = 0x04,
    DW_CFA_offset_extended = 0x05,
    DW_CFA_restore_extended = 0x06,
    DW_CFA_undefined = 0x07,
    DW_CFA_same_value = 0x08,
    DW_CFA_register = 0x09,
    DW_CFA_remember_state = 0x0a,
    DW_CFA_restore_state = 0x0b,
    DW_CFA_def_cfa = 0x0c,
    DW_CFA_def_cfa_register = 0x0d,
    DW_CFA_def_cfa_offset = 0x0e,
    DW_CFA_def_cfa_expression = 0x0f,
    DW_CFA_expression = 0x10,
    DW_CFA_offset_extended_sf = 0x11,
    DW_CFA_def_cfa_sf = 0x12,
    DW_CFA_def_cfa_offset_sf = 0x13,
    DW_CFA_val_offset = 0x14,
    DW_CFA_val_offset_sf = 0x15,
    DW_CFA_val_expression = 0x16,
    DW_CFA_AARCH64_negate_ra_state = 0x2d,
    DW_CFA_GNU_args_size = 0x2e,
    DW_CFA_GNU_negative_offset_extended = 0x2f,
    DW_CFA_advance_loc = 0x40,
    DW_CFA_offset = 0x80,
    DW_CFA_restore = 0xc0,
    DW_CFA_primary = 0xc0,
    DW_CFA_operand = 0x3f
};

enum {
    DW_OP_deref = 0x06,
    DW_OP_plus_uconst = 0x23,
    DW_OP_lit0 = 0x30,
    DW_OP_lit31 = 0x4f,
    DW_OP_breg0 = 0x70,
    DW_OP_breg31 = 0x8f
};

/* A place in bytes; once something did not fit, everything reads as 0 and `failed` stays. */
struct cursor {
    const uint8_t *bytes;
    size_t size, at;
    bool failed;
};

static uint64_t get(struct cursor *cursor, size_t size)
{
    uint64_t value = 0;
    if (cursor->failed || size > cursor->size - cursor->at) {
        cursor->failed = true;
        return 0;
    }
    memcpy(&value, cursor->bytes + cursor->at, size); /* little-endian, as both machines are */
    cursor->at += size;
    return value;
}

static int64_t get_signed(struct cursor *cursor, size_t size)
{
    uint64_t value = get(cursor, size);
    unsigned shift = (unsigned)(64 - 8 * size);
    return (int64_t)(value << shift) >> shift;
}

static uint64_t get_leb(struct cursor *cursor, bool is_signed)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;
    do {
        byte = get(cursor, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80 && !cursor->failed);
    if (is_signed && shift < 64 && byte & 0x40)
        value |= ~0ull << shift;
    return value;
}

static uint64_t get_uleb(struct cursor *cursor)
{
    return get_leb(cursor, false);
}

static int64_t get_sleb(struct cursor *cursor)
{
    return (int64_t)get_leb(cursor, true);
}

static void skip(struct cursor *cursor, uint64_t size)
{
    if (cursor->failed || size > cursor->size - cursor->at)
        cursor->failed = true;
    else
        cursor->at += size;
}

/* The next `size` bytes on their own. */
static struct cursor take(struct cursor *cursor, uint64_t size)
{
    struct cursor piece = {.bytes = cursor->bytes + cursor->at};
    skip(cursor, size);
    piece.size = cursor->failed ? 0 : (size_t)size;
    return piece;
}

/* Only what linkers write: relative to its own place or not at all. */
static uint64_t get_encoded(struct cursor *cursor, uint8_t encoding, uint64_t address_here)
{
    uint64_t value = 0;
    switch (encoding & DW_EH_PE_format) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8: value = get(cursor, 8); break;
    case DW_EH_PE_uleb128: value = get_uleb(cursor); break;
    case DW_EH_PE_sleb128: value = (uint64_t)get_sleb(cursor); break;
    case DW_EH_PE_udata2: value = get(cursor, 2); break;
    case DW_EH_PE_udata4: value = get(cursor, 4); break;
    case DW_EH_PE_sdata2: value = (uint64_t)get_signed(cursor, 2); break;
    case DW_EH_PE_sdata4: value = (uint64_t)get_signed(cursor, 4); break;
    default: cursor->failed = true;
    }
    if ((encoding & DW_EH_PE_application) == DW_EH_PE_pcrel)
        return value + address_here;
    if (encoding & DW_EH_PE_application)
        cursor->failed = true;
    return value;
}

/* The registers that matter, as DWARF numbers them. */
struct registers {
    uint64_t stack_pointer, frame_pointer, base, return_address;
};

static struct registers registers_of(uint32_t machine)
{
    if (machine == EM_AARCH64)
        return (struct registers){31, 29, 19, 30};
    return (struct registers){7, 6, 3, 16};
}

struct value {
    enum unwind_value kind;
    bool is_foreign; /* in a register or an expression that no walk can follow */
    int64_t offset;
};

struct state {
    enum unwind_cfa cfa;
    int64_t cfa_offset, cfa_more;
    struct value return_address, frame_pointer, base;
};

/* A common entry: what its functions begin with. */
struct common {
    uint64_t code_align;
    int64_t data_align;
    uint8_t encoding;
    bool has_data; /* augmentation data with its size before it */
    bool is_signal;
    bool is_broken;
    struct state first;
};

struct reader {
    const struct cfi_section *section;
    const struct cfi_visitor *visitor;
    struct registers registers;
    struct map commons_at; /* offset to index */
    VEC(struct common) commons;
    uint64_t common_bytes; /* read so far: entries that overlap cannot cost more than the section's length */
};

/* One list of instructions on its way. */
struct program {
    const struct reader *reader;
    const struct common *common;
    struct state state;
    struct state remembered[REMEMBER_MAX];
    size_t remembered_count;
    bool is_first; /* of a common entry: nothing is told */
    struct cfi_function function;
    uint64_t address;
    bool is_over; /* what follows makes no sense */
};

static bool fits(int64_t value)
{
    return value >= INT32_MIN && value <= INT32_MAX;
}

static struct unwind_rule rule_of(const struct program *program)
{
    const struct state *state = &program->state;
    const struct value *back = &state->return_address, *frame = &state->frame_pointer, *base = &state->base;
    struct unwind_rule rule = {0};

    if (back->kind == UNWIND_UNDEFINED) {
        rule.return_address = UNWIND_UNDEFINED;
        rule.cfa = UNWIND_CFA_SP;
        return rule;
    }
    if (state->cfa == UNWIND_CFA_NONE || back->is_foreign || !fits(state->cfa_offset) ||
        !fits(state->cfa_more) || !fits(back->offset) || !fits(frame->offset) || !fits(base->offset))
        return rule;
    rule.cfa = (uint8_t)state->cfa;
    rule.cfa_offset = (int32_t)state->cfa_offset;
    rule.cfa_more = (int32_t)state->cfa_more;
    rule.return_address = (uint8_t)back->kind;
    rule.return_address_offset = (int32_t)back->offset;
    rule.frame_pointer = (uint8_t)(frame->is_foreign ? UNWIND_UNDEFINED : frame->kind);
    rule.frame_pointer_offset = (int32_t)(frame->is_foreign ? 0 : frame->offset);
    rule.base = (uint8_t)(base->is_foreign ? UNWIND_UNDEFINED : base->kind);
    rule.base_offset = (int32_t)(base->is_foreign ? 0 : base->offset);
    rule.flags = program->common->is_signal ? UNWIND_SIGNAL : 0;
    return rule;
}

/* What held up to `address` is told. */
static int advance(struct program *program, uint64_t address, struct err *err)
{
    const struct cfi_visitor *visitor = program->reader->visitor;
    struct unwind_rule rule;

    if (program->is_first)
        return 0;
    if (address <= program->address || address > program->function.high) {
        program->is_over = program->is_over || address != program->address;
        return 0;
    }
    rule = rule_of(program);
    int code = visitor->row(visitor->context, program->address, &rule, err);
    program->address = address;
    return code;
}

static int advance_by(struct program *program, uint64_t steps, struct err *err)
{
    uint64_t bytes, address;
    if (num_mul_u64(steps, program->common->code_align, &bytes) ||
        num_add_u64(program->address, bytes, &address)) {
        program->is_over = true;
        return 0;
    }
    return advance(program, address, err);
}

static struct value *value_of(struct program *program, uint64_t number)
{
    if (number == program->reader->registers.return_address)
        return &program->state.return_address;
    if (number == program->reader->registers.frame_pointer)
        return &program->state.frame_pointer;
    if (number == program->reader->registers.base)
        return &program->state.base;
    return NULL;
}

static void value_set(struct program *program, uint64_t number, struct value value)
{
    struct value *place = value_of(program, number);
    if (place)
        *place = value;
}

static void value_restore(struct program *program, uint64_t number)
{
    const struct state *first = &program->common->first;
    if (number == program->reader->registers.return_address)
        program->state.return_address = first->return_address;
    if (number == program->reader->registers.frame_pointer)
        program->state.frame_pointer = first->frame_pointer;
    if (number == program->reader->registers.base)
        program->state.base = first->base;
}

/* A product that does not fit becomes an offset that no rule has. */
static int64_t scaled(const struct program *program, int64_t factor)
{
    int64_t product;
    return __builtin_mul_overflow(factor, program->common->data_align, &product) ? INT64_MAX : product;
}

static void cfa_register_set(struct program *program, uint64_t number)
{
    const struct registers *registers = &program->reader->registers;
    program->state.cfa_more = 0;
    if (number == registers->stack_pointer)
        program->state.cfa = UNWIND_CFA_SP;
    else if (number == registers->frame_pointer)
        program->state.cfa = UNWIND_CFA_BP;
    else if (number == registers->base)
        program->state.cfa = UNWIND_CFA_BASE;
    else
        program->state.cfa = UNWIND_CFA_NONE;
}

/* breg N, offset: the register or NO_REGISTER. */
static uint64_t get_based(struct cursor *expression, int64_t *ret_offset)
{
    uint64_t code = get(expression, 1);
    if (code < DW_OP_breg0 || code > DW_OP_breg31)
        return NO_REGISTER;
    *ret_offset = get_sleb(expression);
    return expression->failed ? NO_REGISTER : code - DW_OP_breg0;
}

/*
 * What the linker says of a PLT: each entry is 16 bytes long, and one word more is on the stack behind its push:
 * breg7 8, breg16 0, lit15, and, lit N, ge, lit3, shl, plus.
 */
static bool cfa_is_plt(struct state *state, struct cursor expression)
{
    static const uint8_t head[] = {0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a}, tail[] = {0x2a, 0x33, 0x24, 0x22};
    size_t at = sizeof head;

    if (expression.size != sizeof head + 1 + sizeof tail || memcmp(expression.bytes, head, at) != 0 ||
        expression.bytes[at] < DW_OP_lit0 || expression.bytes[at] > DW_OP_lit31 ||
        memcmp(expression.bytes + at + 1, tail, sizeof tail) != 0)
        return false;
    state->cfa = UNWIND_CFA_PLT;
    state->cfa_offset = 8;
    state->cfa_more = expression.bytes[at] - DW_OP_lit0;
    return true;
}

/* breg N, offset; or that, deref, and perhaps something added. */
static void cfa_expression(struct program *program, struct cursor expression)
{
    struct state *state = &program->state;
    int64_t offset = 0;

    if (program->reader->section->machine == EM_X86_64 && cfa_is_plt(state, expression))
        return;
    cfa_register_set(program, get_based(&expression, &offset));
    state->cfa_offset = offset;
    if (state->cfa == UNWIND_CFA_NONE || expression.at == expression.size)
        return;
    bool is_deref = get(&expression, 1) == DW_OP_deref && state->cfa != UNWIND_CFA_BASE;
    if (is_deref && expression.at < expression.size) {
        is_deref = get(&expression, 1) == DW_OP_plus_uconst;
        state->cfa_more = (int64_t)num_min(get_uleb(&expression), INT64_MAX);
    }
    is_deref = is_deref && !expression.failed && expression.at == expression.size;
    if (!is_deref)
        state->cfa = UNWIND_CFA_NONE;
    else
        state->cfa = state->cfa == UNWIND_CFA_SP ? UNWIND_CFA_SP_DEREF : UNWIND_CFA_BP_DEREF;
}

/* A register saved at breg N, offset. */
static struct value value_expression(const struct program *program, struct cursor expression)
{
    const struct registers *registers = &program->reader->registers;
    struct value value = {0};
    uint64_t number = get_based(&expression, &value.offset);

    if (number == registers->stack_pointer)
        value.kind = UNWIND_AT_SP;
    else if (number == registers->frame_pointer)
        value.kind = UNWIND_AT_BP;
    value.is_foreign = value.kind == UNWIND_SAME || expression.at != expression.size;
    return value;
}

static void remember(struct program *program)
{
    if (program->remembered_count == REMEMBER_MAX)
        program->is_over = true;
    else
        program->remembered[program->remembered_count++] = program->state;
}

static void restore(struct program *program)
{
    if (program->remembered_count == 0)
        program->is_over = true;
    else
        program->state = program->remembered[--program->remembered_count];
}

static struct value at_cfa(int64_t offset)
{
    return (struct value){.kind = UNWIND_AT_CFA, .offset = offset};
}

/* Where registers are; false when it is no such instruction. */
static bool run_register(struct program *program, uint64_t code, struct cursor *cursor)
{
    static const struct value foreign = {.is_foreign = true};
    uint64_t number;

    switch (code) {
    case DW_CFA_offset_extended:
        number = get_uleb(cursor);
        value_set(program, number, at_cfa(scaled(program, (int64_t)num_min(get_uleb(cursor), INT64_MAX))));
        return true;
    case DW_CFA_GNU_negative_offset_extended:
        number = get_uleb(cursor);
        value_set(program, number, at_cfa(scaled(program, -(int64_t)num_min(get_uleb(cursor), INT64_MAX))));
        return true;
    case DW_CFA_offset_extended_sf:
        number = get_uleb(cursor);
        value_set(program, number, at_cfa(scaled(program, get_sleb(cursor))));
        return true;
    case DW_CFA_restore_extended: value_restore(program, get_uleb(cursor)); return true;
    case DW_CFA_undefined:
        value_set(program, get_uleb(cursor), (struct value){.kind = UNWIND_UNDEFINED});
        return true;
    case DW_CFA_same_value: value_set(program, get_uleb(cursor), (struct value){0}); return true;
    case DW_CFA_register:
    case DW_CFA_val_offset:
        number = get_uleb(cursor);
        (void)get_uleb(cursor);
        value_set(program, number, foreign);
        return true;
    case DW_CFA_val_offset_sf:
        number = get_uleb(cursor);
        (void)get_sleb(cursor);
        value_set(program, number, foreign);
        return true;
    case DW_CFA_expression:
        number = get_uleb(cursor);
        value_set(program, number, value_expression(program, take(cursor, get_uleb(cursor))));
        return true;
    case DW_CFA_val_expression:
        number = get_uleb(cursor);
        (void)take(cursor, get_uleb(cursor));
        value_set(program, number, foreign);
        return true;
    default: return false;
    }
}

/* Where the frame begins; false when it is no such instruction. */
static bool run_cfa(struct program *program, uint64_t code, struct cursor *cursor)
{
    struct state *state = &program->state;

    switch (code) {
    case DW_CFA_def_cfa:
        cfa_register_set(program, get_uleb(cursor));
        state->cfa_offset = (int64_t)num_min(get_uleb(cursor), INT64_MAX);
        return true;
    case DW_CFA_def_cfa_sf:
        cfa_register_set(program, get_uleb(cursor));
        state->cfa_offset = scaled(program, get_sleb(cursor));
        return true;
    case DW_CFA_def_cfa_register: cfa_register_set(program, get_uleb(cursor)); return true;
    case DW_CFA_def_cfa_offset:
        state->cfa_offset = (int64_t)num_min(get_uleb(cursor), INT64_MAX);
        return true;
    case DW_CFA_def_cfa_offset_sf: state->cfa_offset = scaled(program, get_sleb(cursor)); return true;
    case DW_CFA_def_cfa_expression: cfa_expression(program, take(cursor, get_uleb(cursor))); return true;
    default: return false;
    }
}

static int run_other(struct program *program, uint64_t code, struct cursor *cursor, struct err *err)
{
    uint64_t here;

    switch (code) {
    case DW_CFA_nop:
    case DW_CFA_AARCH64_negate_ra_state: return 0; /* the walk takes signatures off return addresses */
    case DW_CFA_set_loc:
        here = program->reader->section->address +
               (uint64_t)(cursor->bytes + cursor->at - program->reader->section->bytes);
        here = get_encoded(cursor, program->common->encoding, here);
        return cursor->failed ? 0 : advance(program, here, err);
    case DW_CFA_advance_loc1: return advance_by(program, get(cursor, 1), err);
    case DW_CFA_advance_loc2: return advance_by(program, get(cursor, 2), err);
    case DW_CFA_advance_loc4: return advance_by(program, get(cursor, 4), err);
    case DW_CFA_remember_state: remember(program); return 0;
    case DW_CFA_restore_state: restore(program); return 0;
    case DW_CFA_GNU_args_size: (void)get_uleb(cursor); return 0;
    default: program->is_over = true; return 0;
    }
}

/* What was told up to an instruction that makes no sense stands. */
static int run(struct program *program, struct cursor cursor, struct err *err)
{
    int status = 0;
    while (!status && !program->is_over && cursor.at < cursor.size) {
        uint64_t code = get(&cursor, 1), operand = code & DW_CFA_operand;
        if ((code & DW_CFA_primary) == DW_CFA_advance_loc)
            status = advance_by(program, operand, err);
        else if ((code & DW_CFA_primary) == DW_CFA_offset)
            value_set(program, operand,
                      at_cfa(scaled(program, (int64_t)num_min(get_uleb(&cursor), INT64_MAX))));
        else if ((code & DW_CFA_primary) == DW_CFA_restore)
            value_restore(program, operand);
        else if (!run_cfa(program, code, &cursor) && !run_register(program, code, &cursor))
            status = run_other(program, code, &cursor, err);
        program->is_over = program->is_over || cursor.failed;
    }
    if (!status && !program->is_first && program->address < program->function.high) {
        struct unwind_rule rule = program->is_over ? (struct unwind_rule){0} : rule_of(program);
        const struct cfi_visitor *visitor = program->reader->visitor;
        status = visitor->row(visitor->context, program->address, &rule, err);
    }
    return status;
}

/* "zPLR": what the letters announce. */
static void read_augmentation(struct common *common, const char *letters, struct cursor *cursor,
                              uint64_t address_here)
{
    struct cursor data = *cursor;
    if (letters[0] != 'z') {
        common->is_broken = letters[0] != '\0';
        return;
    }
    common->has_data = true;
    data = take(cursor, get_uleb(cursor));
    for (const char *letter = letters + 1; *letter && !data.failed; letter++) {
        if (*letter == 'R') {
            common->encoding = (uint8_t)get(&data, 1);
        } else if (*letter == 'L') {
            (void)get(&data, 1);
        } else if (*letter == 'P') {
            uint8_t encoding = (uint8_t)get(&data, 1);
            (void)get_encoded(&data, encoding & DW_EH_PE_format, address_here);
        } else if (*letter == 'S') {
            common->is_signal = true;
        } else if (*letter != 'B') {
            common->is_broken = true;
            return;
        }
    }
    common->is_broken = data.failed;
}

static void read_common(struct reader *reader, struct cursor entry, struct common *ret_common,
                        struct err *err)
{
    struct common common = {.encoding = DW_EH_PE_absptr};
    struct program program = {.reader = reader, .common = ret_common, .is_first = true};
    uint64_t version = get(&entry, 1);
    const char *letters = (const char *)entry.bytes + entry.at;
    const char *end = entry.failed ? NULL : memchr(letters, 0, entry.size - entry.at);

    *ret_common = (struct common){.is_broken = true};
    if (!end || (version != 1 && version != 3 && version != 4))
        return;
    skip(&entry, (uint64_t)(end - letters) + 1);
    if (version == 4 && get(&entry, 2) != 8) /* an address has 8 bytes, a segment's selector none */
        return;
    common.code_align = get_uleb(&entry);
    common.data_align = get_sleb(&entry);
    uint64_t back = version == 1 ? get(&entry, 1) : get_uleb(&entry);
    read_augmentation(&common, letters, &entry, 0);
    if (entry.failed || common.is_broken || back != reader->registers.return_address)
        return;
    *ret_common = common;
    entry.bytes += entry.at;
    entry.size -= entry.at;
    entry.at = 0;
    if (run(&program, entry, err)) /* a common entry tells nothing, so nothing fails */
        return;
    ret_common->first = program.state;
    ret_common->is_broken = program.is_over;
}

/* One entry of the section: where it is, and its bytes behind the length. */
struct entry {
    size_t at, next;
    struct cursor bytes;
    uint64_t id;  /* of the common entry, or what says that it is one */
    size_t id_at; /* where that stands */
    bool is_common;
};

/* False at the section's end. */
static bool next_entry(const struct cfi_section *section, size_t at, struct entry *ret_entry)
{
    struct cursor cursor = {.bytes = section->bytes, .size = section->size, .at = at};
    uint64_t length = get(&cursor, 4);
    bool is_wide = length == UINT32_MAX;

    if (is_wide)
        length = get(&cursor, 8);
    if (cursor.failed || length == 0 || length > section->size - cursor.at)
        return false;
    struct entry entry = {.at = at, .id_at = cursor.at, .next = cursor.at + (size_t)length};
    entry.bytes = (struct cursor){.bytes = section->bytes + cursor.at, .size = (size_t)length};
    bool id_is_wide = is_wide && section->is_debug;
    entry.id = get(&entry.bytes, id_is_wide ? 8 : 4);
    if (section->is_debug)
        entry.is_common = entry.id == (id_is_wide ? UINT64_MAX : UINT32_MAX);
    else
        entry.is_common = entry.id == 0;
    *ret_entry = entry;
    return true;
}

/* The common entry that a function refers to, read once; NULL in ret_common when it makes no sense. */
static int common_of(struct reader *reader, const struct entry *entry, const struct common **ret_common,
                     struct err *err)
{
    const struct cfi_section *section = reader->section;
    uint64_t at = section->is_debug ? entry->id : (uint64_t)entry->id_at - entry->id;
    const uint64_t *known = map_get(&reader->commons_at, at);
    struct common common = {.is_broken = true};
    struct entry found;

    if (!known) {
        if (at < section->size && reader->common_bytes <= section->size &&
            next_entry(section, (size_t)at, &found) && found.is_common) {
            reader->common_bytes += found.bytes.size;
            read_common(reader, found.bytes, &common, err);
        }
        uint64_t index = common.is_broken ? UINT64_MAX : reader->commons.count;
        if (map_put(&reader->commons_at, at, index) ||
            (!common.is_broken && vec_push(&reader->commons, common)))
            return err_memory(err);
        known = map_get(&reader->commons_at, at);
    }
    *ret_common = NULL;
    if (*known < reader->commons.count)
        *ret_common = &reader->commons.items[*known];
    return 0;
}

static int read_function(struct reader *reader, const struct entry *entry, struct err *err)
{
    const struct cfi_section *section = reader->section;
    struct cursor bytes = entry->bytes;
    struct program program = {.reader = reader};
    uint64_t size;
    bool is_wanted = false;
    int code = common_of(reader, entry, &program.common, err);

    if (code || !program.common)
        return code;
    uint64_t here = section->address + (uint64_t)(bytes.bytes + bytes.at - section->bytes);
    program.function.low = get_encoded(&bytes, program.common->encoding, here);
    size = get_encoded(&bytes, program.common->encoding & DW_EH_PE_format, 0);
    if (program.common->has_data)
        skip(&bytes, get_uleb(&bytes));
    if (bytes.failed || !size || num_add_u64(program.function.low, size, &program.function.high))
        return 0;
    code = reader->visitor->function(reader->visitor->context, &program.function, &is_wanted, err);
    if (code || !is_wanted)
        return code;
    program.state = program.common->first;
    program.address = program.function.low;
    return run(&program, take(&bytes, bytes.size - bytes.at), err);
}

int cfi_visit(const struct cfi_section *section, const struct cfi_visitor *visitor, struct err *err)
{
    struct reader reader = {
        .section = section, .visitor = visitor, .registers = registers_of(section->machine)};
    struct entry entry;
    int code = 0;

    for (size_t at = 0; !code && next_entry(section, at, &entry); at = entry.next)
        if (!entry.is_common)
            code = read_function(&reader, &entry, err);
    map_free(&reader.commons_at);
    vec_free(&reader.commons);
    return code;
}
