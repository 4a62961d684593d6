/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/attribution.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/search.h"
#include "base/str.h"
#include "model/meta.h"

struct tally {
    struct path_entry entry;
    uint32_t stage;
    uint64_t sample_count; /* samples it was cut out by */
    uint64_t weight;       /* of those that name its function */
    bool function_open;    /* running without samples: to be spread */
    uint64_t line_ns;      /* by which the line leads */
};

struct ledger {
    const struct run *run;
    struct arena *arena;
    struct intern keys;
    VEC(struct tally) tallies; /* tallies.items[key id - 1] */
    uint64_t *stage_critical_ns;
    int status;
};

static bool is_system_module(const char *module)
{
    if (!module)
        return false;
    const char *slash = strrchr(module, '/');
    const char *name = slash ? slash + 1 : module;
    static const char *const prefixes[] = {
        "libc.so", "libc-",  "ld-linux", "libpthread", "libm.so",   "libstdc++.so", "libgcc_s",
        "[kernel", "[vdso]", "libtoll_", "libm-",      "[unknown]", "[guest.kernel"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (str_starts(name, prefixes[i]))
            return true;
    }
    return false;
}

static bool is_named(const struct run_frame *frame)
{
    return frame->function && frame->function[0] && frame->function[0] != '[';
}

bool attribute_is_own(const struct run_frame *frame)
{
    return is_named(frame) && !is_system_module(frame->module);
}

/* Whether the code of the system that the stack ends in, up to the program's own, holds a function with one of the names in its name. */
static bool ends_in_system(const struct run *run, uint32_t stack, const char *const *names, size_t count)
{
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t frame = run->stacks.items[at].frame;
        if (frame >= run->frames.count || !is_named(&run->frames.items[frame]))
            continue;
        if (attribute_is_own(&run->frames.items[frame]))
            return false;
        for (size_t i = 0; i < count; i++)
            if (strstr(run->frames.items[frame].function, names[i]))
                return true;
    }
    return false;
}

bool attribute_is_reclaim(const struct run *run, uint32_t stack)
{
    static const char *const names[] = {"try_to_free_",    "reclaim_high", "mem_cgroup_handle_over_high",
                                        "direct_reclaim",  "shrink_node",  "shrink_folio_list",
                                        "reclaim_throttle"};
    return ends_in_system(run, stack, names, sizeof names / sizeof names[0]);
}

double attribute_reclaim_ratio(const struct run *run, const struct run_track *track)
{
    size_t inside = 0;
    for (size_t i = 0; i < track->samples.count; i++)
        inside += attribute_is_reclaim(run, track->samples.items[i].stack);
    return num_ratio(inside, track->samples.count);
}

bool attribute_is_sync(const struct run *run, uint32_t stack)
{
    static const char *const names[] = {"fsync", "fdatasync", "msync", "syncfs", "sync_file"};
    return ends_in_system(run, stack, names, sizeof names / sizeof names[0]);
}

bool attribute_is_script(const struct run_frame *frame)
{
    const char *module = frame->module ? frame->module : "";
    bool is_told = strcmp(module, MODULE_NAME_JIT) == 0 || strcmp(module, MODULE_NAME_INTERPRETED) == 0;
    return strcmp(module, MODULE_NAME_PYTHON) == 0 || (is_told && frame->file && frame->file[0]);
}

/* Of the standard library, an installed package or the interpreter itself, rather than of the program. */
static bool is_script_library(const struct run_frame *frame)
{
    static const char *const folders[] = {"/lib/python3", "/lib64/python3", "/site-packages/",
                                          "/dist-packages/", "/node_modules/"};
    if (!frame->file || !frame->file[0] || frame->file[0] == '<' || str_starts(frame->file, "node:"))
        return true;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (strstr(frame->file, folders[i]))
            return true;
    return false;
}

/* Whoever wrote Python or JavaScript looks for the cause there: the innermost function of the program's own, else of a
 * library. */
uint32_t attribute_script_stack(const struct run *run, uint32_t stack)
{
    uint32_t library = RUN_NONE;
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t index = run->stacks.items[at].frame;
        if (index >= run->frames.count || !attribute_is_script(&run->frames.items[index]) ||
            !is_named(&run->frames.items[index]))
            continue;
        if (!is_script_library(&run->frames.items[index]))
            return at;
        if (library == RUN_NONE)
            library = at;
    }
    return library;
}

