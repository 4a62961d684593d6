/* SPDX-License-Identifier: Apache-2.0 */
#include "python/python_names.h"

#include <string.h>

#define CODE_BYTES_MAX        512  /* up to the first instruction */
#define COPY_COUNT_MAX        4096 /* of a function's instructions, one a thread */
#define INSTRUCTION_COUNT_MAX (1u << 24)
#define LINE_MAX_SANE         (1u << 30)
#define TEXT_LENGTH_MAX       (1u << 20)
#define WINDOW_BYTES          512
#define FORM_NONE             15
#define FORM_LONG             14
#define FORM_NO_COLUMN        13
#define FORM_ONE_LINE         10

/* A table that lies here whole, or of which a window is read at a time. */
struct cursor {
    const uint8_t *bytes; /* from `first` on */
    size_t at, size, first, end;
    const struct python_memory *memory; /* NULL: it is whole */
    uint64_t address;
    uint8_t window[WINDOW_BYTES];
};

static bool has_byte(struct cursor *cursor)
{
    if (cursor->at >= cursor->size)
        return false;
    if (cursor->at < cursor->end)
        return true;
    size_t left = cursor->size - cursor->at, count = left < WINDOW_BYTES ? left : WINDOW_BYTES;
    if (!cursor->memory ||
        !cursor->memory->read(cursor->memory->context, cursor->address + cursor->at, cursor->window, count)) {
        cursor->size = cursor->at; /* it ends here */
        return false;
    }
    cursor->bytes = cursor->window;
    cursor->first = cursor->at;
    cursor->end = cursor->at + count;
    return true;
}

/* Where there is one. */
static uint8_t byte_here(const struct cursor *cursor)
{
    return cursor->bytes[cursor->at - cursor->first];
}

/* Six bits a byte, the lowest first; bit 6 says that more follow. */
static uint32_t varint_read(struct cursor *cursor)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 30 && has_byte(cursor); shift += 6) {
        uint8_t byte = byte_here(cursor);
        cursor->at++;
        value |= (uint32_t)(byte & 0x3f) << shift;
        if (!(byte & 0x40))
            break;
    }
    return value;
}

