/* SPDX-License-Identifier: Apache-2.0 */
/* toll whatif: what a recorded run would take with changes. */
#include "base/clock.h"
#include "judge/predict.h"
#include "verbs/verbs.h"

struct options {
    bool json, search;
};

static const struct option_row rows[] = {
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "the figures as JSON",
     .offset = offsetof(struct options, json)},
    {.name = "search",
     .type = OPTION_FLAG,
     .help = "the best set of up to three of the changes that the findings propose, and of those given",
     .offset = offsetof(struct options, search)},
};

/* They are toll's own words: nothing in them is to be escaped. */
static void print_json_assumptions(const struct prediction *prediction, FILE *out)
{
    fprintf(out, "\"assumptions\": [");
    for (size_t i = 0; i < prediction->assumption_count; i++)
        fprintf(out, "%s\"%s\"", i ? ", " : "", prediction->assumptions[i]);
    fprintf(out, "]}\n");
}

static void print_json(const struct prediction *prediction, FILE *out)
{
    fprintf(out,
            "{\"schema\": \"toll.whatif/1\", \"wall_ns_before\": %llu, \"wall_ns_after\": %llu, "
            "\"wall_ns_low\": %llu, "
            "\"wall_ns_high\": %llu, \"factor\": %.4f, \"baseline_drift_ratio\": %.6f, ",
            (unsigned long long)prediction->wall_ns_before, (unsigned long long)prediction->wall_ns_after,
            (unsigned long long)prediction->wall_ns_low, (unsigned long long)prediction->wall_ns_high,
            prediction->factor, prediction->baseline_drift_ratio);
    if (prediction->has_bill)
        fprintf(out,
                "\"cost_usd_before\": %.6f, \"cost_usd_after\": %.6f, \"cost_usd_low\": %.6f, "
                "\"cost_usd_high\": %.6f, ",
                prediction->usd_before, prediction->usd_after, prediction->usd_low, prediction->usd_high);
    print_json_assumptions(prediction, out);
}

static void print_service_json(const struct prediction *prediction, FILE *out)
{
    fprintf(out,
            "{\"schema\": \"toll.whatif/1\", \"throughput_per_s_before\": %.4f, \"throughput_per_s_after\": "
            "%.4f, "
            "\"throughput_per_s_low\": %.4f, \"throughput_per_s_high\": %.4f, \"factor\": %.4f, "
            "\"baseline_drift_ratio\": %.6f, ",
            prediction->throughput_per_s_before, prediction->throughput_per_s_after,
            prediction->throughput_per_s_low, prediction->throughput_per_s_high, prediction->factor,
            prediction->baseline_drift_ratio);
    print_json_assumptions(prediction, out);
}

