/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_index.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "base/num.h"

#define SEGMENT_MAGIC 0x3147455345535541ull /* "AUSESEG1" of a little-endian machine */

/*
 * OFFSET SIZE MEANING
 *      0    8 magic
 *      8    8 bytes behind the head
 *     16    8 XXH3 of them
 *     24    8 bytes of texts, each with a NUL behind it; zeros up to a multiple of 8
 *     32    4 texts          36  4 files
 *     40    4 calls          44  4 agents
 *     48    4 faults         52  4 sizeof(struct usage_call): rows of another layout are not read
 *     56    8 zero
 */
struct segment_head {
    uint64_t magic, payload_bytes, checksum, string_bytes;
    uint32_t string_count, file_count, call_count, agent_count, fault_count, call_size;
    uint64_t zero;
};
static_assert(sizeof(struct segment_head) == 64, "head of a segment");
static_assert(sizeof(struct usage_file) % 8 == 0 && sizeof(struct usage_call) % 8 == 0 &&
                  sizeof(struct usage_agent) % 8 == 0 && sizeof(struct usage_fault) % 8 == 0,
              "rows keep to 8 bytes");

static void append_rows(struct str *bytes, const void *rows, size_t count, size_t size)
{
    if (count)
        str_append_bytes(bytes, rows, count * size);
}

int usage_segment_write(const struct usage_shelf *shelf, struct str *ret_bytes, struct err *err)
{
    static const char zeros[8];
    struct segment_head head = {.magic = SEGMENT_MAGIC,
                                .string_count = (uint32_t)shelf->strings.entries.count,
                                .file_count = (uint32_t)shelf->files.count,
                                .call_count = (uint32_t)shelf->calls.count,
                                .agent_count = (uint32_t)shelf->agents.count,
                                .fault_count = (uint32_t)shelf->faults.count,
                                .call_size = sizeof(struct usage_call)};
    size_t start = ret_bytes->length, body = start + sizeof head;
    str_append_bytes(ret_bytes, (const char *)&head, sizeof head);
    for (size_t i = 0; i < shelf->strings.entries.count; i++)
        str_append_bytes(ret_bytes, shelf->strings.entries.items[i].bytes,
                         shelf->strings.entries.items[i].length + 1);
    head.string_bytes = ret_bytes->length - body;
    str_append_bytes(ret_bytes, zeros, (8 - head.string_bytes % 8) % 8);
    append_rows(ret_bytes, shelf->files.items, shelf->files.count, sizeof shelf->files.items[0]);
    append_rows(ret_bytes, shelf->calls.items, shelf->calls.count, sizeof shelf->calls.items[0]);
    append_rows(ret_bytes, shelf->agents.items, shelf->agents.count, sizeof shelf->agents.items[0]);
    append_rows(ret_bytes, shelf->faults.items, shelf->faults.count, sizeof shelf->faults.items[0]);
    if (ret_bytes->failed)
        return err_memory(err);
    head.payload_bytes = ret_bytes->length - body;
    head.checksum = XXH3_64bits(ret_bytes->text + body, head.payload_bytes);
    memcpy(ret_bytes->text + start, &head, sizeof head);
    return 0;
}

/* --- reading --- */

/* Where the rows of a payload lie. */
struct sections {
    const char *strings, *files, *calls, *agents, *faults;
};

static const char *section(const char **at, const char *end, uint64_t count, size_t size)
{
    const char *start = *at;
    uint64_t bytes = 0;
    if (!start || num_mul_u64(count, size, &bytes) || bytes > (uint64_t)(end - start)) {
        *at = NULL;
        return NULL;
    }
    *at = start + bytes;
    return start;
}

static bool find_sections(const struct segment_head *head, const char *payload, struct sections *ret_sections)
{
    const char *at = payload, *end = payload + head->payload_bytes;
    uint64_t padded = 0;
    if (num_add_u64(head->string_bytes, (8 - head->string_bytes % 8) % 8, &padded))
        return false;
    ret_sections->strings = section(&at, end, padded, 1);
    ret_sections->files = section(&at, end, head->file_count, sizeof(struct usage_file));
    ret_sections->calls = section(&at, end, head->call_count, sizeof(struct usage_call));
    ret_sections->agents = section(&at, end, head->agent_count, sizeof(struct usage_agent));
    ret_sections->faults = section(&at, end, head->fault_count, sizeof(struct usage_fault));
    return at == end && head->call_size == sizeof(struct usage_call);
}

