/* SPDX-License-Identifier: Apache-2.0 */
#include "unwind/unwind_walk.h"

#include <elf.h>
#include <string.h>

#define WORD              sizeof(uint64_t)
#define AARCH64_ADDRESSES 0x0000ffffffffffffull /* above lie signatures (pointer authentication) */
#define PLT_ENTRY_BYTES   16u

struct walk {
    const struct unwind_input *input;
    struct unwind_registers now;
    bool is_exact; /* `ip` is where the thread is or was interrupted, not behind a call */
    enum unwind_end end;
};

static bool get_word(struct walk *walk, uint64_t address, uint64_t *ret_value)
{
    const struct unwind_stack *stack = &walk->input->stack;
    uint64_t at = address - stack->address;

    if (address < stack->address || at > stack->size || stack->size - at < WORD) {
        walk->end = address < stack->address ? UNWIND_IMPLAUSIBLE : UNWIND_CUT;
        return false;
    }
    memcpy(ret_value, stack->bytes + at, WORD);
    return true;
}

static uint64_t plus(uint64_t base, int32_t offset)
{
    return base + (uint64_t)(int64_t)offset;
}

static bool get_cfa(struct walk *walk, const struct unwind_rule *rule, uint64_t place, uint64_t *ret_cfa)
{
    const struct unwind_registers *now = &walk->now;
    uint64_t base;

    switch ((enum unwind_cfa)rule->cfa) {
    case UNWIND_CFA_SP: *ret_cfa = plus(now->sp, rule->cfa_offset); return true;
    case UNWIND_CFA_BP: *ret_cfa = plus(now->bp, rule->cfa_offset); return true;
    case UNWIND_CFA_BASE: *ret_cfa = plus(now->base, rule->cfa_offset); return true;
    case UNWIND_CFA_PLT:
        *ret_cfa = plus(now->sp, rule->cfa_offset);
        if ((int64_t)(place % PLT_ENTRY_BYTES) >= rule->cfa_more)
            *ret_cfa += WORD;
        return true;
    case UNWIND_CFA_SP_DEREF:
    case UNWIND_CFA_BP_DEREF:
        base = rule->cfa == UNWIND_CFA_SP_DEREF ? now->sp : now->bp;
        if (!get_word(walk, plus(base, rule->cfa_offset), &base))
            return false;
        *ret_cfa = plus(base, rule->cfa_more);
        return true;
    case UNWIND_CFA_NONE: break;
    }
    walk->end = UNWIND_NO_RULE;
    return false;
}

struct saved {
    uint8_t kind;
    int32_t offset;
};

/* The caller's value of a register whose value now is `same`. */
static bool get_saved(struct walk *walk, struct saved saved, uint64_t cfa, uint64_t same, uint64_t *ret_value)
{
    switch ((enum unwind_value)saved.kind) {
    case UNWIND_SAME: *ret_value = same; return true;
    case UNWIND_AT_CFA:
        if (plus(cfa, saved.offset) < walk->now.sp) { /* at a function's end it was popped already */
            *ret_value = same;
            return true;
        }
        return get_word(walk, plus(cfa, saved.offset), ret_value);
    case UNWIND_AT_SP: return get_word(walk, plus(walk->now.sp, saved.offset), ret_value);
    case UNWIND_AT_BP: return get_word(walk, plus(walk->now.bp, saved.offset), ret_value);
    case UNWIND_UNDEFINED: *ret_value = 0; return true;
    }
    walk->end = UNWIND_NO_RULE;
    return false;
}

/* Where the return address lies below the stack pointer it was popped as well: on AArch64 into its register, in the first frame;
 * elsewhere the program went on there, and what the rule was applied to is no frame. */
static bool get_return(struct walk *walk, struct saved back, uint64_t cfa, bool is_aarch64,
                       uint64_t *ret_value)
{
    bool is_below = back.kind == UNWIND_AT_CFA && plus(cfa, back.offset) < walk->now.sp;

    if (is_below && !(is_aarch64 && walk->is_exact && walk->now.lr)) {
        walk->end = UNWIND_IMPLAUSIBLE;
        return false;
    }
    return get_saved(walk, back, cfa, walk->now.lr, ret_value);
}

