/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/record_otlp.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/redact.h"
#include "ops/run_budget.h"
#include "ops/seal_priced.h"
#include "record/launch.h"

#define DRAIN_NS       (2 * NS_PER_S) /* at most, for requests that are half here when it ends */
#define STATUS_NOT_RUN 125
#define BUDGET_LOOK_MS 50    /* how often it is asked whether the budget is used up */
#define SEND_MS        "200" /* how long SDKs may hold spans back, where a budget is held */

struct session {
    const struct record_otlp_request *request;
    struct record_otlp_outcome *outcome;
    struct request_log *log;
    struct receiver *receiver;
    struct http_server *server;
    struct launch launch; /* of the command */
    int signal_fd;        /* without a command */
    struct budget_guard *guard;
    const char *log_path; /* place, for the guard */
    char place[PATH_MAX]; /* where the log lies: the output's name, or beside it */
};

static void default_path(char *path, size_t size)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm parts;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &parts));
    snprintf(path, size, "toll-otlp-%s.toll", stamp);
    for (int i = 2; access(path, F_OK) == 0 && i < 1000; i++)
        snprintf(path, size, "toll-otlp-%s-%d.toll", stamp, i);
}

/* A recording that stands there is only replaced once there is something to replace it by. */
static int place_log(struct session *session, struct err *err)
{
    const char *path = session->outcome->path;
    struct stat about;
    snprintf(session->place, sizeof session->place, "%s", path);
    bool is_there = stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0;
    if (is_there && request_log_is(path)) {
        err_set(err, ERR_USAGE, "could not create recording '%s': it holds what an earlier receiver left",
                path);
        err_hint(err, "save it first: toll recover '%s'; or choose another name with -o", path);
        return -ERR_USAGE;
    }
    int length =
        is_there ? snprintf(session->place, sizeof session->place, "%s.%d.part", path, (int)getpid()) : 0;
    if (length >= (int)sizeof session->place)
        return err_set(err, ERR_USAGE, "could not create recording '%s': its name is too long", path);
    return request_log_create(session->place, session->request->output && !is_there, &session->log, err);
}

static int open_receiver(struct session *session, struct err *err)
{
    struct http_server_options options = {.address = session->request->address ? session->request->address
                                                                               : RECORD_OTLP_ADDRESS};
    int status = place_log(session, err);
    if (status)
        return status;
    session->receiver = receiver_create(session->log);
    if (!session->receiver)
        return err_memory(err);
    receiver_serve(session->receiver, &options);
    return http_server_open(&options, &session->server, err);
}

/* A shell that starts something with & has it ignore SIGINT; here it is how one asks for the end. */
static void listen_to(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigaction(number, &action, NULL);
}

static int open_signals(struct session *session, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    listen_to(SIGINT);
    listen_to(SIGTERM);
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGXFSZ, &ignored, NULL);
    session->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return session->signal_fd < 0 ? err_errno(err, errno, "could not listen to signals") : 0;
}

static int start_command(struct session *session, struct err *err)
{
    char url[160];
    snprintf(url, sizeof url, "http://%s", http_server_address(session->server));
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url, 1);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", 0);
    setenv("OTEL_TRACES_EXPORTER", "otlp", 0);
    if (session->guard) {
        setenv("OTEL_BSP_SCHEDULE_DELAY", SEND_MS, 0);
        setenv("OTEL_BLRP_SCHEDULE_DELAY", SEND_MS, 0);
    }
    int status = launch_start(session->request->command, NULL, &session->launch, err);
    if (status)
        return status;
    status = launch_go(&session->launch, NULL, &session->outcome->exit_status, err);
    if (status) {
        launch_close(&session->launch);
        return status;
    }
    session->outcome->ran = true;
    session->signal_fd = session->launch.signal_fd;
    return 0;
}

/* Whether it is to end: the command has, or a signal asks for it. */
static bool is_over(struct session *session)
{
    int wait_status;
    if (!session->request->command) {
        struct signalfd_siginfo info;
        return read(session->signal_fd, &info, sizeof info) == (ssize_t)sizeof info;
    }
    (void)launch_signals(&session->launch);
    if (waitpid(session->launch.pid, &wait_status, WNOHANG) != session->launch.pid)
        return false;
    session->outcome->exit_status = launch_shell_status(wait_status);
    return true;
}

