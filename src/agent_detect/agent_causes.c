/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_detect/agent_detector.h"

const struct agent_cause agent_causes[] = {
    {"slow-task", detect_slow_task},
    {"straggler", detect_agent_straggler},
    {"blocked-task", detect_blocked_task},
    {"high-tokens", detect_high_tokens},
    {"context-bloat", detect_context_bloat},
    {"agent-idle", detect_agent_idle},
    {"agent-overload", detect_agent_overload},
    {"model-oversized", detect_model_oversized},
    {"uncached-context", detect_uncached_context},
    {"repeated-context", detect_repeated_context},
    {"runaway-loop", detect_runaway_loop},
    {"retry-storm", detect_retry_storm},
    {"false-parallelism", detect_agent_false_parallelism},
    {"serial-independent", detect_serial_agents},
    {"small-batches", detect_small_tasks},
    {"config", detect_phases},
    {"human-wait", detect_human_wait},
    {"rate-limit", detect_rate_limit},
};
const size_t agent_cause_count = sizeof agent_causes / sizeof agent_causes[0];
