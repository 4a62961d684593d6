/* SPDX-License-Identifier: Apache-2.0 */
/* dataset: the tables in memory; a sink and a view at once, for tests and for small imports. */
#ifndef TOLL_MODEL_DATASET_H
#define TOLL_MODEL_DATASET_H

#include "base/map.h"
#include "base/vec.h"
#include "model/view.h"

struct dataset {
    struct sink sink; /* first: a sink pointer is a dataset pointer */
    struct view view;
    struct intern strings;
    VEC(uint64_t) columns[TABLE_END][TABLE_COLUMN_MAX];
};

void dataset_init(struct dataset *dataset);
void dataset_deinit(struct dataset *dataset);

#endif
