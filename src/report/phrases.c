/* SPDX-License-Identifier: Apache-2.0 */
#include "report/phrases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "model/meta.h"
#include "report/service_phrases.h"
#include "report/units.h"

/* unit_factor tells no figure above it. */
#define BEHIND_WORTH    1.01 /* less is not told as a gain */
#define FACTOR_TOLD_MAX 1000

const char *phrase_doing(int doing)
{
    static const char *const waits[WAIT_REASON_COUNT] = {
        [WAIT_UNKNOWN] = "waiting, reason unknown",
        [WAIT_CPU_QUEUE] = "waiting for a free CPU",
        [WAIT_DISK_READ] = "reading from disk",
        [WAIT_DISK_WRITE] = "writing to disk",
        [WAIT_DISK_SYNC] = "waiting for the disk to confirm",
        [WAIT_NETWORK] = "waiting for the network",
        [WAIT_DNS] = "looking up a host name",
        [WAIT_PIPE] = "waiting at a pipe",
        [WAIT_LOCK] = "waiting for a lock",
        [WAIT_SLEEP] = "sleeping",
        [WAIT_CHILD] = "waiting for a child process",
        [WAIT_POLL] = "waiting for events",
        [WAIT_PAGE_FAULT] = "loading memory pages",
        [WAIT_RECLAIM] = "waiting for free memory",
        [WAIT_IPC] = "waiting for another process",
        [WAIT_GPU] = "waiting for the GPU",
        [WAIT_RATE_LIMIT] = "held back by a rate limit",
        [WAIT_REMOTE] = "waiting for a remote service",
        [WAIT_HUMAN] = "waiting for a person",
        [WAIT_IDLE] = "idle",
    };

    if (doing == DOING_CPU)
        return "computing";
    return doing >= 0 && doing < WAIT_REASON_COUNT ? waits[doing] : waits[WAIT_UNKNOWN];
}

const char *phrase_doing_short(int doing)
{
    static const char *const waits[WAIT_REASON_COUNT] = {
        [WAIT_UNKNOWN] = "unknown wait",
        [WAIT_CPU_QUEUE] = "CPU queue",
        [WAIT_DISK_READ] = "disk read",
        [WAIT_DISK_WRITE] = "disk write",
        [WAIT_DISK_SYNC] = "disk sync",
        [WAIT_NETWORK] = "network",
        [WAIT_DNS] = "host name",
        [WAIT_PIPE] = "pipe",
        [WAIT_LOCK] = "lock",
        [WAIT_SLEEP] = "sleep",
        [WAIT_CHILD] = "child process",
        [WAIT_POLL] = "events",
        [WAIT_PAGE_FAULT] = "page fault",
        [WAIT_RECLAIM] = "memory",
        [WAIT_IPC] = "process",
        [WAIT_GPU] = "GPU",
        [WAIT_RATE_LIMIT] = "rate limit",
        [WAIT_REMOTE] = "remote service",
        [WAIT_HUMAN] = "person",
        [WAIT_IDLE] = "idle",
    };

    if (doing == DOING_CPU)
        return "CPU";
    return doing >= 0 && doing < WAIT_REASON_COUNT ? waits[doing] : waits[WAIT_UNKNOWN];
}

/* Names that the kernel or the memory layout gave, new in every run: they tell a person nothing. */
static bool is_anonymous(const char *peer)
{
    size_t digits = strspn(peer, "0123456789");

    return strncmp(peer, "pipe:[", 6) == 0 || strncmp(peer, "socket:[", 8) == 0 ||
           strncmp(peer, "anon_inode:", 11) == 0 || (digits && strncmp(peer + digits, ":0x", 3) == 0);
}

static const char *told_peer(const struct where *where)
{
    return where->peer && !is_anonymous(where->peer) ? where->peer : NULL;
}

const char *phrase_detail(const struct where *where)
{
    if (told_peer(where))
        return where->peer;
    if (where->path)
        return where->path;
    if (where->function)
        return where->function;
    if (where->process && !(where->stage && strcmp(where->stage, where->process) == 0))
        return where->process;
    return NULL;
}

void phrase_where(struct str *str, const struct where *where)
{
    const char *outer = where->stage ? where->stage : where->process;

    if (where->function)
        str_printf(str, "%s%s%s", where->function, outer ? " in " : "", outer ? outer : "");
    else if (told_peer(where) || where->path)
        str_printf(str, "%s%s%s", outer ? outer : "", outer ? ": " : "",
                   told_peer(where) ? where->peer : where->path);
    else
        str_append(str, outer ? outer : "outside any stage");
}

void phrase_command(struct str *str, const struct run_facts *run)
{
    for (size_t i = 0; i < run->command_count; i++)
        str_printf(str, "%s%s", i ? " " : "", run->command[i]);
}

