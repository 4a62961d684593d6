/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/names_ahead.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/sort.h"

#define WAIT_PARTS     3 /* of the time that it ran it may have waited for a processor */
#define NICE_MORE      5 /* where the thread cannot come back from SCHED_IDLE */
#define REFUSED_NS_MIN NS_PER_S

struct names_ahead {
    struct resolver *resolver;
    pthread_mutex_t resolver_lock;
    pthread_t thread;
    bool is_idle_class; /* set before the first job */
    atomic_bool let_go; /* of the resolver */
    atomic_bool stop;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct names_job job;
    bool is_posted, is_done;

    /* the caller's side */
    bool is_busy, is_hurried;
    uint64_t refused_ns, refused_ns_max; /* since when the lock is; how long that is borne */
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

/* False when it was cut short for others. Without memory the places are asked for again at the end. */
static bool look_up(struct names_ahead *ahead, struct names_job *job, const struct names_module *module)
{
    struct names_place *places = job->places.items + module->first;
    struct symbol_module symbols = module->symbols;
    struct err ignored;
    uint64_t *offsets = calloc(2 * module->count, sizeof *offsets), *weights = offsets + module->count;
    if (!offsets ||
        sort_by_u64(places, module->count, sizeof *places, offsetof(struct names_place, offset))) {
        free(offsets);
        return true;
    }
    for (size_t i = 0; i < module->count; i++) {
        offsets[i] = places[i].offset;
        weights[i] = places[i].weight;
    }
    symbols.build_id = symbols.build_id_size ? module->build_id : NULL;
    struct symbol_request request = {
        .offsets = offsets, .count = module->count, .weights = weights, .weight_min = job->weight_min};
    struct resolver_limit limit = {.stop = &ahead->let_go,
                                   .cpu_ns = ahead->is_idle_class ? 0 : job->cpu_limit_ns};
    pthread_mutex_lock(&ahead->resolver_lock);
    (void)!resolver_prepare(ahead->resolver, &symbols, &request, &limit, &ignored);
    bool is_whole = !atomic_load(&ahead->let_go); /* while nobody can take it back */
    pthread_mutex_unlock(&ahead->resolver_lock);
    free(offsets);
    return is_whole;
}

bool names_job_waits(const struct names_job *job, uint64_t passed_ns, uint64_t used_ns)
{
    return passed_ns > job->patience_ns && passed_ns - job->patience_ns > WAIT_PARTS * used_ns;
}

static bool has_processor(const struct names_ahead *ahead, const struct names_job *job, uint64_t used_ns)
{
    return !ahead->is_idle_class || !names_job_waits(job, clock_monotonic_ns() - job->posted_ns, used_ns);
}

/* Until the other side has had the resolver. */
static void give_way(struct names_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    while (atomic_load(&ahead->let_go) && !atomic_load(&ahead->stop))
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    pthread_mutex_unlock(&ahead->lock);
}

/* What was cut short is not done: the rest is asked for again. */
static void run_job(struct names_ahead *ahead, struct names_job *job)
{
    uint64_t before_ns = clock_thread_cpu_ns();
    while (job->done_count < job->modules.count && !atomic_load(&ahead->stop) &&
           clock_thread_cpu_ns() < job->cpu_limit_ns &&
           has_processor(ahead, job, clock_thread_cpu_ns() - before_ns)) {
        if (!look_up(ahead, job, &job->modules.items[job->done_count]))
            give_way(ahead);
        else if (ahead->is_idle_class || clock_thread_cpu_ns() < job->cpu_limit_ns)
            job->done_count++;
    }
}

static void *thread_main(void *context)
{
    struct names_ahead *ahead = context;
    bool is_nice = false;

    pthread_mutex_lock(&ahead->lock);
    while (!atomic_load(&ahead->stop)) {
        if (!ahead->is_posted || ahead->is_done) {
            pthread_cond_wait(&ahead->changed, &ahead->lock);
            continue;
        }
        struct names_job job = ahead->job;
        pthread_mutex_unlock(&ahead->lock);
        if (!ahead->is_idle_class && !is_nice)
            (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE_MORE);
        is_nice = true;
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
    const struct sched_param no_priority = {0};
    sigset_t all, before;
    struct names_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return err_memory(err);
    ahead->resolver = resolver;
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
    /* From here, not from there: as soon as it is of that class it may not run for long. */
    ahead->is_idle_class =
        may_come_back() && pthread_setschedparam(ahead->thread, SCHED_IDLE, &no_priority) == 0;
    *ret_ahead = ahead;
    return 0;
}

bool names_ahead_is_idle_class(const struct names_ahead *ahead)
{
    return ahead->is_idle_class;
}

void names_ahead_post(struct names_ahead *ahead, struct names_job *job)
{
    atomic_store(&ahead->let_go, false);
    pthread_mutex_lock(&ahead->lock); /* the thread waits for this */
    ahead->job = *job;
    ahead->job.posted_ns = clock_monotonic_ns();
    ahead->is_posted = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    ahead->is_busy = true;
    ahead->refused_ns = 0;
    ahead->refused_ns_max = REFUSED_NS_MIN;
    *job = (struct names_job){0};
}

bool names_ahead_take(struct names_ahead *ahead, struct names_job *ret_job)
{
    if (pthread_mutex_trylock(&ahead->lock))
        return false;
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

void names_ahead_hurry(struct names_ahead *ahead)
{
    const struct sched_param no_priority = {0};
    if (ahead->is_idle_class && !ahead->is_hurried)
        ahead->is_hurried = pthread_setschedparam(ahead->thread, SCHED_OTHER, &no_priority) == 0;
}

bool names_ahead_try_lock(struct names_ahead *ahead, uint64_t now_ns)
{
    if (pthread_mutex_trylock(&ahead->resolver_lock) == 0)
        return true;
    if (!ahead->refused_ns)
        ahead->refused_ns = now_ns;
    if (now_ns - ahead->refused_ns >= ahead->refused_ns_max && !atomic_load(&ahead->let_go)) {
        ahead->refused_ns_max *= 2;
        atomic_store(&ahead->let_go, true);
        names_ahead_hurry(ahead);
    }
    return false;
}

void names_ahead_unlock(struct names_ahead *ahead)
{
    const struct sched_param no_priority = {0};
    pthread_mutex_unlock(&ahead->resolver_lock);
    ahead->refused_ns = 0;
    if (!atomic_load(&ahead->let_go))
        return;
    pthread_mutex_lock(&ahead->lock);
    atomic_store(&ahead->let_go, false);
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    if (ahead->is_hurried && pthread_setschedparam(ahead->thread, SCHED_IDLE, &no_priority) == 0)
        ahead->is_hurried = false;
}

uint64_t names_ahead_cpu_ns(const struct names_ahead *ahead)
{
    return thread_cpu_ns(ahead->thread);
}

void names_ahead_destroy(struct names_ahead *ahead)
{
    if (!ahead)
        return;
    names_ahead_hurry(ahead); /* before it is waited for */
    atomic_store(&ahead->stop, true);
    atomic_store(&ahead->let_go, true);
    pthread_mutex_lock(&ahead->lock);
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
