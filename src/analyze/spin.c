/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/spin.h"

#include <string.h>

#include "analyze/attribution.h"
#include "analyze/wait_place.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/search.h"
#include "base/str.h"

/* A stretch is at least this long and has at least so many samples. */
#define STRETCH_NS_MIN    (2 * NS_PER_MS)
#define STRETCH_COUNT_MIN 3
/* Others among its samples: interrupts, a look at the clock. */
#define OTHER_RATIO_MAX 0.1
/* Of the rest at least this much is the looking itself; the other is what it costs in libraries and the kernel. */
#define SPIN_RATIO_MIN 0.15
#define COPY_WEIGHT    10
#define OWN_WEIGHT     1000
#define GAP_OTHER_MAX  1
#define GAP_BESIDE_MAX 50
/* Threads of other processes that are looked at for who ended a stretch; and stretches in all. */
#define OTHER_LOOK_MAX 1000
/* Who spins sees the deed when it gets its CPU back. */
#define LATE_NS_MAX (10 * NS_PER_MS)
#define STRETCH_MAX 50000

/* --- samples --- */

enum seen {
    SEEN_OTHER = 0,
    SEEN_SPIN,
    SEEN_BESIDE, /* in a library or the kernel: part of a spin when there is some around it */
    SEEN_COPY    /* a call that brings something: many of them are no spin */
};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof(names)[0])

/* Libraries and kernels put prefixes before the names of what they export. */
static const char *bare_name(const char *name)
{
    static const char *const prefixes[] = {"__GI_", "__x64_sys_", "__arm64_sys_", "__libc_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (str_starts(name, prefixes[i]))
            name += strlen(prefixes[i]);
    while (*name == '_')
        name++;
    return name;
}

static bool is_looking(const char *name)
{
    static const char *const names[] = {"sched_yield",
                                        "do_sched_yield",
                                        "thrd_yield",
                                        "pthread_spin_lock",
                                        "pthread_spin_trylock",
                                        "pthread_mutex_trylock",
                                        "poll",
                                        "ppoll",
                                        "do_sys_poll",
                                        "select",
                                        "do_select",
                                        "epoll_wait",
                                        "epoll_pwait",
                                        "do_epoll_wait"};
    return IS_ONE_OF(name, names);
}

/* Kernel functions that read what others of the run may write. */
static bool is_reading(const char *name)
{
    static const char *const names[] = {"pipe_read",
                                        "anon_pipe_read",
                                        "fifo_pipe_read",
                                        "tcp_recvmsg",
                                        "unix_stream_recvmsg",
                                        "unix_dgram_recvmsg",
                                        "unix_stream_read_generic",
                                        "sock_recvmsg",
                                        "sock_read_iter",
                                        "udp_recvmsg",
                                        "eventfd_read"};
    return IS_ONE_OF(name, names);
}

static enum seen look_at(const struct run *run, uint32_t stack)
{
    bool reads = false, copies = false, own = false;
    for (uint32_t at = stack; at < run->stacks.count && !own; at = run->stacks.items[at].parent) {
        uint32_t index = run->stacks.items[at].frame;
        const struct run_frame *frame = index < run->frames.count ? &run->frames.items[index] : NULL;
        if (!frame || !frame->function)
            continue;
        if (at == stack && frame->spins)
            return SEEN_SPIN;
        own = attribute_is_own(frame);
        if (own && at == stack)
            return SEEN_OTHER;
        const char *name = bare_name(frame->function);
        if (!own && is_looking(name))
            return SEEN_SPIN;
        reads = reads || (!own && is_reading(name));
        copies = copies || (!own && strstr(name, "copy"));
    }
    return copies ? SEEN_COPY : reads ? SEEN_SPIN : SEEN_BESIDE;
}

/* --- stretches --- */

struct seeker {
    const struct run *run;
    struct spins *spins;
    uint8_t *seen; /* enum seen, by stack index */
    uint64_t tolerance_ns;
};

/* Blocked between two samples: the later one begins something new. */
static bool blocked_between(const struct run_track *track, uint64_t from, uint64_t to)
{
    for (size_t i = run_waits_before(track, to); i-- > 0;) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->end_ns <= from)
            break;
        if (wait->blocked_ns * 2 > to - from)
            return true;
    }
    return false;
}

