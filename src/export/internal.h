/* SPDX-License-Identifier: Apache-2.0 */
/* internal: the writers behind foreign_formats[], one file each. */
#ifndef TOLL_EXPORT_INTERNAL_H
#define TOLL_EXPORT_INTERNAL_H

#include "export/foreign.h"

#define FOREIGN_WRITER(name)                                                                                 \
    WARN_UNUSED int name(const struct foreign_input *input, struct byte_stream *stream, struct err *err)

FOREIGN_WRITER(firefox_write);
FOREIGN_WRITER(folded_write);
FOREIGN_WRITER(perfetto_write);
FOREIGN_WRITER(pprof_write);
FOREIGN_WRITER(speedscope_write);
FOREIGN_WRITER(trace_event_write);

/* "worker (tid 12)", "make": a track's name for people. */
void track_label(const struct cast *cast, uint32_t track, struct str *str);

#endif
