/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/reseal.h"

#include <string.h>
#include <xxhash.h>

#include "recording/format.h"

static uint64_t reseal_block(uint8_t *bytes, size_t length)
{
    struct format_block header;
    memcpy(&header, bytes, sizeof header);
    size_t payload = sizeof header + header.column_count * sizeof(struct format_column);
    if (payload > length)
        return header.checksum;
    for (size_t i = 0; i < header.column_count; i++) {
        struct format_column column;
        uint8_t *place = bytes + sizeof header + i * sizeof column;
        memcpy(&column, place, sizeof column);
        if (column.length > length - payload)
            break;
        column.checksum = XXH3_64bits(bytes + payload, column.length);
        memcpy(place, &column, sizeof column);
        payload += column.length;
    }
    uint64_t seed = XXH3_64bits(bytes, offsetof(struct format_block, checksum));
    header.checksum =
        XXH3_64bits_withSeed(bytes + sizeof header, header.column_count * sizeof(struct format_column), seed);
    memcpy(bytes, &header, sizeof header);
    return header.checksum;
}

static void reseal_entries(uint8_t *bytes, const struct format_trailer *trailer)
{
    for (uint64_t i = 0; i < trailer->entry_count; i++) {
        struct format_entry entry;
        uint8_t *place = bytes + trailer->index_offset + FORMAT_DIRECTORY_BYTES + i * sizeof entry;
        memcpy(&entry, place, sizeof entry);
        if (entry.offset > trailer->index_offset || entry.length > trailer->index_offset - entry.offset ||
            entry.length < sizeof(struct format_block))
            continue;
        entry.checksum = reseal_block(bytes + entry.offset, entry.length);
        memcpy(place, &entry, sizeof entry);
    }
}

void reseal(uint8_t *bytes, size_t length)
{
    struct format_header header;
    struct format_trailer trailer;
    if (length < sizeof header + FORMAT_DIRECTORY_BYTES + sizeof trailer)
        return;
    memcpy(bytes, FORMAT_MAGIC, sizeof header.magic);
    uint64_t checksum = XXH3_64bits(bytes, offsetof(struct format_header, checksum));
    memcpy(bytes + offsetof(struct format_header, checksum), &checksum, sizeof checksum);
    size_t end = length - sizeof trailer;
    memcpy(&trailer, bytes + end, sizeof trailer);
    if (trailer.index_offset >= end || trailer.index_length != end - trailer.index_offset ||
        trailer.index_length != FORMAT_DIRECTORY_BYTES + trailer.entry_count * sizeof(struct format_entry))
        return;
    reseal_entries(bytes, &trailer);
    trailer.index_checksum = XXH3_64bits(bytes + trailer.index_offset, trailer.index_length);
    trailer.checksum = XXH3_64bits(&trailer, offsetof(struct format_trailer, checksum));
    memcpy(trailer.magic, FORMAT_TRAILER_MAGIC, sizeof trailer.magic);
    memcpy(bytes + end, &trailer, sizeof trailer);
}