/* Code of the program's own without names stands for itself (a place without an address is none of its code: not more is known): what called it from another file, or started it, does not do
 * its work. A function of the same file that called it, and has a name, is told in its place. */
static uint32_t find_frame(const struct run *run, uint32_t stack, const char **ret_nameless)
{
    uint32_t script = attribute_script_stack(run, stack), leaf = RUN_NONE;
    const char *nameless = NULL;
    *ret_nameless = NULL;
    if (script != RUN_NONE)
        return run->stacks.items[script].frame;
    for (uint32_t at = stack; at != RUN_NONE && at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t index = run->stacks.items[at].frame;
        const struct run_frame *frame = index < run->frames.count ? &run->frames.items[index] : NULL;
        bool is_system = frame && is_system_module(frame->module);
        bool has_file = frame && frame->module && frame->module[0] == '/' && frame->address;
        if (!frame || (!is_named(frame) && (is_system || !has_file)))
            continue;
        if (nameless && (!frame->module || strcmp(frame->module, nameless) != 0))
            break;
        if (is_named(frame) && !is_system)
            return index;
        if (!is_named(frame))
            nameless = frame->module;
        else if (leaf == RUN_NONE)
            leaf = index;
    }
    *ret_nameless = leaf == RUN_NONE ? nameless : NULL;
    return leaf;
}

uint32_t attribute_frame(const struct run *run, uint32_t stack)
{
    const char *nameless;
    return find_frame(run, stack, &nameless);
}

const char *attribute_nameless(const struct run *run, uint32_t stack)
{
    const char *nameless;
    (void)find_frame(run, stack, &nameless);
    return nameless;
}

static void fill_peer(const struct run *run, uint32_t index, struct where *where)
{
    if (index == RUN_NONE || index >= run->peers.count)
        return;
    const struct run_peer *peer = &run->peers.items[index];
    if (peer->kind == PEER_FILE || peer->kind == PEER_DEVICE)
        where->path = peer->path && peer->path[0] ? peer->path : run_peer_name(run, index);
    else if (peer->kind != PEER_TIMER && peer->kind != PEER_PROCESS)
        where->peer = run_peer_name(run, index);
}

static struct tally *tally_of(struct ledger *ledger, const struct where *where, int doing, bool open)
{
    struct str key = {0};
    const char *parts[] = {where->stage, where->process, where->function, where->peer, where->path};
    str_printf(&key, "%d %d", doing, open);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        str_printf(&key, "\1%s", parts[i] ? parts[i] : "\2");
    uint64_t id = 0;
    bool fresh = false;
    int status = key.failed ? -1 : intern_put(&ledger->keys, key.text, key.length, &id, &fresh);
    str_free(&key);
    struct tally tally = {
        .entry = {.where = *where, .doing = doing}, .stage = RUN_NONE, .function_open = open};
    if (status || (fresh && vec_push(&ledger->tallies, tally))) {
        ledger->status = -1;
        return NULL;
    }
    return &ledger->tallies.items[id - 1];
}

/* NULL for no time, and when memory ran out. */
static struct tally *add(struct ledger *ledger, const struct where *where, int doing, uint64_t ns, bool open)
{
    struct tally *tally = ns ? tally_of(ledger, where, doing, open) : NULL;
    if (!tally)
        return NULL;
    tally->entry.ns += ns;
    tally->sample_count++;
    attribute_line_vote(&tally->entry.where, &tally->line_ns, where, ns);
    return tally;
}

bool attribute_own_function(const struct run *run, uint32_t stack, struct where *where)
{
    uint32_t index = attribute_frame(run, stack);
    bool own = index != RUN_NONE && attribute_is_own(&run->frames.items[index]);
    if (own)
        attribute_function(run, stack, where);
    return own;
}

void attribute_function(const struct run *run, uint32_t stack, struct where *where)
{
    uint32_t index = attribute_frame(run, stack);
    if (index == RUN_NONE)
        return;
    const struct run_frame *frame = &run->frames.items[index];
    where->function = frame->function;
    where->file = frame->file && frame->file[0] ? frame->file : NULL;
    where->line = frame->line;
}

