/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detectors.h"
#include "heap_detect/heap_detectors.h"

const struct detector detectors[] = {
    {"serial-independent", detect_serial_independent},
    {"serial-stages", detect_stage_overlap},
    {"network-wait", detect_network_wait},
    {"disk-sync", detect_disk_sync},
    {"disk-read", detect_disk_read},
    {"sleep-poll", detect_sleep_poll},
    {"child-wait", detect_child_wait},
    {"pipe-backpressure", detect_pipe_backpressure},
    {"lock-contention", detect_lock_contention},
    {"cpu-contention", detect_cpu_contention},
    {"memory-reclaim", detect_memory_reclaim},
    {"page-faults", detect_page_faults},
    {"spin", detect_spin},
    {"straggler", detect_straggler},
    {"imbalance", detect_imbalance},
    {"idle-worker", detect_idle_worker},
    {"config", detect_pool_size},
    {"allocation-churn", detect_allocation_churn},
    {"gc", detect_gc},
    {"cpu-hot", detect_cpu_hot},
    {"chatty-client", detect_chatty_client},
    {"small-batches", detect_small_batches},
    {"connection-churn", detect_connection_churn},
    {"unbuffered-io", detect_unbuffered_io},
    {"memory-leak", detect_memory_leak},
    {"handle-leak", detect_handle_leak},
    {"queue-growth", detect_queue_growth},
    {"cpu-single-thread", detect_cpu_single_thread},
};

const size_t detector_count = sizeof detectors / sizeof detectors[0];