bool phrase_knows_exit(const struct run_facts *run)
{
    const char *rungs[] = {run->recorder_cpu, run->recorder_wait, run->recorder_spans};
    for (size_t i = 0; i < sizeof rungs / sizeof rungs[0]; i++)
        if (rungs[i] && strcmp(rungs[i], "import") == 0)
            return false;
    return true;
}

void phrase_exit(struct str *str, const struct run_facts *run)
{
    const char *name = run->exit_status > 128 ? sigabbrev_np((int)(run->exit_status - 128)) : NULL;

    if (name)
        str_printf(str, "killed by SIG%s", name);
    else
        str_printf(str, "exit %llu", (unsigned long long)run->exit_status);
}

/* The largest amount of a kind that any one stage reports: a row that passes four stages is one row. */
static double largest_usage(const struct verdict *verdict, const char *kind)
{
    double largest = 0;

    for (size_t i = 0; i < verdict->stage_count; i++)
        for (size_t j = 0; j < verdict->stages[i].usage_count; j++)
            if (strcmp(verdict->stages[i].usage[j].kind, kind) == 0)
                largest = fmax(largest, verdict->stages[i].usage[j].amount);
    return largest;
}

void phrase_work(struct str *str, const struct verdict *verdict)
{
    static const char *const kinds[] = {"files", "rows", "requests", "records", "items"};
    double seconds = (double)verdict->run.wall_ns / (double)NS_PER_S;
    const char *comma = "";

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        double amount = largest_usage(verdict, kinds[i]);
        if (!(amount > 0))
            continue;
        str_printf(str, "%s%s %s", comma, unit_count(amount).text, kinds[i]);
        if (seconds > 0 && strcmp(kinds[i], "files") != 0) {
            /* Three digits: a rate is not known better than that. */
            double rate = amount / seconds, step = pow(10, floor(log10(rate)) - 2);
            str_printf(str, ", %s %s/s", unit_count(step > 1 ? round(rate / step) * step : rate).text,
                       kinds[i]);
        }
        comma = "; ";
    }
    double bytes = largest_usage(verdict, "bytes");
    if (bytes > 0 && bytes < 1e18)
        str_printf(str, "%s%s", comma, unit_bytes((uint64_t)bytes).text);
}

/* The queueing model of a service is an idealisation: it is taken for what it is up to three times that. */
static bool is_bounded(const struct verdict *verdict)
{
    return verdict->service ? verdict->service->drift_ratio > 3 * DRIFT_BOUND
                            : verdict->baseline_drift_ratio > DRIFT_BOUND;
}

void phrase_money(struct str *str, const struct finding *finding, bool is_first)
{
    const struct savings *savings = &finding->savings;

    if (!finding->has_savings || savings->usd < 0.01)
        return;
    str_printf(str, "%s$%.2f less ($%.2f to $%.2f)", is_first ? "" : "; ", savings->usd, savings->usd_low,
               savings->usd_high);
}

void phrase_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    const struct gain *gain = &finding->gain;

    if (finding->has_savings && !(gain->factor > 0)) {
        phrase_money(str, finding, true);
        return;
    }

    if (!(gain->factor > 0)) {
        if (gain->factor_max > FACTOR_TOLD_MAX)
            str_append(str, "next to nothing would be left if it cost nothing");
        else if (gain->factor_max > 1)
            str_printf(str, "at most %s faster if it cost nothing", unit_factor(gain->factor_max).text);
        return;
    }
    if (verdict->service)
        phrase_service_gain(str, verdict, finding);
    else
        str_printf(str, "%s -> %s", unit_duration(verdict->run.wall_ns).text,
                   unit_duration(gain->wall_ns_after).text);
    str_printf(str, ", %s%s", gain->factor > FACTOR_TOLD_MAX ? "" : "about ", unit_factor(gain->factor).text);
    struct unit low = unit_factor(gain->factor_low), high = unit_factor(gain->factor_high);
    if (gain->factor_low > 0 && strcmp(low.text, high.text) != 0)
        str_printf(str, " (%s to %s)", low.text, high.text);
    if (is_bounded(verdict))
        str_append(str, ", roughly");
    phrase_money(str, finding, false);
    phrase_behind(str, finding);
}

void phrase_behind(struct str *str, const struct finding *finding)
{
    if (!finding->behind)
        return;
    if (finding->factor_behind < BEHIND_WORTH)
        str_append(str, "; next to nothing on top of the first");
    else
        str_printf(str, "; %s on top of the first", unit_factor(finding->factor_behind).text);
}

static size_t bare_length(const char *sentence)
{
    size_t length = strlen(sentence);

    while (length && strchr(". \t\n", sentence[length - 1]))
        length--;
    return length;
}

void phrase_bare(struct str *str, const char *sentence)
{
    str_append_bytes(str, sentence, bare_length(sentence));
}