static bool step_by_rule(struct walk *walk, const struct unwind_rule *rule, uint64_t place, bool is_aarch64,
                         struct unwind_registers *ret_caller)
{
    const struct saved back = {rule->return_address, rule->return_address_offset};
    const struct saved frame = {rule->frame_pointer, rule->frame_pointer_offset};
    const struct saved base = {rule->base, rule->base_offset};
    struct unwind_registers caller = {0};
    bool is_signal = rule->flags & UNWIND_SIGNAL;

    if (rule->return_address == UNWIND_UNDEFINED) {
        walk->end = UNWIND_ROOT;
        return false;
    }
    if (!get_cfa(walk, rule, place, &caller.sp))
        return false;
    /* Every frame holds its return address; on AArch64 the first one may hold nothing. A signal may have a stack of its own. */
    bool may_be_empty = is_aarch64 && walk->is_exact;
    if (!is_signal && (caller.sp < walk->now.sp || (caller.sp == walk->now.sp && !may_be_empty))) {
        walk->end = UNWIND_IMPLAUSIBLE;
        return false;
    }
    if (back.kind == UNWIND_SAME && !(is_aarch64 && walk->now.lr)) {
        walk->end = UNWIND_NO_RULE;
        return false;
    }
    if (!get_return(walk, back, caller.sp, is_aarch64, &caller.ip) ||
        !get_saved(walk, frame, caller.sp, walk->now.bp, &caller.bp) ||
        !get_saved(walk, base, caller.sp, walk->now.base, &caller.base))
        return false;
    if (is_aarch64)
        caller.ip &= AARCH64_ADDRESSES;
    walk->is_exact = is_signal;
    *ret_caller = caller;
    return true;
}

/* The caller's frame pointer and the return address lie where the frame pointer says. Threads begin with 0 there; a first
 * function that has 0 there uses the register for something else. */
static bool step_by_frame(struct walk *walk, struct unwind_registers *ret_caller)
{
    struct unwind_registers caller = {.sp = walk->now.bp + 2 * WORD, .base = walk->now.base};

    if (walk->now.bp == 0 || walk->now.bp < walk->now.sp || walk->now.bp % WORD) {
        walk->end = walk->now.bp == 0 && !walk->is_exact ? UNWIND_ROOT : UNWIND_NO_RULE;
        return false;
    }
    if (!get_word(walk, walk->now.bp, &caller.bp) || !get_word(walk, walk->now.bp + WORD, &caller.ip))
        return false;
    walk->is_exact = false;
    *ret_caller = caller;
    return true;
}

/* To the caller, or false with the reason in `end`. */
static bool step(struct walk *walk, const struct unwind_code *code)
{
    const struct unwind_rule *rule = NULL;
    struct unwind_registers caller;
    uint64_t place = walk->now.ip - !walk->is_exact - code->bias;
    bool is_aarch64 = code->table && code->table->machine == EM_AARCH64;

    if (code->table)
        rule = unwind_table_find(code->table, place);
    bool is_done = rule ? step_by_rule(walk, rule, place, is_aarch64, &caller) : step_by_frame(walk, &caller);
    if (!is_done)
        return false;
    if (caller.ip == 0) {
        walk->end = UNWIND_ROOT;
        return false;
    }
    walk->now = caller;
    return true;
}

size_t unwind_walk(const struct unwind_input *input, uint64_t *addresses, size_t capacity,
                   enum unwind_end *ret_end)
{
    struct walk walk = {.input = input, .now = input->registers, .is_exact = true};
    struct unwind_code code;
    size_t count = 0;

    walk.end = UNWIND_FULL;
    while (count < capacity) {
        if (!input->find(input->context, walk.now.ip - !walk.is_exact, &code)) {
            walk.end = UNWIND_IMPLAUSIBLE;
            break;
        }
        addresses[count] = walk.now.ip + (count && walk.is_exact);
        count++;
        if (!step(&walk, &code))
            break;
    }
    *ret_end = walk.end;
    return count;
}
