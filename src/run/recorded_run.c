/* SPDX-License-Identifier: Apache-2.0 */
#include "run/recorded_run.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/search.h"
#include "run/exchange.h"
#include "run/load_rows.h"
#include "run/settle.h"

static int load(const struct view *view, bool is_whole, struct run *ret_run, struct err *err)
{
    struct run run = {.view = view};
    uint64_t last_ns = 0;
    int status = is_whole ? load_rows(&run, &last_ns, err) : load_sample_rows(&run, &last_ns, err);
    if (!status)
        status = is_whole ? settle_run(&run, last_ns, err) : settle_samples(&run, last_ns, err);
    if (status) {
        run_deinit(&run);
        return status;
    }
    *ret_run = run;
    return 0;
}

int run_load(const struct view *view, struct run *ret_run, struct err *err)
{
    return load(view, true, ret_run, err);
}

int run_load_samples(const struct view *view, struct run *ret_run, struct err *err)
{
    return load(view, false, ret_run, err);
}

void run_deinit(struct run *run)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        struct run_track *track = &run->tracks.items[i];
        vec_free(&track->waits);
        vec_free(&track->spans);
        vec_free(&track->samples);
        vec_free(&track->pieces);
        vec_free(&track->actors);
    }
    for (size_t i = 0; i < run->peers.count; i++) {
        vec_free(&run->peers.items[i].readers);
        vec_free(&run->peers.items[i].writers);
        vec_free(&run->peers.items[i].waiters);
    }
    vec_free(&run->tracks);
    vec_free(&run->peers);
    vec_free(&run->frames);
    vec_free(&run->stacks);
    vec_free(&run->edges);
    vec_free(&run->outside);
    vec_free(&run->stalls);
    for (size_t i = 0; i < run->servers.count; i++)
        vec_free(&run->servers.items[i].points);
    vec_free(&run->servers);
    exchange_free(run);
    vec_free(&run->usage);
    vec_free(&run->pauses);
    vec_free(&run->stages);
    vec_free(&run->binds);
    intern_free(&run->stage_names);
    arena_free(&run->arena);
}

uint64_t run_tolerance_ns(const struct run *run)
{
    return num_max(2 * NS_PER_MS, 2 * run->boundary_error_ns);
}

double run_stalled_ratio(const struct run *run)
{
    double sum = 0;
    for (size_t i = 0; i < run->stalls.count; i++)
        sum += run->stalls.items[i].value;
    return run->stalls.count ? sum / (double)run->stalls.count : 0;
}

size_t run_waits_before(const struct run_track *track, uint64_t t)
{
    return search_first(i, track->waits.count, track->waits.items[i].start_ns >= t);
}

size_t run_samples_before(const struct run_track *track, uint64_t t)
{
    return search_first(i, track->samples.count, track->samples.items[i].time_ns >= t);
}

struct run_wait *run_wait_at(const struct run_track *track, uint64_t t, uint64_t *ret_before)
{
    size_t count = run_waits_before(track, t);
    struct run_wait *last = count ? &track->waits.items[count - 1] : NULL;
    if (ret_before)
        *ret_before = last ? num_min(last->end_ns, t) : track->start_ns;
    return last && t <= last->end_ns ? last : NULL;
}

const char *run_peer_name(const struct run *run, uint32_t index)
{
    if (index == RUN_NONE || index >= run->peers.count)
        return NULL;
    const struct run_peer *peer = &run->peers.items[index];
    if (peer->address && peer->address[0])
        return peer->address;
    if (peer->path && peer->path[0])
        return peer->path;
    return peer->name && peer->name[0] ? peer->name : NULL;
}
