/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Longer names cost the demangler more than they tell. */
#define NAME_BYTES_MAX 8192u

#define PLT_MARK "@plt"

static const char *const clone_marks[] = {".isra.",     ".constprop.", ".part.", ".cold",
                                          ".lto_priv.", ".llvm.",      ".local."};

static size_t clone_start(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof clone_marks / sizeof *clone_marks; i++) {
        const char *mark = memmem(name, length, clone_marks[i], strlen(clone_marks[i]));
        if (mark && mark != name)
            length = (size_t)(mark - name);
    }
    return length;
}

static size_t copy(const char *name, size_t length, char *buffer, size_t capacity)
{
    if (length >= capacity)
        length = capacity - 1;
    memcpy(buffer, name, length);
    buffer[length] = 0;
    return length;
}

size_t demangle(const char *name, char *buffer, size_t capacity)
{
    size_t length = strnlen(name, NAME_BYTES_MAX);
    bool mangled =
        length > 2 && length < NAME_BYTES_MAX && name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
    bool is_plt = mangled && str_ends(name, PLT_MARK);
    length = copy(name, is_plt ? length - strlen(PLT_MARK) : clone_start(name, length), buffer, capacity);
    if (!mangled)
        return length;
    char *readable = cplus_demangle(buffer, DMGL_AUTO);
    if (readable && *readable)
        length = copy(readable, strlen(readable), buffer, capacity);
    free(readable);
    if (is_plt)
        length += copy(PLT_MARK, strlen(PLT_MARK), buffer + length, capacity - length);
    return length;
}