static enum seen seen_at(const struct seeker *seeker, const struct run_sample *sample)
{
    return sample->stack < seeker->run->stacks.count ? (enum seen)seeker->seen[sample->stack] : SEEN_OTHER;
}

/* The innermost function of a library, where there is no code of the program's own in a stack. */
static uint32_t library_frame(const struct run *run, uint32_t stack)
{
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t index = run->stacks.items[at].frame;
        const struct run_frame *frame = index < run->frames.count ? &run->frames.items[index] : NULL;
        if (frame && frame->function && frame->module && frame->module[0] == '/')
            return index;
    }
    return RUN_NONE;
}

/* The program's own code that most samples of a stretch are in; else the library's. */
static uint32_t frame_of(const struct seeker *seeker, const struct run_sample *samples, size_t first,
                         size_t last)
{
    const struct run *run = seeker->run;
    uint32_t best = RUN_NONE;
    uint64_t most = 0;
    struct places places = {0};
    for (size_t i = first; i <= last; i++) {
        enum seen seen = seen_at(seeker, &samples[i]);
        uint32_t frame = attribute_frame(run, samples[i].stack);
        bool own = frame != RUN_NONE && attribute_is_own(&run->frames.items[frame]);
        frame = own ? frame : library_frame(run, samples[i].stack);
        if (frame == RUN_NONE || (seen != SEEN_SPIN && seen != SEEN_BESIDE))
            continue;
        struct where where = {.function = run->frames.items[frame].function};
        places_add(&places, &where, own ? OWN_WEIGHT : 1);
        uint64_t now = places_weight(&places, &where);
        best = now > most ? frame : best;
        most = num_max(most, now);
    }
    return best;
}

/* From the last thing before the first sample to the first thing behind the last. */
static struct spin bounds(const struct seeker *seeker, uint32_t actor, size_t first, size_t last)
{
    const struct run_track *track = &seeker->run->tracks.items[actor];
    const struct run_sample *samples = track->samples.items;
    struct spin spin = {
        .actor = actor, .start_ns = track->start_ns, .end_ns = track->end_ns, .waker = RUN_NONE};
    if (first)
        spin.start_ns = num_max(spin.start_ns, samples[first - 1].time_ns / 2 + samples[first].time_ns / 2);
    if (last + 1 < track->samples.count)
        spin.end_ns = num_min(spin.end_ns, samples[last].time_ns / 2 + samples[last + 1].time_ns / 2);
    size_t before = run_waits_before(track, samples[first].time_ns);
    for (size_t i = before; i-- > 0 && track->waits.items[i].end_ns > spin.start_ns;) {
        if (track->waits.items[i].blocked_ns)
            spin.start_ns = num_min(track->waits.items[i].end_ns, samples[first].time_ns);
    }
    for (size_t i = run_waits_before(track, samples[last].time_ns);
         i < track->waits.count && track->waits.items[i].start_ns < spin.end_ns; i++) {
        if (track->waits.items[i].blocked_ns)
            spin.end_ns = track->waits.items[i].start_ns;
    }
    spin.event_ns = spin.end_ns;
    spin.frame = frame_of(seeker, samples, first, last);
    return spin;
}

static uint64_t ran_ns(const struct run_track *track, uint64_t from, uint64_t to)
{
    uint64_t ns = to > from ? to - from : 0;
    for (size_t i = run_waits_before(track, to); i-- > 0 && ns;) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->end_ns <= from)
            break;
        uint64_t inside = num_min(wait->end_ns, to) - num_max(wait->start_ns, from);
        double share = num_ratio(wait->blocked_ns + wait->runnable_ns, wait->end_ns - wait->start_ns);
        ns -= num_min(ns, num_u64((double)inside * share));
    }
    return ns;
}