/* The texts of a segment, into a shelf of its own, whose ids are those of its rows. -1: no memory, 1: wrong. */
static int read_strings(const struct segment_head *head, const char *strings, struct usage_shelf *part)
{
    const char *at = strings, *end = strings + head->string_bytes;
    for (uint32_t i = 0; i < head->string_count; i++) {
        const char *behind = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        uint64_t id = 0;
        if (!behind)
            return 1;
        if (intern_put(&part->strings, at, (size_t)(behind - at), &id, NULL))
            return -1;
        if (id != i + 1)
            return 1;
        at = behind + 1;
    }
    return at == end ? 0 : 1;
}

static bool rows_are_right(const struct segment_head *head, const struct usage_shelf *part)
{
    uint32_t strings = head->string_count, files = head->file_count;
    bool right = true;
    for (size_t i = 0; i < part->files.count; i++)
        right = right && part->files.items[i].path && part->files.items[i].path <= strings;
    for (size_t i = 0; i < part->calls.count; i++) {
        const struct usage_call *call = &part->calls.items[i];
        right = right && call->file < files && call->session <= strings && call->agent <= strings &&
                call->project <= strings && call->task <= strings && call->model <= strings &&
                call->provider <= strings && call->region <= strings && call->tools <= strings &&
                call->tier <= SERVICE_FLEX && call->flags <= USAGE_FLAGS;
    }
    for (size_t i = 0; i < part->agents.count; i++) {
        const struct usage_agent *agent = &part->agents.items[i];
        right = right && agent->file < files && agent->session <= strings && agent->agent <= strings &&
                agent->kind <= strings && agent->title <= strings;
    }
    for (size_t i = 0; i < part->faults.count; i++)
        right = right && part->faults.items[i].file < files && part->faults.items[i].why <= strings;
    return right;
}

#define COPY_ROWS(vec, rows, total)                                                                          \
    ({                                                                                                       \
        int copy_status_ = vec_reserve((vec), (size_t)(total) + 1);                                          \
        if (!copy_status_ && (total))                                                                        \
            memcpy((vec)->items, (rows), (size_t)(total) * sizeof *(vec)->items);                            \
        if (!copy_status_)                                                                                   \
            (vec)->count = (total);                                                                          \
        copy_status_;                                                                                        \
    })

static enum segment_state read_payload(const struct segment_head *head, const char *payload,
                                       struct usage_shelf *part, bool *ret_no_memory)
{
    struct sections sections;
    if (!find_sections(head, payload, &sections))
        return SEGMENT_WRONG;
    int status = read_strings(head, sections.strings, part);
    if (!status)
        status = COPY_ROWS(&part->files, sections.files, head->file_count);
    if (!status)
        status = COPY_ROWS(&part->calls, sections.calls, head->call_count);
    if (!status)
        status = COPY_ROWS(&part->agents, sections.agents, head->agent_count);
    if (!status)
        status = COPY_ROWS(&part->faults, sections.faults, head->fault_count);
    *ret_no_memory = status < 0;
    return status || !rows_are_right(head, part) ? SEGMENT_WRONG : SEGMENT_WHOLE;
}

enum segment_state usage_segment_read(const char *bytes, size_t length, struct usage_shelf *shelf,
                                      size_t *ret_used, bool *ret_no_memory)
{
    struct segment_head head;
    struct usage_shelf part = {.source = shelf->source, .place = shelf->place};
    *ret_no_memory = false;
    if (length < sizeof head)
        return SEGMENT_TORN;
    memcpy(&head, bytes, sizeof head);
    if (head.magic != SEGMENT_MAGIC)
        return SEGMENT_WRONG;
    if (head.payload_bytes > length - sizeof head)
        return SEGMENT_TORN;
    if (XXH3_64bits(bytes + sizeof head, head.payload_bytes) != head.checksum)
        return SEGMENT_WRONG;
    enum segment_state state = read_payload(&head, bytes + sizeof head, &part, ret_no_memory);
    if (state == SEGMENT_WHOLE && shelf_take(shelf, &part)) {
        *ret_no_memory = true;
        state = SEGMENT_WRONG;
    }
    shelf_free(&part);
    *ret_used = sizeof head + head.payload_bytes;
    return state;
}
