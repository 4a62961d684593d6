/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec: a growing array of any element type.
 *
 *     VEC(struct thing) things = {0};
 *     if (vec_push(&things, thing))      -- 0, or -1 when memory ran out
 *         return err_memory(err);
 *     vec_free(&things);
 *
 * The owner frees it; items move when it grows, so hold indexes, not pointers.
 */
#ifndef TOLL_BASE_VEC_H
#define TOLL_BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

#define VEC(type)                                                                                            \
    struct {                                                                                                 \
        type *items;                                                                                         \
        size_t count;                                                                                        \
        size_t capacity;                                                                                     \
    }

/* Makes room for `count` items of `size` bytes; the pointer is returned, or NULL and nothing changed. */
void *vec_grow(void *items, size_t *capacity, size_t count, size_t size);

/* The analyzer sees one source at a time: this tells it that an array with room has items. */
#ifdef __clang_analyzer__
#define VEC_HAS_ITEMS(vec) ((vec)->items ? (void)0 : __builtin_unreachable())
#else
#define VEC_HAS_ITEMS(vec) ((void)0)
#endif

/* The void-pointer copy keeps one out-of-line function for all element types. */
#define vec_reserve(vec, wanted)                                                                             \
    ({                                                                                                       \
        int vec_status_ = 0;                                                                                 \
        if ((wanted) > (vec)->capacity) {                                                                    \
            void *vec_items_ = vec_grow((vec)->items, &(vec)->capacity, (wanted), sizeof *(vec)->items);     \
            if (vec_items_)                                                                                  \
                (vec)->items = vec_items_;                                                                   \
            else                                                                                             \
                vec_status_ = -1;                                                                            \
        }                                                                                                    \
        if (!vec_status_)                                                                                    \
            VEC_HAS_ITEMS(vec);                                                                              \
        vec_status_;                                                                                         \
    })

#define vec_push(vec, ...)                                                                                   \
    ({                                                                                                       \
        int vec_pushed_ = vec_reserve((vec), (vec)->count + 1);                                              \
        if (!vec_pushed_)                                                                                    \
            (vec)->items[(vec)->count++] = (__VA_ARGS__);                                                    \
        vec_pushed_;                                                                                         \
    })

#define vec_free(vec)                                                                                        \
    do {                                                                                                     \
        free((vec)->items);                                                                                  \
        (vec)->items = NULL;                                                                                 \
        (vec)->count = (vec)->capacity = 0;                                                                  \
    } while (0)

#endif