static void print_service(const struct prediction *prediction, FILE *out)
{
    fprintf(out, "recorded   %.1f requests/s\n", prediction->throughput_per_s_before);
    fprintf(out, "predicted  %.1f requests/s, between %.1f and %.1f\n", prediction->throughput_per_s_after,
            prediction->throughput_per_s_low, prediction->throughput_per_s_high);
    fprintf(out, "           %.2fx\n", prediction->factor);
    fprintf(out, "drift      the model of the unchanged service is off by %.1f %%\n",
            100 * prediction->baseline_drift_ratio);
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static void print_text(const struct prediction *prediction, FILE *out)
{
    double before = seconds(prediction->wall_ns_before);
    fprintf(out, "recorded   %.3f s\n", before);
    fprintf(out, "predicted  %.3f s, between %.3f and %.3f s\n", seconds(prediction->wall_ns_after),
            seconds(prediction->wall_ns_low), seconds(prediction->wall_ns_high));
    if (prediction->factor >= 1.005)
        fprintf(out, "           %.2fx faster\n", prediction->factor);
    else if (prediction->factor <= 0.995)
        fprintf(out, "           %.2fx slower\n", 1 / prediction->factor);
    else
        fprintf(out, "           no difference\n");
    if (prediction->has_bill)
        fprintf(out, "cost       $%.4f -> $%.4f, between $%.4f and $%.4f\n", prediction->usd_before,
                prediction->usd_after, prediction->usd_low, prediction->usd_high);
    fprintf(out, "drift      the replay of the unchanged run is off by %.1f %%%s\n",
            100 * prediction->baseline_drift_ratio,
            prediction->baseline_drift_ratio > 0.05 ? ": take the prediction as a bound" : "");
}

/* --- the search --- */

static void print_set(const struct search_report *report, const struct change_set *set, FILE *out)
{
    for (size_t i = 0; i < set->count; i++)
        fprintf(out, "%s%s", i ? " " : "", report->candidates.items[set->members[i]].change);
    fputc('\n', out);
}

static void print_bill(const struct search_report *report, const struct search_bill *bill, FILE *out)
{
    if (report->has_bill)
        fprintf(out, "  $%-9.4f", bill->usd_after);
}

static void print_alone(const struct search_report *report, FILE *out)
{
    fprintf(out, "\nEach alone\n");
    for (size_t i = 0; i < report->candidates.count; i++) {
        const struct candidate *candidate = &report->candidates.items[i];
        if (!candidate->is_replayed) {
            fprintf(out, "        -  %s  %s\n", candidate->change,
                    candidate->refusal ? candidate->refusal : "not tried: the search's budget was used up");
            continue;
        }
        fprintf(out, "  %6.2fx", candidate->result.factor);
        print_bill(report, &report->bills[i], out);
        fprintf(out, "  %s%s%s\n", candidate->change, candidate->assumption ? "  " : "",
                candidate->assumption ? candidate->assumption : "");
    }
}

static void print_sizes(const struct search_report *report, FILE *out)
{
    double shown = 0, usd = report->usd * 2;
    bool is_first = true;
    for (size_t i = 0; report->best.best.count && i < BEST_CHANGES_MAX; i++) {
        const struct change_set *set = &report->best.sizes[i];
        bool is_cheaper = report->has_bill && report->size_bills[i].usd_after < usd * 0.995;
        if (!set->count || (set->result.factor < shown * 1.005 && !is_cheaper))
            continue;
        shown = set->result.factor;
        usd = report->size_bills[i].usd_after;
        if (is_first)
            fprintf(out, "\nThe %s of one, two, three changes\n", report->has_bill ? "best" : "fastest");
        is_first = false;
        fprintf(out, "  %6.2fx", set->result.factor);
        print_bill(report, &report->size_bills[i], out);
        fprintf(out, "  ");
        print_set(report, set, out);
    }
}

static void print_search(const struct search_report *report, FILE *out)
{
    const struct change_set *best = &report->best.best;
    fprintf(out, "recorded   %.3f s\n", seconds(report->wall_ns));
    if (!best->count) {
        fprintf(out, "best       none of %zu changes gains anything\n", report->candidates.count);
    } else {
        fprintf(out, "best       ");
        print_set(report, best, out);
        fprintf(out, "predicted  %.3f s, between %.3f and %.3f s: %.2fx faster\n",
                seconds(best->result.wall_ns_after), seconds(best->result.wall_ns_low),
                seconds(best->result.wall_ns_high), best->result.factor);
        if (report->has_bill)
            fprintf(out, "cost       $%.4f -> $%.4f, between $%.4f and $%.4f\n", report->usd,
                    report->best_bill.usd_after, report->best_bill.usd_low, report->best_bill.usd_high);
    }
    fprintf(out, "drift      the replay of the unchanged run is off by %.1f %%%s\n",
            100 * report->baseline_drift_ratio,
            report->baseline_drift_ratio > 0.05 ? ": take the prediction as a bound" : "");
    fprintf(out, "searched   %llu replays of %zu changes and their sets%s\n",
            (unsigned long long)report->best.replay_count, report->candidates.count,
            report->best.is_exhaustive ? ": all of them"
                                       : ": the most promising, the run or the choice is large");
    print_sizes(report, out);
    if (report->candidates.count)
        print_alone(report, out);
}

static int search(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct search_report report;
    int status = ops_search(context->operands[0], (const char *const *)context->operands + 1,
                            context->operand_count - 1, &report, err);
    if (status)
        return status;
    struct str json = {0};
    if (options->json)
        search_report_json(&report, &json);
    else
        print_search(&report, context->out);
    fputs(str_text(&json), context->out);
    status = json.failed ? err_memory(err) : 0;
    str_free(&json);
    search_report_deinit(&report);
    return status;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    if (options->search)
        return search(context, err);
    if (context->operand_count < 2) {
        int status = err_set(err, ERR_USAGE, "could not predict: there is no change");
        err_hint(err, "toll whatif FILE CHANGE…, or toll whatif FILE --search for the best ones");
        return status;
    }
    struct prediction prediction;
    const char *const *changes = (const char *const *)context->operands + 1;
    int status = ops_predict(context->operands[0], changes, context->operand_count - 1, &prediction, err);
    if (status)
        return status;
    if (options->json && prediction.is_service)
        print_service_json(&prediction, context->out);
    else if (options->json)
        print_json(&prediction, context->out);
    else if (prediction.is_service)
        print_service(&prediction, context->out);
    else
        print_text(&prediction, context->out);
    for (size_t i = 0; i < prediction.assumption_count && !options->json; i++)
        fprintf(context->out, "assumes    %s\n", prediction.assumptions[i]);
    return 0;
}

static const struct example examples[] = {
    {"toll whatif a.toll workers:process/curl=10", "ten downloads at once"},
    {"toll whatif a.toll speed:function/parse_row=2", "a function twice as fast"},
    {"toll whatif a.toll batch:peer/127.0.0.1:5432=100", "a hundred rows an INSERT"},
    {"toll whatif a.toll --search", "the best three changes or fewer"},
    {"toll whatif team.toll model:task/review=small workers:run/agents=3", "of agents: time and bill"},
    {"toll whatif a.toll remove:wait/disk_sync", "no waiting for the disk's confirmations"},
};

const struct verb whatif_verb = {
    .name = "whatif",
    .summary = "what a recorded run would take with a change",
    .usage = "FILE [CHANGE…] [--search] [--json]",
    .description =
        "Replays the recorded run with the changes made, all at once, on the recorded cores and "
        "under the recorded "
        "outside load, and prints how long it would take; of a service (toll attach) the requests "
        "a second, from a queueing model.\n\n"
        "A change is OP:KIND/NAME=VALUE. OP is speed (a factor), workers (how many at once), "
        "remove, set (even: siblings share their work evenly; median: none takes longer than the "
        "others; of a function, block: who spins there sleeps), batch (so many calls to a peer or "
        "of a process in one), cached (as in "
        "cached:peer/NAME=connection: connections are kept), overlap (of a stage or a program: it "
        "hands what it makes to the next one in parts, 16 or VALUE; =ahead, of the first stage of a loop: it "
        "works on the next item "
        "meanwhile), or cores (as in "
        "cores:run=8). KIND is stage, process, function, peer, wait or lock; it may be left out "
        "where the name is "
        "unique.\n\n"
        "Changes of several loops, and of a loop and what is in it, can be made at once; two values for one "
        "place cannot, nor 'workers' of two stages of one loop.\n\n"
        "--search tries the changes that the findings propose, other numbers for the same places, and the "
        "changes given, alone and in sets of up to three, and says which set is best: of those within 3 % of "
        "the fastest, the one of fewest changes that asks for the fewest workers. Changes whose size nobody "
        "knows (twice as fast) are tried alone.\n\n"
        "Of a team of agents (toll import) the bill is predicted too, and the best set is the one that saves "
        "most "
        "of both. NAME is an agent, a task or a model: model:task/review=small (or the name of a model), "
        "cached:agent/planner=0.8 (that part of each prompt is read from a cache), workers:run/agents=3 (so "
        "many "
        "of those that were started one after another), batch:agent/linter=5 (so many of its small tasks in "
        "one), set:run/phases=6.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_min = 1,
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