static int64_t signed_read(struct cursor *cursor)
{
    uint32_t value = varint_read(cursor);
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* How much the line goes on at an entry of that form. */
static int64_t line_step(struct cursor *cursor, unsigned form)
{
    if (form == FORM_LONG || form == FORM_NO_COLUMN)
        return signed_read(cursor);
    return form >= FORM_ONE_LINE && form < FORM_NO_COLUMN ? (int64_t)form - FORM_ONE_LINE : 0;
}

static uint32_t line_find(struct cursor *cursor, uint32_t first_line, uint64_t offset)
{
    int64_t line = first_line;
    uint64_t end = 0;

    while (has_byte(cursor)) {
        uint8_t head = byte_here(cursor);
        unsigned form = (head >> 3) & 15;
        cursor->at++;
        if (!(head & 0x80))
            return 0; /* no entry begins so */
        line += line_step(cursor, form);
        end += ((head & 7u) + 1) * 2;
        if (offset < end)
            return line > 0 && line < LINE_MAX_SANE && form != FORM_NONE ? (uint32_t)line : 0;
        while (has_byte(cursor) && !(byte_here(cursor) & 0x80))
            cursor->at++; /* columns */
    }
    return 0;
}

uint32_t python_line_find(const uint8_t *table, size_t size, uint32_t first_line, uint64_t offset)
{
    struct cursor cursor = {.bytes = table, .size = size, .end = size};
    return line_find(&cursor, first_line, offset);
}

/* One code point as UTF-8; 0 when there is no room. */
static size_t utf8_put(uint32_t point, char *text, size_t room)
{
    if (point < 0x80 && room >= 1) {
        text[0] = (char)point;
        return 1;
    }
    if (point >= 0x80 && point < 0x800 && room >= 2) {
        text[0] = (char)(0xc0 | point >> 6);
        text[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point >= 0x800 && point < 0x10000 && room >= 3) {
        text[0] = (char)(0xe0 | point >> 12);
        text[1] = (char)(0x80 | (point >> 6 & 0x3f));
        text[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    if (point >= 0x10000 && point < 0x110000 && room >= 4) {
        text[0] = (char)(0xf0 | point >> 18);
        text[1] = (char)(0x80 | (point >> 12 & 0x3f));
        text[2] = (char)(0x80 | (point >> 6 & 0x3f));
        text[3] = (char)(0x80 | (point & 0x3f));
        return 4;
    }
    return 0;
}

static uint32_t point_at(const uint8_t *bytes, unsigned kind, size_t index)
{
    uint16_t two;
    uint32_t four;
    if (kind == 1)
        return bytes[index];
    if (kind == 2) {
        memcpy(&two, bytes + 2 * index, sizeof two);
        return two;
    }
    memcpy(&four, bytes + 4 * index, sizeof four);
    return four;
}

/* A str object as UTF-8. Control characters are none of a name: then it is no name. */
static bool text_read(const struct python_memory *memory, const struct python_layout *layout,
                      uint64_t address, char *ret_text, size_t capacity)
{
    uint8_t bytes[4 * PYTHON_FILE_BYTES];
    uint64_t length;
    uint32_t state;
    size_t used = 0;

    if (!python_memory_u64(memory, address + layout->text_length, &length) || !length ||
        length > TEXT_LENGTH_MAX ||
        !memory->read(memory->context, address + layout->text_state, &state, sizeof state))
        return false;
    state >>= layout->text_kind_shift;
    unsigned kind = state & 7;
    bool is_compact = state & 8, is_ascii = state & 16;
    if (!is_compact || (kind != 1 && kind != 2 && kind != 4) || (is_ascii && kind != 1))
        return false;
    uint64_t data =
        address + layout->text_data + (is_ascii ? 0 : 16); /* and the length and place of its UTF-8 */
    size_t count = length < capacity ? (size_t)length : capacity;
    if (count > PYTHON_FILE_BYTES)
        count = PYTHON_FILE_BYTES;
    if (!memory->read(memory->context, data, bytes, count * kind))
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t point = point_at(bytes, kind, i);
        size_t put = utf8_put(point, ret_text + used, capacity - 1 - used);
        if (point < 0x20 || point == 0x7f || (is_ascii && point > 0x7f))
            return false;
        if (!put)
            break;
        used += put;
    }
    ret_text[used] = '\0';
    return used > 0;
}

static uint64_t word_at(const uint8_t *bytes, uint32_t offset)
{
    uint64_t word;
    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

bool python_names_read(const struct python_memory *memory, const struct python_layout *layout,
                       uint64_t code_type, uint64_t address, struct python_names *ret_names)
{
    uint8_t bytes[CODE_BYTES_MAX];
    int32_t first_line;
    uint32_t size = layout->code_instructions;

    if (size < sizeof(uint64_t) || size > sizeof bytes || layout->code_filename > size - 8 ||
        layout->code_qualname > size - 8 || layout->code_linetable > size - 8 ||
        layout->code_firstlineno > size - 8 || layout->object_type > size - 8 ||
        !memory->read(memory->context, address, bytes, size))
        return false;
    if (code_type && word_at(bytes, layout->object_type) != code_type)
        return false;
    memcpy(&first_line, bytes + layout->code_firstlineno, sizeof first_line);
    if (first_line < 0 || !text_read(memory, layout, word_at(bytes, layout->code_qualname), ret_names->name,
                                     sizeof ret_names->name))
        return false;
    if (!text_read(memory, layout, word_at(bytes, layout->code_filename), ret_names->file,
                   sizeof ret_names->file))
        ret_names->file[0] = '\0';
    ret_names->first_line = (uint32_t)first_line;
    ret_names->instructions = address + layout->code_instructions;
    ret_names->lines = word_at(bytes, layout->code_linetable);
    return true;
}

uint64_t python_code_instruction(const struct python_memory *memory, const struct python_layout *layout,
                                 uint64_t address, uint64_t instruction)
{
    uint64_t own = address + layout->code_instructions, count, copies, copy_count, copy;

    if (layout->code_copies == PYTHON_ABSENT ||
        !python_memory_u64(memory, address + layout->object_size, &count) || count > INSTRUCTION_COUNT_MAX ||
        instruction - own < 2 * count || !python_memory_u64(memory, address + layout->code_copies, &copies) ||
        !copies || !python_memory_u64(memory, copies, &copy_count))
        return instruction;
    for (uint64_t i = 1; i < copy_count && i < COPY_COUNT_MAX; i++) /* the first is its own */
        if (python_memory_u64(memory, copies + 8 + 8 * i, &copy) && copy && instruction - copy < 2 * count)
            return own + (instruction - copy);
    return instruction;
}

uint32_t python_line_read(const struct python_memory *memory, const struct python_layout *layout,
                          const struct python_names *names, uint64_t instruction)
{
    uint64_t size;
    struct cursor cursor;
    uint32_t line;

    if (instruction < names->instructions ||
        !python_memory_u64(memory, names->lines + layout->bytes_size, &size) || !size ||
        size > PYTHON_LINES_BYTES_MAX)
        return names->first_line;
    cursor.bytes = cursor.window;
    cursor.at = cursor.first = cursor.end = 0;
    cursor.size = (size_t)size;
    cursor.memory = memory;
    cursor.address = names->lines + layout->bytes_data;
    line = line_find(&cursor, names->first_line, instruction - names->instructions);
    return line ? line : names->first_line;
}
