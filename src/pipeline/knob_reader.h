/* SPDX-License-Identifier: Apache-2.0 */
/* knob_reader: one knob of toll.yaml. Inside pipeline alone. */
#ifndef TOLL_PIPELINE_KNOB_READER_H
#define TOLL_PIPELINE_KNOB_READER_H

#include "codec/yaml_reader.h"
#include "pipeline/pipeline_file.h"

struct pipeline_reader {
    struct pipeline_file *file; /* its run and its environment are read */
    struct yaml_reader yaml;
};

/* A member of `knobs`; it becomes one of the file's. */
WARN_UNUSED int knob_read(struct pipeline_reader *reader, const struct yaml_value *value);

bool knob_is_variable_name(const char *name);

#endif