/* A run of samples that may be a stretch. */
struct gathering {
    size_t first, last; /* samples that spin */
    size_t spin_count, beside_count, other_count;
    size_t beside_since, other_since; /* since the last that spins */
};

static int add_stretch(struct seeker *seeker, uint32_t actor, const struct gathering *gathering)
{
    size_t inside = gathering->spin_count + gathering->beside_count;
    if (gathering->spin_count < STRETCH_COUNT_MIN || seeker->spins->items.count >= STRETCH_MAX ||
        (double)gathering->spin_count < SPIN_RATIO_MIN * (double)inside ||
        (double)gathering->other_count > OTHER_RATIO_MAX * (double)inside)
        return 0;
    struct spin spin = bounds(seeker, actor, gathering->first, gathering->last);
    if (spin.end_ns < spin.start_ns + STRETCH_NS_MIN)
        return 0;
    spin.run_ns = ran_ns(&seeker->run->tracks.items[actor], spin.start_ns, spin.end_ns);
    return vec_push(&seeker->spins->items, spin);
}

static void gather(struct gathering *gathering, size_t index, enum seen seen)
{
    gathering->beside_since += seen == SEEN_BESIDE;
    gathering->other_since += seen == SEEN_COPY ? COPY_WEIGHT : seen == SEEN_OTHER;
    if (seen != SEEN_SPIN)
        return;
    if (!gathering->spin_count++) {
        gathering->first = index;
    } else {
        gathering->beside_count += gathering->beside_since;
        gathering->other_count += gathering->other_since;
    }
    gathering->last = index;
    gathering->beside_since = gathering->other_since = 0;
}

static int find_stretches(struct seeker *seeker, uint32_t actor)
{
    const struct run_track *track = &seeker->run->tracks.items[actor];
    struct gathering gathering = {0};
    int status = 0;
    for (size_t i = 0; i < track->samples.count && !status; i++) {
        bool ends =
            gathering.spin_count &&
            (gathering.other_since > GAP_OTHER_MAX || gathering.beside_since > GAP_BESIDE_MAX ||
             blocked_between(track, track->samples.items[i - 1].time_ns, track->samples.items[i].time_ns));
        if (ends) {
            status = add_stretch(seeker, actor, &gathering);
            gathering = (struct gathering){0};
        }
        gather(&gathering, i, seen_at(seeker, &track->samples.items[i]));
    }
    return status ? status : add_stretch(seeker, actor, &gathering);
}

/* --- who ended it --- */

/* The first stretch of the actor that ends at or after t. */
static size_t first_spin(const struct spins *spins, uint32_t actor, uint64_t t)
{
    return search_first(i, spins->items.count,
                        spins->items.items[i].actor > actor ||
                            (spins->items.items[i].actor == actor && spins->items.items[i].end_ns >= t));
}

const struct spin *spin_before(const struct spins *spins, uint32_t actor, uint64_t t)
{
    size_t at = search_first(i, spins->items.count,
                             spins->items.items[i].actor > actor || (spins->items.items[i].actor == actor &&
                                                                     spins->items.items[i].start_ns >= t));
    return at && spins->items.items[at - 1].actor == actor ? &spins->items.items[at - 1] : NULL;
}

