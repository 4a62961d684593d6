/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/spin_loop.h"

#include <string.h>

#define LOOP_BYTES_MAX       40
#define LOOP_INSTRUCTION_MAX 12

#if defined(__x86_64__)

enum { REX_B = 1, REX_X = 2, REX_R = 4 };

struct decoder {
    const uint8_t *code;
    size_t size, at;
    uint8_t rex;
    bool is_word; /* a 66 prefix: immediates of two bytes */
    bool is_locked, is_repeated;
    uint8_t mod, reg, base, index; /* of the last ModRM byte; base and index 255 when there is none */
    bool reads_memory;
};

static bool take(struct decoder *decoder, uint8_t *ret_byte)
{
    if (decoder->at >= decoder->size)
        return false;
    *ret_byte = decoder->code[decoder->at++];
    return true;
}

static bool skip(struct decoder *decoder, size_t count)
{
    if (decoder->size - decoder->at < count)
        return false;
    decoder->at += count;
    return true;
}

/* ModRM, SIB and displacement. */
static bool take_operands(struct decoder *decoder)
{
    uint8_t modrm, sib;
    if (!take(decoder, &modrm))
        return false;
    decoder->mod = modrm >> 6;
    decoder->reg = (uint8_t)(((modrm >> 3) & 7) | (decoder->rex & REX_R ? 8 : 0));
    decoder->base = decoder->index = 255;
    uint8_t low = modrm & 7;
    if (decoder->mod == 3)
        return true;
    size_t displacement = decoder->mod == 1 ? 1 : decoder->mod == 2 ? 4 : 0;
    if (low == 4) {
        if (!take(decoder, &sib))
            return false;
        uint8_t index = (uint8_t)(((sib >> 3) & 7) | (decoder->rex & REX_X ? 8 : 0));
        decoder->index = index == 4 ? 255 : index;
        low = sib & 7;
        if (low == 5 && decoder->mod == 0)
            displacement = 4;
        else
            decoder->base = (uint8_t)(low | (decoder->rex & REX_B ? 8 : 0));
    } else if (low == 5 && decoder->mod == 0) {
        displacement = 4; /* from the instruction pointer */
    } else {
        decoder->base = (uint8_t)(low | (decoder->rex & REX_B ? 8 : 0));
    }
    return skip(decoder, displacement);
}

/* A load from an address that does not depend on what was loaded before. */
static bool take_load(struct decoder *decoder)
{
    if (!take_operands(decoder))
        return false;
    if (decoder->mod == 3)
        return true;
    decoder->reads_memory = true;
    return decoder->reg != decoder->base && decoder->reg != decoder->index;
}

static bool take_look(struct decoder *decoder)
{
    if (!take_operands(decoder))
        return false;
    decoder->reads_memory = decoder->reads_memory || decoder->mod != 3;
    return true;
}

static size_t wide_immediate(const struct decoder *decoder)
{
    return decoder->is_word ? 2 : 4;
}

/* xchg, or with a lock cmpxchg: how a spin lock is taken. */
static bool take_exchange(struct decoder *decoder)
{
    if (!take_operands(decoder) || decoder->mod == 3)
        return false;
    decoder->reads_memory = true;
    return true;
}

static bool take_two_byte(struct decoder *decoder)
{
    uint8_t code;
    if (!take(decoder, &code))
        return false;
    switch (code) {
    case 0x1f: return take_operands(decoder); /* nop */
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf: return take_load(decoder); /* movzx, movsx */
    case 0xb0:
    case 0xb1: return decoder->is_locked && take_exchange(decoder);
    default: return false;
    }
}

/* Group 1 (80, 81, 83): cmp looks, and changes only what a load fills anew. */
static bool take_group(struct decoder *decoder, size_t immediate)
{
    if (!take_look(decoder) || !skip(decoder, immediate))
        return false;
    return (decoder->reg & 7) == 7 || ((decoder->reg & 7) == 4 && decoder->mod == 3);
}