void attribute_line_vote(struct where *where, uint64_t *lead_ns, const struct where *seen, uint64_t ns)
{
    if (seen->line == where->line) {
        *lead_ns += ns;
    } else if (*lead_ns >= ns) {
        *lead_ns -= ns;
    } else {
        where->line = seen->line;
        where->file = seen->file;
        *lead_ns = ns - *lead_ns;
    }
}

/* A stretch of running in one stage: each sample in it stands for an equal part. */
static void add_running(struct ledger *ledger, const struct run_track *track, uint64_t from, uint64_t to,
                        const struct where *where)
{
    size_t first = run_samples_before(track, from), last = run_samples_before(track, to);
    uint64_t left = to - from;
    if (first == last) {
        add(ledger, where, DOING_CPU, left, true);
        return;
    }
    for (size_t i = first; i < last; i++) {
        uint64_t part = left / (last - i);
        struct where at = *where;
        attribute_function(ledger->run, track->samples.items[i].stack, &at);
        bool is_open = !at.function && !attribute_nameless(ledger->run, track->samples.items[i].stack);
        struct tally *tally = add(ledger, &at, DOING_CPU, part, is_open);
        if (tally)
            tally->weight += track->samples.items[i].weight;
        left -= part;
    }
}

static void add_part(struct ledger *ledger, const struct path_step *step, uint64_t from, uint64_t to,
                     uint32_t stage)
{
    const struct run *run = ledger->run;
    struct where where = {0};
    if (stage != RUN_NONE) {
        where.stage = run->stages.items[stage].name;
        ledger->stage_critical_ns[stage] += to - from;
    }
    if (step->actor != RUN_NONE)
        where.process = run_process_name(run, step->actor, to);
    if (step->doing == DOING_CPU) {
        add_running(ledger, &run->tracks.items[step->actor], from, to, &where);
        return;
    }
    if (step->doing == WAIT_CPU_QUEUE && step->holder != RUN_NONE) {
        where.process = run_process_name(run, step->holder, to);
    }
    fill_peer(run, step->peer, &where);
    add(ledger, &where, step->doing, to - from, false);
}