void phrase_sentence(struct str *str, const char *sentence)
{
    size_t length = bare_length(sentence);

    str_append_bytes(str, sentence, length);
    if (length && !strchr("?!", sentence[length - 1]))
        str_append(str, ".");
}

void phrase_title(struct str *str, const struct finding *finding)
{
    const char *title = finding->title ? finding->title : finding->cause;
    const char *place = told_peer(&finding->where) ? finding->where.peer : finding->where.path;
    bool is_service = finding->objective && strcmp(finding->objective, "wall") != 0;
    bool has_share = strchr(title, '%') || !(finding->critical_ratio > 0) || is_service;
    bool has_place = !place || strstr(title, place);

    phrase_bare(str, title);
    if (!has_share)
        str_printf(str, ": %s of the time", unit_ratio(finding->critical_ratio).text);
    if (!has_place)
        str_printf(str, "%s at %s", has_share ? ":" : ",", place);
    str_append(str, ".");
}

void phrase_fix(struct str *str, const struct finding *finding)
{
    size_t from = str->length;

    if (!finding->fix)
        return;
    phrase_bare(str, finding->fix);
    if (str->length > from && str->text[from] >= 'a' && str->text[from] <= 'z')
        str->text[from] = (char)(str->text[from] - 'a' + 'A');
}

bool phrase_is_profile(const struct verdict *verdict)
{
    return verdict->run.scope && strcmp(verdict->run.scope, SCOPE_PROFILE) == 0;
}

/* Of Go's other profiles, and of whoever writes the same. */
static const char *const profiled[][2] = {
    {"delay", "time waited"},
    {"contentions", "waits"},
    {"goroutine", "goroutines"},
    {"threadcreate", "threads"},
    {"inuse_objects", "what is in use"},
    {"alloc_objects", "allocations"},
};

const char *phrase_profiled(const struct run_facts *run)
{
    if (run->sample_unit && strcmp(run->sample_unit, "bytes") == 0)
        return "the bytes";
    for (size_t i = 0; run->sample_event && i < sizeof profiled / sizeof profiled[0]; i++)
        if (strcmp(run->sample_event, profiled[i][0]) == 0)
            return profiled[i][1];
    return "CPU time";
}

void phrase_samples(struct str *str, const struct run_facts *run)
{
    const char *unit = run->sample_unit ? run->sample_unit : "ns";

    if (strcmp(unit, SAMPLE_UNIT_COUNT) == 0)
        str_printf(str, ": %s stack%s", unit_count((double)run->sample_count).text,
                   run->sample_count == 1 ? "" : "s");
    else
        str_printf(str, ": %s sample%s%s%s", unit_count((double)run->sample_count).text,
                   run->sample_count == 1 ? "" : "s", strcmp(unit, "samples") == 0 ? "" : " of ",
                   strcmp(unit, "samples") == 0 ? ""
                   : strcmp(unit, "ns") == 0    ? phrase_profiled(run)
                                                : unit);
    if (!run->is_timeless && strcmp(unit, SAMPLE_UNIT_COUNT) != 0)
        str_printf(str, " over %s", unit_duration(run->wall_ns).text);
    str_printf(str, ", in %s thread%s.", unit_count((double)run->thread_count).text,
               run->thread_count == 1 ? "" : "s");
}

void phrase_no_finding(struct str *str, const struct verdict *verdict)
{
    if (phrase_is_profile(verdict)) {
        str_printf(str, "no verdict: a profile tells where %s went, and not what the run waited for",
                   phrase_profiled(&verdict->run));
        return;
    }
    if (phrase_serves(verdict)) {
        phrase_service_limit(str, verdict->service);
        return;
    }
    if (!verdict->path_count || !verdict->run.wall_ns) {
        str_append(str, "nothing can be said: the recording holds no time of the run");
        return;
    }
    str_append(str, verdict->service
                        ? "no requests were seen (--objective wall judges it as a job)"
                        : "nothing stands out: no single change would make this run much faster");
    const struct path_entry *first = &verdict->path[0];
    str_printf(str, "; the largest part (%s) is ",
               unit_ratio(num_ratio(first->ns, verdict->run.wall_ns)).text);
    phrase_where(str, &first->where);
    str_printf(str, ", %s", phrase_doing(first->doing));
}

static void append_recorders(struct str *str, const struct run_facts *run)
{
    const char *rungs[] = {run->recorder_cpu, run->recorder_wait, run->recorder_spans};
    const char *told[3];
    size_t count = 0;

    for (size_t i = 0; i < 3; i++) {
        bool known = !rungs[i] || strcmp(rungs[i], "none") == 0;
        const char *name = rungs[i] && strcmp(rungs[i], "ring") == 0 ? "spans" : rungs[i];
        for (size_t j = 0; !known && j < count; j++)
            known = strcmp(told[j], name) == 0;
        if (!known) {
            str_printf(str, "%s%s", count ? " + " : "recorder ", name);
            told[count++] = name;
        }
    }
    if (count)
        str_append(str, ", ");
}

