/* SPDX-License-Identifier: Apache-2.0 */
/* heap_detectors: the functions behind rank's array; each stands in the file of its cause. */
#ifndef TOLL_HEAP_DETECT_HEAP_DETECTORS_H
#define TOLL_HEAP_DETECT_HEAP_DETECTORS_H

#include "detect/detector.h"

int detect_allocation_churn(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_memory_leak(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_gc(const struct scene *scene, struct cause_claims *claims, struct err *err);

#endif
