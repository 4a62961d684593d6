/* SPDX-License-Identifier: Apache-2.0 */
/* An advice as one line for a shell. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "diagnose/next_step.h"

/* What toll's own recorder does for an advice: options of `toll attach`, of `toll run`, and why. */
static const struct {
    const char *attach, *run, *why;
} own[ADVICE_COUNT] = {
    [ADVICE_CPU] = {"--for 30s --objective wall", "", "which functions the time goes to"},
    [ADVICE_MEMORY] = {"--for 60s --objective wall", "", "what grows, and who asks for it"},
    [ADVICE_WAITS] = {"--for 30s --objective wall", "",
                      "what it waits for, and what ending that would bring"},
    [ADVICE_DISK] = {"--for 30s --objective wall --io sampled", "", "which files it waits for"},
    [ADVICE_LATENCY] = {"--for 30s --objective latency", "--objective latency ",
                        "what each request waits for, at the median and in the tail"},
    [ADVICE_THROUGHPUT] = {"--for 30s --objective throughput", "--objective throughput ",
                           "which resource is used up first"},
};

/* A folder in quotes where a shell needs them. */
static void word_append(struct str *str, const char *word)
{
    if (*word &&
        word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+:=")] ==
            '\0' &&
        *word != '-') {
        str_append(str, word);
        return;
    }
    str_append(str, "'");
    for (; *word; word++)
        str_append_bytes(str, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    str_append(str, "'");
}

static void folder_enter(const struct plan_facts *facts, bool builds, struct str *str)
{
    if (strcmp(facts->path, ".") != 0) {
        str_append(str, "cd ");
        word_append(str, facts->path);
        str_append(str, " && ");
    }
    if (builds && facts->start.build)
        str_printf(str, "%s && ", facts->start.build);
}

static bool route_fits(const struct route *route, const struct plan_facts *facts, enum advice advice)
{
    enum target_kind target = facts->target == TARGET_FOLDER ? TARGET_FOLDER : TARGET_PROCESS;
    if (route->advice != advice || route->target != target)
        return false;
    if (route->starts && (!facts->start.command || !str_starts(facts->start.command, route->starts)))
        return false;
    const struct profiler *profiler = profiler_installed(facts->profilers, route->profiler);
    /* A folder's program is started anew: nothing that serves anyone is touched. */
    if (!profiler || !(profiler->is_safe || target == TARGET_FOLDER))
        return false;
    for (size_t i = 0; i < facts->found->items.count; i++) {
        const struct technology *at = &facts->found->items.items[i];
        if (at->kind == TECHNOLOGY_LANGUAGE && technology_matches(route->languages, at->name))
            return true;
    }
    return false;
}

static void route_append(const struct route *route, const struct plan_facts *facts, struct str *str)
{
    for (const char *at = route->command; *at;) {
        if (str_starts(at, "{PID}")) {
            str_printf(str, "%llu", (unsigned long long)facts->pid);
            at += 5;
        } else if (str_starts(at, "{COMMAND}")) {
            str_append(str, facts->start.command);
            at += 9;
        } else {
            str_append_bytes(str, at++, 1);
        }
    }
}

static void own_append(const struct plan_facts *facts, enum advice advice, struct str *str)
{
    if (facts->target == TARGET_FOLDER)
        str_printf(str, "toll run %s-- %s", own[advice].run, facts->start.command);
    else
        str_printf(str, "toll attach %s %llu", own[advice].attach, (unsigned long long)facts->pid);
}

/* What has an objective is asked by all investigators at once; a profile of its CPU or memory is a narrower question. */
static bool is_investigated(const struct plan_facts *facts, enum advice advice)
{
    if (!facts->has_pipeline)
        return false;
    return !facts->start.command || (advice != ADVICE_CPU && advice != ADVICE_MEMORY);
}

static int investigation(const struct plan_facts *facts, struct plan *plan)
{
    struct str str = {0};
    folder_enter(facts, false, &str);
    str_append(&str, "toll investigate toll.yaml");
    plan->command = str.failed ? NULL : arena_string(facts->arena, str_text(&str));
    plan->why = "its toll.yaml says what is to be reached: investigators measure, agree or try it out";
    str_free(&str);
    return plan->command ? 0 : -1;
}

/* Nothing to look at: what can be said is how to begin. */
static int nothing(const struct plan_facts *facts, struct plan *plan)
{
    plan->command =
        facts->target == TARGET_MACHINE && facts->is_root ? "toll run --system --for 30s" : "toll doctor";
    plan->why =
        facts->target == TARGET_FOLDER
            ? "how to start what is here is not known: toll run -- COMMAND records it; doctor says how well"
            : "nothing here does much: start what is slow with toll run -- COMMAND";
    return 0;
}

int plan_command(const struct plan_facts *facts, struct plan *plan)
{
    struct str str = {0};
    const char *why = own[plan->advice].why;
    bool is_folder = facts->target == TARGET_FOLDER;
    const struct route *route = NULL;
    if (is_folder && is_investigated(facts, plan->advice))
        return investigation(facts, plan);
    if (plan->advice == ADVICE_NOTHING || (is_folder ? !facts->start.command : !facts->pid))
        return nothing(facts, plan);
    for (size_t i = 0; i < route_count && !route; i++)
        if (route_fits(&routes[i], facts, plan->advice))
            route = &routes[i];
    if (is_folder)
        folder_enter(facts, true, &str);
    if (facts->needs_root && !facts->is_root)
        str_append(&str, "sudo ");
    if (route) {
        route_append(route, facts, &str);
        why = route->why;
    } else {
        own_append(facts, plan->advice, &str);
    }
    plan->command = str.failed ? NULL : arena_string(facts->arena, str_text(&str));
    plan->why = why;
    str_free(&str);
    return plan->command ? 0 : -1;
}
