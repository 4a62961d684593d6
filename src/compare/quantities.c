/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/quantities.h"

#include <string.h>

#define NODES_MAX    20000u
#define READINGS_MAX 1000000u /* of all frames together */

static size_t recording_count(const struct quantities *quantities)
{
    return quantities->count_a + quantities->count_b;
}

static struct reading *readings_make(struct quantities *quantities)
{
    return arena_alloc(quantities->arena, recording_count(quantities) * sizeof(struct reading));
}

int quantities_init(struct quantities *quantities, struct arena *arena, struct err *err)
{
    quantities->arena = arena;
    struct frame_node root = {.name = "all", .readings = readings_make(quantities)};
    return !root.readings || vec_push(&quantities->nodes, root) ? err_memory(err) : 0;
}

void quantities_free(struct quantities *quantities)
{
    intern_free(&quantities->keys);
    intern_free(&quantities->names);
    vec_free(&quantities->items);
    vec_free(&quantities->nodes);
    map_free(&quantities->children);
}

static const char *kept(struct quantities *quantities, const char *text)
{
    return arena_string(quantities->arena, text ? text : "");
}

static int make(struct quantities *quantities, const struct quantity_key *key, struct err *err)
{
    struct quantity made = {.key = *key, .readings = readings_make(quantities)};
    made.key.place = kept(quantities, key->place);
    made.key.detail = kept(quantities, key->detail);
    made.key.peer = kept(quantities, key->peer);
    made.key.metric = kept(quantities, key->metric);
    made.key.unit = kept(quantities, key->unit);
    if (!made.readings || !made.key.place || !made.key.detail || !made.key.peer || !made.key.metric ||
        !made.key.unit)
        return err_memory(err);
    return vec_push(&quantities->items, made) ? err_memory(err) : 0;
}

int quantities_add(struct quantities *quantities, const struct quantity_key *key,
                   const struct quantity_part *part, struct err *err)
{
    struct str text = {0};
    const char *parts[] = {key->place, key->detail, key->peer, key->metric};
    uint64_t id = 0;
    bool is_new = false;
    str_printf(&text, "%d", (int)key->kind);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        str_printf(&text, "\1%s", parts[i] ? parts[i] : "");
    int status = text.failed ? err_memory(err) : 0;
    if (!status && quantities->items.count >= QUANTITIES_MAX) {
        id = intern_find(&quantities->keys, text.text, text.length);
        quantities->is_cut = quantities->is_cut || !id;
        if (!id) {
            str_free(&text);
            return 0;
        }
    } else if (!status && intern_put(&quantities->keys, text.text, text.length, &id, &is_new)) {
        status = err_memory(err);
    }
    str_free(&text);
    if (!status && is_new)
        status = make(quantities, key, err);
    if (status)
        return status;
    struct reading *reading = &quantities->items.items[id - 1].readings[part->recording];
    reading->value += part->value;
    reading->count += part->count;
    reading->squares += part->squares;
    reading->waited += part->waited;
    reading->machine += part->machine;
    return 0;
}

size_t quantities_child(struct quantities *quantities, size_t parent, const char *name, const char *module)
{
    uint64_t id;
    if (intern_put(&quantities->names, name, strlen(name), &id, NULL))
        return SIZE_MAX;
    uint64_t key = id << 32 | parent; /* both are far below 2^32 */
    const uint64_t *found = map_get(&quantities->children, key);
    if (found)
        return (size_t)*found;
    size_t room = READINGS_MAX / (recording_count(quantities) + 1);
    if (quantities->nodes.count >= (room < NODES_MAX ? room : NODES_MAX)) {
        quantities->is_cut = true;
        return parent;
    }
    struct frame_node node = {.name = kept(quantities, name),
                              .module = module && module[0] ? kept(quantities, module) : NULL,
                              .parent = parent,
                              .readings = readings_make(quantities)};
    if (!node.name || !node.readings || vec_push(&quantities->nodes, node) ||
        map_put(&quantities->children, key, quantities->nodes.count - 1))
        return SIZE_MAX;
    return quantities->nodes.count - 1;
}

struct noise_side quantity_a(const struct quantities *quantities, const struct reading *readings)
{
    return (struct noise_side){readings, quantities->count_a};
}

struct noise_side quantity_b(const struct quantities *quantities, const struct reading *readings)
{
    return (struct noise_side){readings + quantities->count_a, quantities->count_b};
}
