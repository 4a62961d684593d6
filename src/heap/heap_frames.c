/* SPDX-License-Identifier: Apache-2.0 */
#include "heap/heap_frames.h"

#include <string.h>

static uint64_t key_of(uint32_t image, uint64_t key)
{
    return map_hash((key & HEAP_KEY_MASK) ^ map_hash(image + 1ull));
}

bool heap_codes_is_new(struct heap_codes *codes, uint32_t image, const uint64_t *words,
                       struct heap_told_code *ret_code)
{
    size_t name_bytes = (size_t)(words[1] >> 48), file_bytes = (size_t)words[2];

    if (!name_bytes || map_recent_get(&codes->by_key, key_of(image, words[1]), HEAP_CODE_COUNT_MAX))
        return false;
    memcpy(ret_code->name, words + 3, name_bytes);
    ret_code->name[name_bytes] = '\0';
    memcpy(ret_code->file, words + 3 + heap_text_words(name_bytes), file_bytes);
    ret_code->file[file_bytes] = '\0';
    return ret_code->name[0] != '\0';
}

int heap_codes_put(struct heap_codes *codes, uint32_t image, const uint64_t *words, uint64_t number)
{
    return map_recent_put(&codes->by_key, key_of(image, words[1]), number, HEAP_CODE_COUNT_MAX);
}

void heap_frames_read(struct heap_codes *codes, uint32_t image, const uint64_t *words,
                      struct heap_told_frames *ret_frames)
{
    ret_frames->count = (size_t)words[1];
    for (size_t i = 0; i < ret_frames->count; i++) {
        uint64_t key = words[2 + 2 * i];
        uint64_t code = map_recent_get(&codes->by_key, key_of(image, key), HEAP_CODE_COUNT_MAX);
        ret_frames->items[i] = (struct heap_told_frame){
            .code = code, .line = (uint32_t)words[3 + 2 * i], .is_entry = (key & HEAP_ENTRY) != 0};
    }
}

void heap_codes_deinit(struct heap_codes *codes)
{
    map_recent_free(&codes->by_key);
}