static void append_service_trust(struct str *str, const struct verdict *verdict)
{
    if (phrase_serves(verdict))
        str_printf(str, "requests counted by %s, ", verdict->service->request_source);
    if (verdict->service->drift_ratio > 0)
        str_printf(str, "model within %s, ", unit_ratio(verdict->service->drift_ratio).text);
    str_printf(str, "overhead %s", unit_ratio(verdict->run.grade.overhead_ratio).text);
}

void phrase_trust(struct str *str, const struct verdict *verdict)
{
    const struct grade *grade = &verdict->run.grade;

    append_recorders(str, &verdict->run);
    if (verdict->service)
        append_service_trust(str, verdict);
    else if (phrase_is_profile(verdict))
        str_append(str, "waits not known");
    else
        str_printf(str, "%s explained, replay within %s, overhead %s",
                   unit_ratio(grade->critical_path_explained_ratio).text,
                   unit_ratio(verdict->baseline_drift_ratio).text, unit_ratio(grade->overhead_ratio).text);
    if (grade->lost_count)
        str_printf(str, ", %s events lost", unit_count((double)grade->lost_count).text);
    if (grade->missed_process_count_max)
        str_printf(str, ", up to %s short processes missed",
                   unit_count((double)grade->missed_process_count_max).text);
}

bool phrase_poor(struct str *str, const struct verdict *verdict)
{
    const struct grade *grade = &verdict->run.grade;

    if (grade->score_ratio >= SCORE_POOR || phrase_is_profile(verdict))
        return false;
    str_printf(str, "this recording is poor (trust %s): take what follows as a hint, not as a verdict",
               unit_ratio(grade->score_ratio).text);
    return true;
}

/* Where processes are the stages, the time of one outside its stage belongs to it all the same. */
static struct share *find_share(struct share_list *list, struct intern *names, const struct where *where)
{
    const char *name = where->stage ? where->stage : where->process;
    const char *key = name ? name : "";
    bool fresh = false;
    uint64_t id;

    if (intern_put(names, key, strlen(key), &id, &fresh) ||
        (fresh && vec_push(&list->shares, (struct share){.process = where->stage ? NULL : name})) ||
        !list->shares.items)
        return NULL;
    struct share *share = &list->shares.items[id - 1];
    share->stage = share->stage ? share->stage : where->stage;
    return share;
}

static int add_part(struct share *share, const struct path_entry *entry)
{
    share->ns += entry->ns;
    for (size_t i = 0; i < share->parts.count; i++)
        if (share->parts.items[i].doing == entry->doing) {
            share->parts.items[i].ns += entry->ns;
            return 0;
        }
    return vec_push(&share->parts, (struct share_part){entry->doing, &entry->where, entry->ns});
}

static int compare_shares(const void *a, const void *b)
{
    const struct share *x = a, *y = b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

static int compare_parts(const void *a, const void *b)
{
    const struct share_part *x = a, *y = b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

int phrase_shares(const struct verdict *verdict, struct share_list *ret_shares)
{
    struct share_list list = {0};
    struct intern names = {0};
    bool failed = false;

    for (size_t i = 0; i < verdict->path_count && !failed; i++) {
        struct share *share = find_share(&list, &names, &verdict->path[i].where);
        failed = !share || add_part(share, &verdict->path[i]);
    }
    intern_free(&names);
    if (failed) {
        phrase_shares_free(&list);
        return -1;
    }
    for (size_t i = 0; i < list.shares.count; i++) {
        struct share *share = &list.shares.items[i];
        share->ratio = num_ratio(share->ns, verdict->run.wall_ns);
        qsort(share->parts.items, share->parts.count, sizeof *share->parts.items, compare_parts);
    }
    if (list.shares.count)
        qsort(list.shares.items, list.shares.count, sizeof *list.shares.items, compare_shares);
    *ret_shares = list;
    return 0;
}

void phrase_share(struct str *str, const struct verdict *verdict, const struct share *share)
{
    bool has_stages = false;

    for (size_t i = 0; i < verdict->path_count && !share->stage && !has_stages; i++)
        has_stages = verdict->path[i].where.stage;
    if (share->stage)
        str_append(str, share->stage);
    else if (share->process)
        str_printf(str, "%s%s", has_stages ? "rest of " : "", share->process);
    else
        str_append(str, has_stages ? "outside any stage" : "the run");
}

void phrase_shares_free(struct share_list *shares)
{
    for (size_t i = 0; i < shares->shares.count; i++)
        vec_free(&shares->shares.items[i].parts);
    vec_free(&shares->shares);
}
