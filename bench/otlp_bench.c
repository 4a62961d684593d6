/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_bench [SECONDS [CONNECTIONS]]: how many spans a second `toll record --otlp` takes, from a client on the same machine that sends
 * batches of 512 spans with ten attributes each over several connections, each waiting for its acknowledgement before it sends
 * again. Beside it: how soon requests are acknowledged, the most memory the receiver had while it received and while it sealed, and
 * what sealing takes. Every span has an identity of its own, so none is left out as told before.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "otlp/request_write.h"

#define BATCH           512u
#define CONNECTIONS_MAX 64
#define SECONDS         5
#define LATENCIES_MAX   1000000u
#define ANSWER_BYTES    4096
#define HEAD_BYTES      256
#define MARK            0x4d41524b4d41524bull /* stands in a trace id until the batch is sent */
#define WARM_UP_NS      (NS_PER_S / 2)

struct receiver_process {
    pid_t pid;
    FILE *talk; /* its stderr */
    unsigned port;
};

struct connection {
    pthread_t thread;
    unsigned port, number;
    const struct str *batch;        /* each sends a copy of its own */
    uint64_t deadline_ns, begin_ns; /* what is acknowledged in between counts */
    uint64_t span_count, request_count;
    uint64_t sent_count; /* all of them */
    uint32_t *latencies_us;
    const char *failure;
};

static struct otlp_text text_of(const char *text)
{
    return (struct otlp_text){text, strlen(text)};
}

static struct otlp_attribute text_attribute(const char *key, const char *value)
{
    return (struct otlp_attribute){text_of(key), {.kind = OTLP_TEXT, .text = text_of(value)}};
}

static struct otlp_attribute number_attribute(const char *key, int64_t value)
{
    return (struct otlp_attribute){text_of(key), {.kind = OTLP_INTEGER, .integer = value}};
}