/* Serves until the end, or `deadline_ns` (0: none); with `until_idle`, until no request is half here. */
static int serve(struct session *session, uint64_t deadline_ns, bool until_idle, struct err *err)
{
    for (;;) {
        struct pollfd polled[2] = {{.fd = http_server_fd(session->server), .events = POLLIN},
                                   {.fd = session->signal_fd, .events = POLLIN}};
        uint64_t now_ns = clock_monotonic_ns();
        if ((deadline_ns && now_ns >= deadline_ns) || (until_idle && !http_server_pending(session->server)))
            return 0;
        if (!until_idle && !session->request->command && run_budget_is_over(session->guard))
            return 0;
        uint64_t left_ms = deadline_ns      ? (deadline_ns - now_ns) / NS_PER_MS + 1
                           : session->guard ? BUDGET_LOOK_MS
                                            : UINT64_MAX;
        uint64_t wait_ms = (uint64_t)http_server_wait_ms(session->server);
        if (poll(polled, 2, (int)num_min(left_ms, wait_ms)) < 0 && errno != EINTR)
            return err_errno(err, errno, "could not wait for requests");
        int status = http_server_run(session->server, err);
        if (status || (!until_idle && polled[1].revents && is_over(session)))
            return status;
    }
}

static int receive(struct session *session, struct err *err)
{
    const struct record_otlp_request *request = session->request;
    if (request->started)
        request->started(request->context, http_server_address(session->server), session->outcome->path);
    int status = request->command ? start_command(session, err) : open_signals(session, err);
    if (status)
        return status;
    status = serve(session, request->limit_ns ? clock_monotonic_ns() + request->limit_ns : 0, false, err);
    if (!status) {
        http_server_quiesce(session->server);
        /* What the kernel has got already is read before it is asked what is under way. */
        status = http_server_run(session->server, err);
    }
    if (!status)
        status = serve(session, clock_monotonic_ns() + DRAIN_NS, true, err);
    return status;
}

static int seal(struct session *session, struct err *err)
{
    struct record_otlp_outcome *outcome = session->outcome;
    struct str command = {0};
    const char *place = session->place;
    if (session->request->command)
        redact_argv(session->request->command, &command);
    struct seal_request request = {.paths = &place,
                                   .path_count = 1,
                                   .output = outcome->path,
                                   .command = command.length ? str_text(&command) : NULL,
                                   .exit_status = outcome->exit_status};
    if (session->request->ended)
        session->request->ended(session->request->context, outcome->received.accepted_count[OTLP_TRACES]);
    int status = seal_priced(&request, &outcome->sealed, err);
    str_free(&command);
    outcome->is_sealed = !status;
    if (!status && strcmp(place, outcome->path) != 0)
        (void)unlink(place);
    if (status)
        err_hint(err, "what was received is in '%s': toll recover '%s'", place, place);
    return status;
}

int ops_record_otlp(const struct record_otlp_request *request, struct record_otlp_outcome *ret_outcome,
                    struct err *err)
{
    struct session session = {.request = request, .outcome = ret_outcome, .signal_fd = -1};
    session.log_path = session.place;
    *ret_outcome = (struct record_otlp_outcome){.exit_status = request->command ? STATUS_NOT_RUN : 0};
    if (request->output)
        snprintf(ret_outcome->path, sizeof ret_outcome->path, "%s", request->output);
    else
        default_path(ret_outcome->path, sizeof ret_outcome->path);
    int status = open_receiver(&session, err);
    if (!status && request->budget)
        status = run_budget_of_log(request->budget, &session.log_path, request->command != NULL,
                                   &session.guard, err);
    if (!status)
        status = receive(&session, err);
    http_server_close(session.server);
    if (session.receiver)
        ret_outcome->received = receiver_counts(session.receiver);
    receiver_destroy(session.receiver);
    /* It reads the log, which the recording replaces. */
    ret_outcome->is_over_budget = run_budget_finish(session.guard, &ret_outcome->budget);
    if (ret_outcome->is_over_budget && !status)
        ret_outcome->exit_status = ERR_THRESHOLD;
    request_log_destroy(session.log);
    if (session.log && ret_outcome->received.request_count == 0)
        (void)unlink(session.place); /* an empty file would only be in the way */
    else if (!status)
        status = seal(&session, err);
    if (ret_outcome->ran)
        launch_close(&session.launch);
    else if (session.signal_fd >= 0)
        close(session.signal_fd);
    return status;
}
