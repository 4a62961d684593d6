/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_place: whether a process runs CPython, which version, and where its state lies: the program (python3.11) or the
 * library (libpython3.11.so) that has `_PyRuntime` among its symbols. Files are read once each.
 */
#ifndef TOLL_RUNTIME_PYTHON_PLACE_H
#define TOLL_RUNTIME_PYTHON_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "python/python_layout.h"

#define PYTHON_EVAL_MAX 4 /* pieces that the compiler made of the function that runs Python code */

struct python_range {
    uint64_t low, high; /* addresses of the process; high is past the end */
};

struct python_place {
    struct python_range runtime; /* _PyRuntime: the GIL lies in it */
    uint64_t code_type;          /* PyCode_Type, 0: not known */
    struct python_range eval[PYTHON_EVAL_MAX];
    size_t eval_count;
    uint64_t version_hex; /* PY_VERSION_HEX, as far as it is known */
    struct python_layout layout;
};

/* What one file says, in its own addresses. */
struct python_file {
    uint64_t device, inode;
    bool has_runtime;
    uint64_t version_address; /* of Py_Version; 0: older than 3.11 */
    struct python_place place;
    VEC(struct python_range) segments; /* file offsets */
    VEC(uint64_t) addresses;           /* of their beginnings */
};

struct python_files {
    VEC(struct python_file) items;
};

enum python_found {
    PYTHON_NONE,  /* no Python, or none whose state can be found */
    PYTHON_FOUND, /* ret_place is filled */
    PYTHON_UNKNOWN, /* Python of a version whose layout is not known; ret_place has its version, 0 before 3.11 */
    PYTHON_REFUSED /* Python, and its memory may not be read */
};

enum python_found python_place_find(struct python_files *files, uint32_t pid, struct python_place *ret_place);
/* A file's code in a process. */
struct python_mapping {
    const char *path;
    uint64_t address, offset; /* from there on in the file */
    uint64_t inode;           /* 0: not known */
};

/* The functions that run Python code, of an interpreter's file that a process has mapped. Returns how many; 0 also when the file is none,
 * or when the process is gone and another file has that path here. */
size_t python_eval_find(struct python_files *files, uint32_t pid, const struct python_mapping *mapping,
                        struct python_range ret_ranges[PYTHON_EVAL_MAX]);
void python_files_free(struct python_files *files);

/* Whether a file of that name may be an interpreter: python3.11, libpython3.11.so.1.0. */
bool python_is_interpreter(const char *path);

#endif