/* Requests as a web service makes them: traces of eight spans, one of them a query, one another service's. */
static int make_batch(struct str *body, struct err *err)
{
    static struct otlp_span spans[BATCH];
    struct otlp_attribute resource[] = {text_attribute("service.name", "checkout"),
                                        text_attribute("host.name", "web-7"),
                                        text_attribute("telemetry.sdk.language", "nodejs")};
    struct otlp_attribute attributes[] = {
        text_attribute("http.request.method", "POST"),
        text_attribute("http.route", "/api/v2/orders/{order_id}/items"),
        text_attribute("url.scheme", "https"),
        text_attribute("server.address", "checkout.internal"),
        number_attribute("server.port", 8443),
        number_attribute("http.response.status_code", 200),
        text_attribute("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
        text_attribute("network.protocol.version", "1.1"),
        text_attribute("thread.name", "worker-3"),
        number_attribute("retry.count", 0),
    };
    uint64_t mark = MARK, now_ns = clock_realtime_ns();
    for (unsigned i = 0; i < BATCH; i++) {
        spans[i] = (struct otlp_span){
            .span_id = i + 1,
            .parent_id = i % 8 ? i - i % 8 + 1 : 0,
            .name = text_of(i % 8 ? "charge card" : "POST /api/v2/orders/{order_id}/items"),
            .scope = text_of("@opentelemetry/instrumentation-http"),
            .kind = i % 8 == 0   ? OTLP_KIND_SERVER
                    : i % 8 == 1 ? OTLP_KIND_CLIENT
                                 : OTLP_KIND_INTERNAL,
            .start_ns = now_ns + i * 1000ull,
            .end_ns = now_ns + i * 1000ull + (i % 8 ? 500 : 8500),
            .resource = {resource, sizeof resource / sizeof resource[0]},
            .attributes = {attributes, sizeof attributes / sizeof attributes[0]}};
        memcpy(spans[i].trace_id, &mark, sizeof mark);
        spans[i].trace_id[15] = (uint8_t)(i / 8);
    }
    return otlp_write_spans(spans, BATCH, body, err);
}

static int start_receiver(const char *toll, const char *file, struct receiver_process *ret_receiver)
{
    int ends[2];
    char line[512];
    if (pipe(ends))
        return -1;
    ret_receiver->pid = fork();
    if (ret_receiver->pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(toll, toll, "record", "--otlp", "127.0.0.1:0", "-o", file, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ret_receiver->talk = fdopen(ends[0], "r");
    if (ret_receiver->pid < 0 || !ret_receiver->talk || !fgets(line, sizeof line, ret_receiver->talk))
        return -1;
    const char *at = strstr(line, "http://127.0.0.1:");
    ret_receiver->port = at ? (unsigned)strtoul(at + strlen("http://127.0.0.1:"), NULL, 10) : 0;
    return ret_receiver->port ? 0 : -1;
}

/* The most memory that the process had, in bytes; 0 when it cannot be read. */
static uint64_t memory_max(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kilobytes = strtoull(line + 6, NULL, 10);
    (void)fclose(file);
    return kilobytes * 1024;
}

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        return -1;
    return fd;
}

static bool send_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* The status of an answer whose body is empty, as that to a request in protobuf that was taken; 0 when there is none. */
static unsigned read_answer(int fd)
{
    char answer[ANSWER_BYTES + 1];
    size_t length = 0;
    for (;;) {
        ssize_t got = recv(fd, answer + length, ANSWER_BYTES - length, 0);
        if (got <= 0)
            return 0;
        length += (size_t)got;
        answer[length] = '\0';
        if (strstr(answer, "\r\n\r\n"))
            return (unsigned)strtoul(answer + strlen("HTTP/1.1 "), NULL, 10);
    }
}

/* The places of the mark in the batch, where each sending has a number of its own. */
static size_t find_marks(const struct str *body, size_t *ret_places)
{
    uint64_t mark = MARK;
    size_t count = 0;
    const char *at = body->text, *end = body->text + body->length;
    while (count < BATCH && (at = memmem(at, (size_t)(end - at), &mark, sizeof mark)) != NULL) {
        ret_places[count++] = (size_t)(at - body->text);
        at += sizeof mark;
    }
    return count;
}

static void *send_batches(void *context)
{
    struct connection *connection = context;
    size_t places[BATCH];
    struct str body = {0};
    char head[HEAD_BYTES];
    int fd = connect_to(connection->port);
    str_append_bytes(&body, connection->batch->text, connection->batch->length);
    if (fd < 0 || body.failed || find_marks(&body, places) != BATCH)
        connection->failure = "could not begin";
    int head_length = snprintf(head, sizeof head,
                               "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                               "application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
                               body.length);
    for (uint64_t round = 1; !connection->failure; round++) {
        uint64_t number = (uint64_t)connection->number << 48 | round, sent_ns = clock_monotonic_ns();
        if (sent_ns >= connection->deadline_ns)
            break;
        for (size_t i = 0; i < BATCH; i++)
            memcpy(body.text + places[i], &number, sizeof number);
        if (!send_all(fd, head, (size_t)head_length) || !send_all(fd, body.text, body.length) ||
            read_answer(fd) != 200) {
            connection->failure = "a batch was not taken";
            break;
        }
        uint64_t now_ns = clock_monotonic_ns();
        connection->sent_count += BATCH;
        if (sent_ns < connection->begin_ns || connection->request_count == LATENCIES_MAX)
            continue;
        connection->latencies_us[connection->request_count++] = (uint32_t)((now_ns - sent_ns) / 1000);
        connection->span_count += BATCH;
    }
    if (fd >= 0)
        close(fd);
    str_free(&body);
    return NULL;
}

static int compare_u32(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

struct measured {
    double spans_per_s;
    double p50_ms, p99_ms, max_ms;
    uint64_t sent_count;
};

static int load(const struct receiver_process *receiver, unsigned seconds, unsigned count,
                struct measured *ret_measured)
{
    static struct connection connections[CONNECTIONS_MAX];
    uint64_t begin_ns = clock_monotonic_ns() + WARM_UP_NS, request_count = 0, span_count = 0;
    uint32_t *all = malloc((size_t)count * LATENCIES_MAX * sizeof *all);
    struct str batch = {0};
    struct err err;
    int status = all && make_batch(&batch, &err) == 0 ? 0 : -1;
    for (unsigned i = 0; i < count && !status; i++) {
        connections[i] = (struct connection){.port = receiver->port,
                                             .batch = &batch,
                                             .number = i + 1,
                                             .begin_ns = begin_ns,
                                             .deadline_ns = begin_ns + seconds * NS_PER_S,
                                             .latencies_us = all + (size_t)i * LATENCIES_MAX};
        status = pthread_create(&connections[i].thread, NULL, send_batches, &connections[i]);
    }
    for (unsigned i = 0; i < count && !status; i++) {
        pthread_join(connections[i].thread, NULL);
        if (connections[i].failure) {
            fprintf(stderr, "connection %u: %s\n", i, connections[i].failure);
            status = -1;
        }
        memmove(all + request_count, connections[i].latencies_us, connections[i].request_count * sizeof *all);
        request_count += connections[i].request_count;
        span_count += connections[i].span_count;
        ret_measured->sent_count += connections[i].sent_count;
    }
    if (!status && request_count) {
        qsort(all, request_count, sizeof *all, compare_u32);
        size_t middle = request_count / 2, late = request_count * 99 / 100;
        ret_measured->p50_ms = all[middle] / 1000.0;
        ret_measured->p99_ms = all[late] / 1000.0;
        ret_measured->max_ms = all[request_count - 1] / 1000.0;
        ret_measured->spans_per_s = (double)span_count / seconds;
    }
    free(all);
    str_free(&batch);
    return status;
}

/* Ends the receiver, which makes the recording. The spans that it says it recorded; 0 when it failed. */
static uint64_t end_receiver(struct receiver_process *receiver, uint64_t *ret_memory, double *ret_seconds)
{
    char line[512];
    unsigned long long recorded = 0;
    uint64_t begin_ns = clock_monotonic_ns();
    int wait_status;
    kill(receiver->pid, SIGINT);
    while (fgets(line, sizeof line, receiver->talk)) {
        const char *at = strstr(line, "recorded ");
        if (at && !recorded)
            recorded = strtoull(at + strlen("recorded "), NULL, 10);
    }
    (void)fclose(receiver->talk);
    struct rusage usage = {0};
    wait4(receiver->pid, &wait_status, 0, &usage);
    *ret_memory = (uint64_t)usage.ru_maxrss * 1024;
    *ret_seconds = (double)(clock_monotonic_ns() - begin_ns) / (double)NS_PER_S;
    return recorded;
}

int main(int argc, char **argv)
{
    const char *given = getenv("TOLL"), *toll = given ? given : "build/toll";
    unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : SECONDS;
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 8;
    char file[64];
    struct receiver_process receiver = {0};
    struct measured measured = {0};
    uint64_t memory_sealing = 0;
    double sealing_s = 0;
    snprintf(file, sizeof file, "otlp-bench-%d.toll", (int)getpid());
    if (!seconds || !count || count > CONNECTIONS_MAX || start_receiver(toll, file, &receiver) ||
        load(&receiver, seconds, count, &measured)) {
        fprintf(stderr, "otlp_bench: could not measure\n");
        if (receiver.pid > 0)
            kill(receiver.pid, SIGKILL);
        unlink(file);
        return 1;
    }
    uint64_t memory = memory_max(receiver.pid);
    uint64_t recorded = end_receiver(&receiver, &memory_sealing, &sealing_s);
    unlink(file);
    printf("receiving OTLP, batches of %u | %.0f spans/s | at least 500000 spans/s |\n", BATCH,
           measured.spans_per_s);
    printf("acknowledged, p99 | %.1f ms | at most 50 ms | p50 %.1f ms, most %.1f ms\n", measured.p99_ms,
           measured.p50_ms, measured.max_ms);
    printf("memory of the receiver | %.0f MB | at most 256 MB |\n", (double)memory / 1e6);
    printf("memory while it seals | %.0f MB | at most 256 MB |\n", (double)memory_sealing / 1e6);
    printf("spans not in the recording | %" PRId64 " | at most 0 | of %" PRIu64 " acknowledged\n",
           (int64_t)(measured.sent_count - recorded), measured.sent_count);
    fprintf(stderr, "sealing: %.1f s, %.0f spans/s\n", sealing_s, (double)recorded / sealing_s);
    return recorded == measured.sent_count ? 0 : 1;
}
