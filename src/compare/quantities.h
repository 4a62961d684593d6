/* SPDX-License-Identifier: Apache-2.0 */
/* quantities: everything that is compared of recordings, one reading for each recording. */
#ifndef TOLL_COMPARE_QUANTITIES_H
#define TOLL_COMPARE_QUANTITIES_H

#include "base/map.h"
#include "base/vec.h"
#include "compare/compare.h"
#include "compare/noise.h"

#define QUANTITIES_MAX 100000u

/* Texts need only live during the call; NULL is "". */
struct quantity_key {
    enum compare_kind kind;
    const char *place, *detail, *peer, *metric;
    const char *unit;
    enum reading_kind reading;
    double factor; /* of the deviation between runs */
    bool higher_is_better, follows;
};

struct quantity {
    struct quantity_key key;
    struct reading *readings; /* recording_count, those of A first */
};

/* A frame of the call tree, with the samples that ended in it. */
struct frame_node {
    const char *name, *module;
    size_t parent;
    struct reading *readings;
};

struct quantities {
    struct arena *arena; /* of the comparison */
    size_t count_a, count_b;
    struct intern keys; /* id - 1 is the index in items */
    struct intern names;
    VEC(struct quantity) items;
    VEC(struct frame_node) nodes;
    struct map children; /* (parent, name) to node index */
    bool is_cut;         /* there were more than fit */
};

WARN_UNUSED int quantities_init(struct quantities *quantities, struct arena *arena, struct err *err);
void quantities_free(struct quantities *quantities);

/* Adds a part to a recording's reading of a quantity; parts of no samples and no waits have a count of 0. */
struct quantity_part {
    size_t recording;
    double value, count, squares, waited, machine;
};
WARN_UNUSED int quantities_add(struct quantities *quantities, const struct quantity_key *key,
                               const struct quantity_part *part, struct err *err);

/* The child of a frame with that name, made when new. SIZE_MAX when memory ran out. */
size_t quantities_child(struct quantities *quantities, size_t parent, const char *name, const char *module);

struct noise_side quantity_a(const struct quantities *quantities, const struct reading *readings);
struct noise_side quantity_b(const struct quantities *quantities, const struct reading *readings);

#endif
