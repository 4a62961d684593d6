/* SPDX-License-Identifier: Apache-2.0 */
/* detectors: the functions behind the array; each stands in the file of its cause. */
#ifndef TOLL_DETECT_DETECTORS_H
#define TOLL_DETECT_DETECTORS_H

#include "detect/detector.h"

int detect_serial_independent(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_network_wait(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_disk_sync(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_disk_read(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_sleep_poll(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_child_wait(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_pipe_backpressure(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_lock_contention(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_cpu_contention(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_page_faults(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_cpu_hot(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_memory_reclaim(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_stage_overlap(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_spin(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_straggler(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_imbalance(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_idle_worker(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_pool_size(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_chatty_client(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_small_batches(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_connection_churn(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_unbuffered_io(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_handle_leak(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_queue_growth(const struct scene *scene, struct cause_claims *claims, struct err *err);
int detect_cpu_single_thread(const struct scene *scene, struct cause_claims *claims, struct err *err);

#endif