/* How long an actor worked in [from, to): ran, and did not spin. */
static uint64_t worked_ns(const struct seeker *seeker, uint32_t actor, uint64_t from, uint64_t to)
{
    const struct run_track *track = &seeker->run->tracks.items[actor];
    from = num_max(from, track->start_ns);
    to = num_min(to, track->end_ns);
    uint64_t ns = ran_ns(track, from, to);
    for (size_t i = first_spin(seeker->spins, actor, from); i < seeker->spins->items.count; i++) {
        const struct spin *spin = &seeker->spins->items.items[i];
        if (spin->actor != actor || spin->start_ns >= to)
            break;
        ns -= num_min(ns, num_min(num_min(spin->end_ns, to) - num_max(spin->start_ns, from), spin->run_ns));
    }
    return ns;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* How far from t the actor did something new: stopped, ended, or went on to other code. */
static uint64_t nearest_change(const struct run *run, uint32_t actor, uint64_t t)
{
    const struct run_track *track = &run->tracks.items[actor];
    uint64_t nearest = apart(track->end_ns, t);
    size_t wait = run_waits_before(track, t);
    for (size_t i = wait ? wait - 1 : 0; i < track->waits.count && i <= wait; i++)
        nearest = num_min(nearest, apart(track->waits.items[i].start_ns, t));
    size_t sample = run_samples_before(track, t);
    for (size_t i = sample > 2 ? sample - 2 : 1; i < track->samples.count && i <= sample + 1; i++) {
        const struct run_sample *now = &track->samples.items[i];
        if (attribute_frame(run, now->stack) != attribute_frame(run, now[-1].stack))
            nearest = num_min(nearest, apart(now->time_ns / 2 + now[-1].time_ns / 2, t));
    }
    return nearest;
}

static void consider(const struct seeker *seeker, uint32_t actor, struct spin *spin, uint64_t *best)
{
    const struct run_track *track = &seeker->run->tracks.items[actor];
    if (!track->actor || actor == spin->actor || track->start_ns >= spin->end_ns ||
        track->end_ns + num_max(seeker->tolerance_ns, LATE_NS_MAX) < spin->end_ns ||
        worked_ns(seeker, actor, spin->start_ns, spin->end_ns) * 10 < spin->end_ns - spin->start_ns)
        return;
    uint64_t distance = nearest_change(seeker->run, actor, spin->end_ns);
    if (distance >= *best)
        return;
    const struct run_wait *wait = run_wait_at(track, spin->end_ns, NULL);
    *best = distance;
    spin->waker = actor;
    spin->event_ns = num_min(wait && wait->blocked_ns ? wait->start_ns : spin->end_ns, track->end_ns);
}

/* Its own process comes first: only there is memory shared without saying so. */
static void find_waker(const struct seeker *seeker, struct spin *spin)
{
    const struct run *run = seeker->run;
    uint32_t process = run->tracks.items[spin->actor].process;
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; process != RUN_NONE && i < run->tracks.items[process].actors.count; i++)
        consider(seeker, run->tracks.items[process].actors.items[i], spin, &best);
    for (uint32_t i = 0; spin->waker == RUN_NONE && i < run->tracks.count && i < OTHER_LOOK_MAX; i++) {
        if (run->tracks.items[i].process != process)
            consider(seeker, i, spin, &best);
    }
}

int spins_find(const struct run *run, struct spins *ret_spins, struct err *err)
{
    struct spins spins = {0};
    struct seeker seeker = {.run = run,
                            .spins = &spins,
                            .seen = calloc(run->stacks.count + 1, sizeof *seeker.seen),
                            .tolerance_ns = run_tolerance_ns(run)};
    int status = seeker.seen ? 0 : -1;
    for (uint32_t i = 0; i < run->stacks.count && !status; i++)
        seeker.seen[i] = (uint8_t)look_at(run, i);
    for (uint32_t i = 0; i < run->tracks.count && !status; i++) {
        if (run->tracks.items[i].actor)
            status = find_stretches(&seeker, i);
    }
    for (size_t i = 0; i < spins.items.count && !status; i++)
        find_waker(&seeker, &spins.items.items[i]);
    free(seeker.seen);
    if (status) {
        spins_deinit(&spins);
        return err_memory(err);
    }
    *ret_spins = spins;
    return 0;
}

void spins_deinit(struct spins *spins)
{
    vec_free(&spins->items);
}
