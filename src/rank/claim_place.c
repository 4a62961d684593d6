/* SPDX-License-Identifier: Apache-2.0 */
#include "rank/claim_place.h"

#include <string.h>

#include "analyze/wait_place.h"
#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"

/* What is named must be most of it. */
#define PLACE_RATIO_MIN 0.5

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The wait that a cause is about, where it has no other end to be told by. */
static enum wait_reason reason_of(const char *cause)
{
    if (strcmp(cause, "disk-read") == 0)
        return WAIT_DISK_READ;
    if (strcmp(cause, "disk-sync") == 0)
        return WAIT_DISK_SYNC;
    if (strcmp(cause, "child-wait") == 0)
        return WAIT_CHILD;
    return strcmp(cause, "sleep-poll") == 0 ? WAIT_SLEEP : WAIT_UNKNOWN;
}

static bool is_of(const struct scene *scene, const struct cause_claim *claim, const struct path_step *step)
{
    const struct where *where = &claim->where;
    if (step->doing == DOING_CPU || step->doing == WAIT_CPU_QUEUE || step->actor == RUN_NONE)
        return false;
    if (where->process && !same(where->process, run_process_name(scene->run, step->actor, step->end_ns)))
        return false;
    if (step->doing == (int)reason_of(claim->cause))
        return true;
    const char *peer = run_peer_name(scene->run, step->peer);
    return same(where->peer, peer) || same(where->path, peer);
}

static bool is_python(const struct run *run, uint32_t stack)
{
    uint32_t frame = attribute_frame(run, stack);
    return frame != RUN_NONE && same(run->frames.items[frame].module, MODULE_NAME_PYTHON);
}

static bool is_script(const char *file)
{
    static const char *const endings[] = {".py", ".js", ".mjs", ".cjs"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (str_ends(file, endings[i]))
            return true;
    return false;
}

/* The function in the title becomes `fetch (prices.py:16)`. */
static void tell_line(const struct scene *scene, struct cause_claim *claim)
{
    const struct where *where = &claim->where;
    const char *at = claim->title ? strstr(claim->title, where->function) : NULL;
    if (!at || !where->file || !is_script(where->file) || !where->line)
        return;
    const char *slash = strrchr(where->file, '/');
    claim->title = arena_printf(scene->arena, "%.*s%s (%s:%u)%s", (int)(at - claim->title), claim->title,
                                where->function, slash ? slash + 1 : where->file, (unsigned)where->line,
                                at + strlen(where->function));
}

void claim_place(const struct scene *scene, struct cause_claim *claim)
{
    struct places places = {0};
    uint64_t total_ns = 0;
    if (claim->where.function) {
        tell_line(scene, claim);
        return;
    }
    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        struct where where = {0};
        if (!is_of(scene, claim, step))
            continue;
        total_ns += step->end_ns - step->start_ns;
        const struct run_wait *wait = run_wait_at(&scene->run->tracks.items[step->actor], step->end_ns, NULL);
        if (!wait || !is_python(scene->run, wait->stack) ||
            place_wait(scene->run, step->actor, wait, &where) != PLACE_RECORDED)
            continue;
        places_add(&places, &where, step->end_ns - step->start_ns);
    }
    const struct place_tally *most = places_heaviest(&places);
    if (!most || !most->where.function || num_ratio(most->weight, total_ns) < PLACE_RATIO_MIN)
        return;
    claim->where.function = most->where.function;
    claim->where.file = most->where.file;
    claim->where.line = most->where.line;
    const char *slash = most->where.file ? strrchr(most->where.file, '/') : NULL;
    const char *file = slash ? slash + 1 : most->where.file;
    claim->title = arena_printf(scene->arena, "%s, in %s (%s:%u)", claim->title ? claim->title : claim->cause,
                                most->where.function, file ? file : "?", (unsigned)most->where.line);
    claim_evidence(scene, claim, "%.0f %% of that wait is in %s (%s:%u)",
                   100 * num_ratio(most->weight, total_ns), most->where.function, file ? file : "?",
                   (unsigned)most->where.line);
}
