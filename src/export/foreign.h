/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign: a recording in the file formats of other tools. One file and one row of foreign_formats[] each.
 *
 * Writers are pure: the same view and choice give the same bytes. They read the view in scans and write as they go, so a long run takes
 * no more memory than its largest thread (track_rows.h). Names in a recording come from the recorded program: a writer escapes them for
 * its format.
 */
#ifndef TOLL_EXPORT_FOREIGN_H
#define TOLL_EXPORT_FOREIGN_H

#include "export/byte_stream.h"
#include "export/cast.h"
#include "model/stack_kind.h"

struct foreign_input {
    const struct cast *cast;
    const struct cast *against; /* the recording before, of a difference; NULL */
    enum stack_kind kind;
    const char *title; /* the recording's name */
};

struct foreign_format {
    const char *name;             /* what --format takes */
    const char *extension;        /* of a file of this format, without the dot */
    bool takes_heap;              /* also what was allocated, by stack */
    enum stack_kind kind_default; /* what it shows unless asked otherwise */
    bool compares;                /* takes `against` */
    bool is_binary;
    int (*write)(const struct foreign_input *input, struct byte_stream *stream, struct err *err);
};

extern const struct foreign_format foreign_formats[];
extern const size_t foreign_format_count;

/* NULL when there is none of that name. */
const struct foreign_format *foreign_find(const char *name);

struct foreign_choice {
    const struct foreign_format *format;
    const char *kind; /* NULL: the format's own */
    const char *title;
};

/* Writes a view; `against` is NULL but for a difference. ERR_USAGE for a kind that there is not, or a difference in a format that
 * has none. */
WARN_UNUSED int foreign_write(const struct view *view, const struct view *against,
                              const struct foreign_choice *choice, byte_stream_write_fn *write, void *context,
                              struct err *err);

#endif
