/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/perf_marks.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

/* The file's header: where a table of struct perf_event_attr is, each followed by a section of its ids, and the records. */
struct head {
    char magic[8];
    uint64_t size, attr_bytes;
    uint64_t attrs_offset, attrs_bytes;
    uint64_t data_offset, data_bytes;
};

static bool is_inside(uint64_t offset, uint64_t bytes, uint64_t size)
{
    return offset <= size && bytes <= size - offset;
}

static bool asks_for_build_ids(const uint8_t *file, const struct head *head)
{
    for (uint64_t at = 0; at + head->attr_bytes <= head->attrs_bytes; at += head->attr_bytes) {
        struct perf_event_attr attr = {0};
        memcpy(&attr, file + head->attrs_offset + at, num_min(head->attr_bytes, sizeof attr));
        if (attr.build_id)
            return true;
    }
    return false;
}

static size_t clear(uint8_t *file, uint64_t size)
{
    struct head head;
    struct perf_event_header record;
    size_t count = 0;
    if (size < sizeof head)
        return 0;
    memcpy(&head, file, sizeof head);
    if (memcmp(head.magic, "PERFILE2", sizeof head.magic) != 0 || head.attr_bytes < PERF_ATTR_SIZE_VER0 ||
        !is_inside(head.attrs_offset, head.attrs_bytes, size) ||
        !is_inside(head.data_offset, head.data_bytes, size) || asks_for_build_ids(file, &head))
        return 0;
    for (uint64_t at = 0; head.data_bytes - at >= sizeof record; at += record.size) {
        uint8_t *place = file + head.data_offset + at;
        memcpy(&record, place, sizeof record);
        if (record.size < sizeof record || record.size > head.data_bytes - at)
            break;
        if (record.type == PERF_RECORD_MMAP2 && record.misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
            record.misc &= (uint16_t)~PERF_RECORD_MISC_MMAP_BUILD_ID;
            memcpy(place, &record, sizeof record);
            count++;
        }
    }
    return count;
}

size_t perf_marks_clear(const char *path)
{
    struct stat about;
    size_t count = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (fstat(fd, &about) == 0 && about.st_size > 0) {
        size_t size = (size_t)about.st_size;
        void *file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (file != MAP_FAILED) {
            count = clear(file, size);
            munmap(file, size);
        }
    }
    close(fd);
    return count;
}
