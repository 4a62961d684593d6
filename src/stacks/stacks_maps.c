/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings that no event told: of a process that ran before, and code that is in no file. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"
#include "stacks/stacks.h"
#include "stacks/stacks_state.h"

#define MAPS_BYTES_MAX (16u << 20)
#define LOOK_NS_MIN                                                                                          \
    (20 *                                                                                                    \
     NS_PER_MS) /* between two looks at a process's mappings: twice as long after each that found nothing */
#define LOOK_NS_MAX (NS_PER_S)
#define LOOK_BITS   10 /* of the pause, in ms, below when the next look is due, in ms too */
static_assert(LOOK_NS_MAX / NS_PER_MS < 1u << LOOK_BITS, "it has room");

/* A line of /proc/PID/maps that is of code. */
static bool line_read(const char *line, struct perf_map *ret_map)
{
    struct perf_map map = {0};
    uint64_t end = 0;
    char permissions[8] = "";
    int name = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n", &map.address, &end,
               permissions, &map.offset_bytes, &map.device_major, &map.device_minor, &map.inode,
               &name) < 7 || /* NOLINT(cert-err34-c): a line of another form is left out */
        !name ||
        permissions[2] != 'x' || end <= map.address)
        return false;
    map.length_bytes = end - map.address;
    map.path = line[name] ? line + name : "//anon";
    *ret_map = map;
    return true;
}

/* `is_new`: those alone that begin where nothing is known. */
static int maps_read(struct stacks *stacks, uint32_t pid, bool is_new, size_t *ret_count, struct err *err)
{
    char path[64];
    struct str text = {0};
    struct err ignored;
    struct perf_map map;
    int status = 0;

    *ret_count = 0;
    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    if (fs_read(path, MAPS_BYTES_MAX, &text, &ignored) == 0 && text.text) {
        char *rest = text.text;
        for (char *line; !status && (line = strsep(&rest, "\n"));) {
            if (!line_read(line, &map) || (is_new && process_maps_find(&stacks->maps, pid, map.address)))
                continue;
            status = stacks_map(stacks, pid, &map, err);
            *ret_count += 1;
        }
    }
    str_free(&text);
    return status;
}

int stacks_read_maps(struct stacks *stacks, uint32_t pid, struct err *err)
{
    size_t count;

    return maps_read(stacks, pid, false, &count, err);
}

/* Without memory for it the code is not known. */
static void look(struct stacks *stacks, uint32_t pid)
{
    const uint64_t *known = map_get(&stacks->map_looks, pid);
    uint64_t pause_ms = known ? *known & ((1u << LOOK_BITS) - 1) : LOOK_NS_MIN / NS_PER_MS / 2;
    uint64_t now_ms = stacks->now_ns / NS_PER_MS;
    size_t count = 0;

    if (known && now_ms < *known >> LOOK_BITS)
        return;
    (void)!maps_read(stacks, pid, true, &count, NULL);
    pause_ms = count ? LOOK_NS_MIN / NS_PER_MS : num_min(pause_ms * 2, LOOK_NS_MAX / NS_PER_MS);
    (void)!map_put(&stacks->map_looks, pid, (now_ms + pause_ms) << LOOK_BITS | pause_ms);
}

const struct mapping *stacks_map_find(struct stacks *stacks, uint32_t pid, uint64_t address)
{
    const struct mapping *mapping = process_maps_find(&stacks->maps, pid, address);

    if (mapping || !stacks->is_told_files)
        return mapping;
    look(stacks, pid);
    return process_maps_find(&stacks->maps, pid, address);
}
