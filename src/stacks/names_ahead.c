/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/names_ahead.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sort.h"

#define WAIT_PARTS 3 /* of the time that it ran it may have waited for a processor */
#define NICE_MORE  5 /* where the thread cannot come back from SCHED_IDLE */

struct names_ahead {
    struct resolver *resolver;
    pthread_mutex_t resolver_lock;
    pthread_t thread;
    atomic_bool is_idle_class;
    atomic_bool stop;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    pid_t tid; /* 0: not running yet */
    struct names_job job;
    bool is_posted, is_done;

    bool is_busy; /* the caller's side */
};

void names_job_free(struct names_job *job)
{
    for (size_t i = 0; i < job->modules.count; i++)
        free((char *)(uintptr_t)job->modules.items[i].symbols.path);
    vec_free(&job->modules);
    vec_free(&job->places);
    *job = (struct names_job){0};
}

static uint64_t thread_cpu_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec time;
    if (pthread_getcpuclockid(thread, &clock) || clock_gettime(clock, &time))
        return 0;
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* Without memory the places are asked for again at the end. */
static void look_up(struct names_ahead *ahead, struct names_job *job, const struct names_module *module)
{
    struct names_place *places = job->places.items + module->first;
    struct symbol_module symbols = module->symbols;
    struct err ignored;
    uint64_t *offsets = calloc(2 * module->count, sizeof *offsets), *weights = offsets + module->count;
    if (!offsets ||
        sort_by_u64(places, module->count, sizeof *places, offsetof(struct names_place, offset))) {
        free(offsets);
        return;
    }
    for (size_t i = 0; i < module->count; i++) {
        offsets[i] = places[i].offset;
        weights[i] = places[i].weight;
    }
    symbols.build_id = symbols.build_id_size ? module->build_id : NULL;
    struct symbol_request request = {
        .offsets = offsets, .count = module->count, .weights = weights, .weight_min = job->weight_min};
    pthread_mutex_lock(&ahead->resolver_lock);
    (void)!resolver_prepare(ahead->resolver, &symbols, &request, &ahead->stop, &ignored);
    pthread_mutex_unlock(&ahead->resolver_lock);
    free(offsets);
}

bool names_job_waits(const struct names_job *job, uint64_t passed_ns, uint64_t used_ns)
{
    return passed_ns > job->patience_ns && passed_ns - job->patience_ns > WAIT_PARTS * used_ns;
}

static bool has_processor(const struct names_ahead *ahead, const struct names_job *job, uint64_t used_ns)
{
    return !ahead->is_idle_class || !names_job_waits(job, clock_monotonic_ns() - job->posted_ns, used_ns);
}

static void run_job(struct names_ahead *ahead, struct names_job *job)
{
    uint64_t before_ns = clock_thread_cpu_ns();
    while (job->done_count < job->modules.count && !atomic_load(&ahead->stop) &&
           clock_thread_cpu_ns() < job->cpu_limit_ns &&
           has_processor(ahead, job, clock_thread_cpu_ns() - before_ns))
        look_up(ahead, job, &job->modules.items[job->done_count++]);
}

static void *thread_main(void *context)
{
    struct names_ahead *ahead = context;
    const struct sched_param no_priority = {0};

    if (ahead->is_idle_class && sched_setscheduler(0, SCHED_IDLE, &no_priority))
        ahead->is_idle_class = false;
    if (!ahead->is_idle_class)
        (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE_MORE);
    pthread_mutex_lock(&ahead->lock);
    ahead->tid = gettid();
    while (!atomic_load(&ahead->stop)) {
        if (!ahead->is_posted || ahead->is_done) {
            pthread_cond_wait(&ahead->changed, &ahead->lock);
            continue;
        }
        struct names_job job = ahead->job;
        pthread_mutex_unlock(&ahead->lock);
        run_job(ahead, &job);
        pthread_mutex_lock(&ahead->lock);
        ahead->job = job;
        ahead->is_done = true;
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

/* Whoever may lower its nice value may also leave SCHED_IDLE. */
static bool may_come_back(void)
{
    int nice = getpriority(PRIO_PROCESS, 0);
    if (setpriority(PRIO_PROCESS, 0, nice - 1))
        return false;
    return setpriority(PRIO_PROCESS, 0, nice) == 0;
}

int names_ahead_create(struct resolver *resolver, struct names_ahead **ret_ahead, struct err *err)
{
    sigset_t all, before;
    struct names_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return err_memory(err);
    ahead->resolver = resolver;
    ahead->is_idle_class = may_come_back();
    pthread_mutex_init(&ahead->resolver_lock, NULL);
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->changed, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&ahead->thread, NULL, thread_main, ahead);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code) {
        free(ahead);
        return err_errno(err, code, "could not start the thread that looks up names");
    }
    *ret_ahead = ahead;
    return 0;
}

bool names_ahead_is_idle_class(const struct names_ahead *ahead)
{
    return ahead->is_idle_class;
}

void names_ahead_post(struct names_ahead *ahead, struct names_job *job)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->job = *job;
    ahead->job.posted_ns = clock_monotonic_ns();
    ahead->is_posted = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    ahead->is_busy = true;
    *job = (struct names_job){0};
}

bool names_ahead_take(struct names_ahead *ahead, struct names_job *ret_job)
{
    pthread_mutex_lock(&ahead->lock);
    bool is_done = ahead->is_posted && ahead->is_done;
    if (is_done) {
        *ret_job = ahead->job;
        ahead->is_posted = ahead->is_done = false;
    }
    pthread_mutex_unlock(&ahead->lock);
    ahead->is_busy = ahead->is_busy && !is_done;
    return is_done;
}

bool names_ahead_is_busy(const struct names_ahead *ahead)
{
    return ahead->is_busy;
}

bool names_ahead_try_lock(struct names_ahead *ahead)
{
    return pthread_mutex_trylock(&ahead->resolver_lock) == 0;
}

void names_ahead_unlock(struct names_ahead *ahead)
{
    pthread_mutex_unlock(&ahead->resolver_lock);
}

uint64_t names_ahead_cpu_ns(const struct names_ahead *ahead)
{
    return thread_cpu_ns(ahead->thread);
}

void names_ahead_destroy(struct names_ahead *ahead)
{
    const struct sched_param no_priority = {0};
    if (!ahead)
        return;
    atomic_store(&ahead->stop, true);
    pthread_mutex_lock(&ahead->lock);
    if (ahead->is_idle_class && ahead->tid)
        (void)sched_setscheduler(ahead->tid, SCHED_OTHER, &no_priority);
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    pthread_join(ahead->thread, NULL);
    if (ahead->is_posted)
        names_job_free(&ahead->job);
    pthread_mutex_destroy(&ahead->resolver_lock);
    pthread_mutex_destroy(&ahead->lock);
    pthread_cond_destroy(&ahead->changed);
    free(ahead);
}
