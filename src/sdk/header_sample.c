/* SPDX-License-Identifier: Apache-2.0 */
/* header_sample: every call of toll.h, as C99 and as C++11, with and without TOLL_DISABLE. */
#include <toll.h>

static int work(int depth)
{
    TOLL_SPAN("work");
    toll_rows(1);
    toll_bytes(2);
    toll_requests(3);
    toll_tokens_input(4);
    toll_tokens_output(5);
    toll_usage("pages", 0.5);
    if (depth > 0) {
        TOLL_SPAN("inner");
        TOLL_SPAN("second of the block");
        return work(depth - 1);
    }
    return toll_active();
}

int main(void)
{
    char token[TOLL_TOKEN_BYTES];
    struct toll_span span = toll_span_begin("main");
    int active;

    toll_worker_begin("worker 1");
    toll_agent_begin("reviewer");
    active = work(3);
    toll_counter("queue depth", 3);
    toll_token(token);
    toll_depends(token);
    toll_message_received(token);
    toll_agent_end();
    toll_worker_end();
    toll_span_end(span);
    return active || token[0];
}