static void add_step(struct ledger *ledger, const struct path_step *step)
{
    if (step->actor == RUN_NONE) {
        add_part(ledger, step, step->start_ns, step->end_ns, RUN_NONE);
        return;
    }
    const struct run_track *track = &ledger->run->tracks.items[step->actor];
    uint64_t at = step->start_ns;
    size_t first = search_first(i, track->pieces.count, track->pieces.items[i].end_ns > at);
    for (size_t i = first; i < track->pieces.count && at < step->end_ns; i++) {
        const struct run_piece *piece = &track->pieces.items[i];
        if (piece->start_ns > at) {
            uint64_t until = num_min(piece->start_ns, step->end_ns);
            add_part(ledger, step, at, until, RUN_NONE);
            at = until;
        }
        uint64_t until = num_min(piece->end_ns, step->end_ns);
        if (until > at) {
            add_part(ledger, step, at, until, piece->stage);
            at = until;
        }
    }
    if (at < step->end_ns)
        add_part(ledger, step, at, step->end_ns, RUN_NONE);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The running of one stage and program: what was seen in functions, and what is left of the rest. */
struct spread {
    struct tally *open; /* the rest; NULL when there is none */
    uint64_t named_ns, named_weight, left_ns;
};

struct spreads {
    struct intern keys;
    VEC(struct spread) items;
    bool weights_are_ns; /* of samples */
};

static struct spread *spread_of(struct spreads *spreads, const struct where *where)
{
    struct str key = {0};
    uint64_t id = 0;
    bool fresh = false;
    str_printf(&key, "%s\1%s", where->stage ? where->stage : "\2", where->process ? where->process : "\2");
    int status = key.failed ? -1 : intern_put(&spreads->keys, key.text, key.length, &id, &fresh);
    str_free(&key);
    struct spread none = {0};
    return status || (fresh && vec_push(&spreads->items, none)) ? NULL : &spreads->items.items[id - 1];
}

static void add_to_spread(struct ledger *ledger, struct spreads *spreads, struct tally *tally)
{
    struct spread *spread = tally->entry.doing == DOING_CPU ? spread_of(spreads, &tally->entry.where) : NULL;
    if (spread && tally->function_open) {
        spread->open = tally;
        spread->left_ns = tally->entry.ns;
    } else if (spread) {
        spread->named_ns += tally->entry.ns;
        spread->named_weight += tally->weight;
    } else if (tally->entry.doing == DOING_CPU) {
        ledger->status = -1;
    }
}

static void take_of_spread(struct spreads *spreads, struct tally *tally)
{
    struct spread *spread = spread_of(spreads, &tally->entry.where);
    if (!spread || !spread->open || !spread->named_ns)
        return;
    /* Functions seen for 1 % must not be blown up to 100 %. Stretches shorter than a sample's period are seldom hit: what a sample
     * stands for is seen, not only the stretch that it fell into. */
    uint64_t seen_ns = num_max(spread->named_ns, spreads->weights_are_ns ? spread->named_weight : 0);
    if (seen_ns < spread->open->entry.ns / 2)
        return;
    double share = spread->named_weight ? num_ratio(tally->weight, spread->named_weight)
                                        : num_ratio(tally->entry.ns, spread->named_ns);
    uint64_t part = num_min(num_u64((double)spread->open->entry.ns * share), spread->left_ns);
    tally->entry.ns += part;
    spread->left_ns -= part;
}

/* Running time without samples goes to the functions seen in the same stage and program, in proportion. */
static void spread_open(struct ledger *ledger)
{
    const char *unit = view_meta(ledger->run->view, META_SAMPLE_UNIT);
    struct spreads spreads = {.weights_are_ns = !unit || strcmp(unit, "ns") == 0};
    for (size_t i = 0; i < ledger->tallies.count; i++)
        add_to_spread(ledger, &spreads, &ledger->tallies.items[i]);
    for (size_t i = 0; i < ledger->tallies.count && !ledger->status; i++) {
        struct tally *tally = &ledger->tallies.items[i];
        if (tally->entry.doing == DOING_CPU && !tally->function_open)
            take_of_spread(&spreads, tally);
    }
    for (size_t i = 0; i < spreads.items.count; i++) {
        if (spreads.items.items[i].open)
            spreads.items.items[i].open->entry.ns = spreads.items.items[i].left_ns;
    }
    vec_free(&spreads.items);
    intern_free(&spreads.keys);
}

static int compare_entries(const void *a, const void *b)
{
    const struct path_entry *x = a, *y = b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

/* Wilson's score interval at 95 % for what was sampled (E. B. Wilson, 1927); exact waits have a clock's error. */
static void set_ratios(const struct run *run, const struct tally *tally, struct path_entry *entry,
                       uint64_t wall_ns)
{
    entry->ratio = num_ratio(entry->ns, wall_ns);
    double spread = entry->doing == DOING_CPU
                        ? 1.96 * sqrt((double)tally->sample_count) / (double)tally->sample_count
                        : num_ratio(run->boundary_error_ns * tally->sample_count, entry->ns);
    spread = spread > 1 ? 1 : spread;
    entry->ratio_low = entry->ratio * (1 - spread);
    entry->ratio_high = fmin(1, entry->ratio * (1 + spread));
}

static int finish_entries(struct ledger *ledger, struct attribution *attribution)
{
    const struct run *run = ledger->run;
    uint64_t wall_ns = run->end_ns - run->start_ns, unknown = 0;
    attribution->entries =
        arena_alloc(ledger->arena, (ledger->tallies.count + 1) * sizeof *attribution->entries);
    if (!attribution->entries)
        return -1;
    for (size_t i = 0; i < ledger->tallies.count; i++) {
        struct tally *tally = &ledger->tallies.items[i];
        if (!tally->entry.ns)
            continue;
        struct path_entry *entry = &attribution->entries[attribution->entry_count++];
        *entry = tally->entry;
        set_ratios(run, tally, entry, wall_ns);
        unknown += entry->doing == WAIT_UNKNOWN ? entry->ns : 0;
    }
    qsort(attribution->entries, attribution->entry_count, sizeof *attribution->entries, compare_entries);
    attribution->explained_ratio = 1 - num_ratio(unknown, wall_ns);
    return 0;
}

static int compare_via_entries(const void *a, const void *b)
{
    const struct via_entry *x = a, *y = b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

/* Functions in which the waits of one via entry were ended: the one that ended most of their time is told. */
struct release {
    size_t entry;
    struct where where;
    uint64_t ns;
};

struct releases {
    VEC(struct release) items;
};

#define RELEASE_MAX 256

static int add_release(const struct run *run, const struct path_via *via, size_t entry,
                       struct releases *releases)
{
    struct release release = {.entry = entry, .ns = via->end_ns - via->start_ns};
    if (!attribute_own_function(run, via->waker_stack, &release.where))
        return 0;
    for (size_t i = 0; i < releases->items.count; i++) {
        struct release *known = &releases->items.items[i];
        if (known->entry == entry && strcmp(known->where.function, release.where.function) == 0) {
            known->ns += release.ns;
            return 0;
        }
    }
    return releases->items.count < RELEASE_MAX ? vec_push(&releases->items, release) : 0;
}

static void name_releases(const struct releases *releases, struct via_entry *entries)
{
    for (size_t i = 0; i < releases->items.count; i++) {
        const struct release *one = &releases->items.items[i];
        bool most = true;
        for (size_t j = 0; j < releases->items.count && most; j++)
            most = releases->items.items[j].entry != one->entry || releases->items.items[j].ns <= one->ns;
        if (!most)
            continue;
        entries[one->entry].where.function = one->where.function;
        entries[one->entry].where.file = one->where.file;
        entries[one->entry].where.line = one->where.line;
    }
}

static size_t find_via_entry(struct via_entry *entries, size_t count, enum wait_reason reason,
                             const struct where *where)
{
    size_t at = 0;
    while (at < count &&
           !(entries[at].reason == reason && same_text(entries[at].where.process, where->process) &&
             same_text(entries[at].where.peer, where->peer) &&
             same_text(entries[at].where.path, where->path)))
        at++;
    return at;
}

static int add_vias(const struct run *run, const struct path *path, struct arena *arena,
                    struct attribution *attribution)
{
    struct via_entry *entries = arena_alloc(arena, (path->vias.count + 1) * sizeof *entries);
    struct releases releases = {0};
    size_t count = 0;
    int status = entries ? 0 : -1;
    for (size_t i = 0; i < path->vias.count && !status; i++) {
        const struct path_via *via = &path->vias.items[i];
        struct where where = {0};
        if (via->reason == WAIT_CHILD || via->peer == RUN_NONE)
            where.process = run_process_name(run, via->waker, via->end_ns);
        else
            fill_peer(run, via->peer, &where);
        size_t at = find_via_entry(entries, count, (enum wait_reason)via->reason, &where);
        if (at == count)
            entries[count++] = (struct via_entry){.where = where, .reason = via->reason};
        entries[at].ns += via->end_ns - via->start_ns;
        status = add_release(run, via, at, &releases);
    }
    if (!status)
        name_releases(&releases, entries);
    vec_free(&releases.items);
    for (size_t i = 0; i < count; i++)
        entries[i].ratio = num_ratio(entries[i].ns, run->end_ns - run->start_ns);
    if (!status)
        qsort(entries, count, sizeof *entries, compare_via_entries);
    attribution->vias = entries;
    attribution->via_count = count;
    return status;
}

int attribute_path(const struct run *run, const struct path *path, struct arena *arena,
                   struct attribution *ret_attribution, struct err *err)
{
    struct attribution attribution = {0};
    struct ledger ledger = {.run = run, .arena = arena};
    attribution.stage_critical_ns = arena_alloc(arena, (run->stages.count + 1) * sizeof(uint64_t));
    ledger.stage_critical_ns = attribution.stage_critical_ns;
    ledger.status = ledger.stage_critical_ns ? 0 : -1;
    for (size_t i = 0; i < path->steps.count && !ledger.status; i++)
        add_step(&ledger, &path->steps.items[i]);
    if (!ledger.status) {
        spread_open(&ledger);
        ledger.status = finish_entries(&ledger, &attribution);
    }
    if (!ledger.status)
        ledger.status = add_vias(run, path, arena, &attribution);
    intern_free(&ledger.keys);
    vec_free(&ledger.tallies);
    if (ledger.status)
        return err_memory(err);
    *ret_attribution = attribution;
    return 0;
}
