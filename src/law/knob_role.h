/* SPDX-License-Identifier: Apache-2.0 */
/* knob_role: what the name of a setting says about what it sets, and so about the law that its values follow. */
#ifndef TOLL_LAW_KNOB_ROLE_H
#define TOLL_LAW_KNOB_ROLE_H

enum knob_role {
    KNOB_ROLE_OTHER,   /* the name does not say */
    KNOB_ROLE_WORKERS, /* how many at once: "workers", "max_connections", "JOBS" */
    KNOB_ROLE_BATCH    /* how much at a time: "batch", "chunk_bytes", "buffer" */
};

enum knob_role knob_role_of_name(const char *name);

#endif
