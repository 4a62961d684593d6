/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "symbol/jit_code.h"

/* Takes ":12:7" or ":12" from the end of a place; the length of what is before it, 0 in ret_line for none. */
static size_t take_line(const char *place, size_t length, uint32_t *ret_line)
{
    size_t before = length;
    *ret_line = 0;
    for (int part = 0; part < 2; part++) {
        size_t at = before;
        while (at > 0 && isdigit((unsigned char)place[at - 1]))
            at--;
        if (at == before || at == 0 || place[at - 1] != ':')
            break;
        *ret_line = (uint32_t)strtoul(place + at, NULL, 10);
        before = at - 1;
    }
    return before;
}

/* The length of what V8 puts before the names of JavaScript; 0 when nothing of it is there. */
static size_t v8_kind_length(const char *name)
{
    static const char *const kinds[] = {"JS:", "LazyCompile:", "Function:", "Script:", "Eval:"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_starts(name, kinds[i]))
            return strlen(kinds[i]);
    return 0;
}

bool jit_name_is_v8(const char *name)
{
    return v8_kind_length(name) > 0;
}

/* V8: "JS:*name file:line:column", "LazyCompile:~name file:line:column"; the mark says how far it was optimised. */
static int split_v8(struct arena *arena, const char *name, struct jit_place *place, struct err *err)
{
    size_t kind = v8_kind_length(name);
    if (!kind)
        return 0;
    const char *function = name + kind + strspn(name + kind, "*~^+");
    place->is_interpreted = name[kind] == '~';
    const char *blank = strchr(function, ' ');
    if (!blank)
        return 0;
    size_t length = take_line(blank + 1, strlen(blank + 1), &place->line);
    place->file = length ? arena_copy(arena, blank + 1, length) : NULL;
    place->name = blank > function ? arena_copy(arena, function, (size_t)(blank - function)) : "(anonymous)";
    return place->name && (place->file || !length) ? 0 : err_memory(err);
}

/* CPython with -X perf: "py::qualified.name:/path/file.py". */
static int split_python(struct arena *arena, const char *name, struct jit_place *place, struct err *err)
{
    const char *function = name + strlen("py::"), *colon = strrchr(function, ':');
    if (!str_starts(name, "py::") || !colon || colon == function)
        return 0;
    place->file = colon[1] ? colon + 1 : NULL;
    place->name = arena_copy(arena, function, (size_t)(colon - function));
    return place->name ? 0 : err_memory(err);
}

int jit_name_split(struct arena *arena, const char *name, struct jit_place *ret_place, struct err *err)
{
    *ret_place = (struct jit_place){.name = name};
    return str_starts(name, "py::") ? split_python(arena, name, ret_place, err)
                                    : split_v8(arena, name, ret_place, err);
}