static bool take_plain(struct decoder *decoder, uint8_t code)
{
    switch (code) {
    case 0x38:
    case 0x39:
    case 0x3a:
    case 0x3b: /* cmp */
    case 0x84:
    case 0x85: return take_look(decoder); /* test */
    case 0x8a:
    case 0x8b:
    case 0x63: return take_load(decoder); /* mov */
    case 0x86:
    case 0x87: return take_exchange(decoder);
    case 0x3c:
    case 0xa8: return skip(decoder, 1);
    case 0x3d:
    case 0xa9: return skip(decoder, wide_immediate(decoder));
    case 0x80:
    case 0x83: return take_group(decoder, 1);
    case 0x81: return take_group(decoder, wide_immediate(decoder));
    case 0xf6: return take_look(decoder) && (decoder->reg & 7) == 0 && skip(decoder, 1);
    case 0xf7: return take_look(decoder) && (decoder->reg & 7) == 0 && skip(decoder, wide_immediate(decoder));
    case 0x31:
    case 0x33: /* xor of a register with itself: zero */
        return take_operands(decoder) && decoder->mod == 3 &&
               (decoder->reg & 7) == (decoder->code[decoder->at - 1] & 7);
    case 0x90: return true;
    default:
        return code >= 0xb8 && code <= 0xbf && skip(decoder, wide_immediate(decoder)); /* mov of a constant */
    }
}

/* The target of a jump that was just met; false when `code` is none. */
static bool take_jump(struct decoder *decoder, uint8_t code, int64_t *ret_target)
{
    int32_t distance;
    uint8_t second = 0;
    bool near_condition =
        code == 0x0f && decoder->at < decoder->size && (decoder->code[decoder->at] & 0xf0) == 0x80;
    if ((code & 0xf0) == 0x70 || code == 0xeb) {
        if (!take(decoder, &second))
            return false;
        distance = second < 0x80 ? second : second - 0x100;
    } else if (near_condition || code == 0xe9) {
        decoder->at += near_condition;
        if (decoder->size - decoder->at < sizeof distance)
            return false;
        memcpy(&distance, decoder->code + decoder->at, sizeof distance);
        decoder->at += sizeof distance;
    } else {
        return false;
    }
    *ret_target = (int64_t)decoder->at + distance;
    return true;
}

static bool take_prefixes(struct decoder *decoder, uint8_t *ret_code)
{
    decoder->rex = 0;
    decoder->is_word = decoder->is_locked = decoder->is_repeated = false;
    while (take(decoder, ret_code)) {
        if (*ret_code == 0x66)
            decoder->is_word = true;
        else if (*ret_code == 0xf0)
            decoder->is_locked = true;
        else if (*ret_code == 0xf3)
            decoder->is_repeated = true;
        else if ((*ret_code & 0xf0) == 0x40)
            decoder->rex = *ret_code & 0x0f;
        else
            return true;
    }
    return false;
}

/* A loop that begins at `start`, goes through `at`, and only looks. */
static bool only_looks(const uint8_t *code, size_t size, size_t start, size_t at)
{
    struct decoder decoder = {.code = code, .size = size, .at = start};
    bool passes = false;
    for (size_t i = 0; i < LOOP_INSTRUCTION_MAX && decoder.at - start < LOOP_BYTES_MAX; i++) {
        uint8_t opcode;
        int64_t target;
        passes = passes || decoder.at == at;
        if (!take_prefixes(&decoder, &opcode))
            return false;
        if (take_jump(&decoder, opcode, &target)) {
            if (target == (int64_t)start)
                return passes && decoder.reads_memory;
            continue;
        }
        if (opcode == 0x0f ? !take_two_byte(&decoder) : !take_plain(&decoder, opcode))
            return false;
    }
    return false;
}

static bool pauses(const uint8_t *code, size_t size, size_t at)
{
    size_t from = at > 16 ? at - 16 : 0, to = at + 16 < size ? at + 16 : size;
    for (size_t i = from; i + 1 < to; i++)
        if (code[i] == 0xf3 && code[i + 1] == 0x90)
            return true;
    return false;
}

bool spin_loop_at(const uint8_t *code, size_t size, size_t at)
{
    if (at >= size)
        return false;
    if (pauses(code, size, at))
        return true;
    for (size_t back = 0; back <= at && back < LOOP_BYTES_MAX; back++)
        if (only_looks(code, size, at - back, at))
            return true;
    return false;
}

#else

bool spin_loop_at(const uint8_t *code, size_t size, size_t at)
{
    (void)code;
    (void)size;
    (void)at;
    return false;
}

#endif
