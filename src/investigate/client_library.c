/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client-library: how the programs of the run use their servers and their files. It claims a habit that costs time (row by row,
 * question by question, a connection for each, flushed or synced one by one, small pieces) with what the library's own way
 * out of it would bring by replay; it clears clients that are fine. Where PostgreSQL on this machine is at the other end, the server
 * is asked what it was sent. Its votes hold the claims of others against what the run waited for at each peer.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "client/client_postgres.h"
#include "client/client_use.h"
#include "detect/changes.h"
#include "investigate/investigators.h"
#include "investigate/path_vote.h"
#include "model/change.h"
#include "report/units.h"

/* What brings less is no claim. */
#define FACTOR_MIN  1.05
#define CLEARED_MAX 8
/* What may bring more is not cleared. */
#define CLEARED_FACTOR_MAX 1.25
/* Servers are told of, also those that hardly matter; others only when they take a part of the path. */
#define CLEARED_RATIO_MIN 0.02
#define EVIDENCE_LINES    8
/* Said gains may be this much over what a peer's share allows: rounding, and what a replay cannot know. */
#define TOLERANCE 1.05
/* Of the path; with less, more at once has other reasons than the peer. */
#define WORKERS_WAIT_MIN 0.3
/* A plan that reads so many rows to keep one in so many lacks an index. */
#define SCAN_ROWS_MIN   1000
#define SCAN_KEPT_PARTS 10
/* Of the questions that were seen, a statement of this part of them is what was asked. */
#define REQUESTS_TOLERANCE 1.05
#define ASKED_PARTS        2
#define INDEX_LEFT_RATIO   0.1 /* of a statement's time, with an index */
#define STATEMENT_SHOWN    160

struct use_rows {
    const char *texts[CLIENT_ROWS_MAX];
    size_t count;
    bool is_known;
};

struct answering {
    const struct question *question;
    struct answers *answers;
    struct client_look look;
    struct client_uses uses;
    size_t claim_count, cleared_count;
    struct use_rows known_rows[CLIENT_USES_MAX]; /* by use: to find them takes a walk over the recording */
    struct claim claim;                          /* being written */
    const char *evidence[EVIDENCE_LINES];
    const char *sources[2];
    char id[16];
};

static void say(struct answering *answering, const char *text)
{
    struct finding *finding = &answering->claim.finding;
    if (text && finding->evidence_count < EVIDENCE_LINES)
        answering->evidence[finding->evidence_count++] = text;
}

/* The rows of one of the uses, or of a copy of it. */
static int rows_of(struct answering *answering, const struct client_use *use,
                   const struct use_rows **ret_rows, struct err *err)
{
    const struct client_use *own = client_use_of(&answering->uses, use->process, use->peer);
    struct use_rows *rows = &answering->known_rows[own ? own - answering->uses.items.items : 0];
    int status = rows->is_known ? 0
                                : client_use_rows(answering->look.run, use, answering->question->arena,
                                                  rows->texts, &rows->count, err);
    rows->is_known = !status;
    *ret_rows = rows;
    return status;
}

static int begin(struct answering *answering, const struct client_use *use, struct err *err)
{
    const struct use_rows *rows = NULL;
    int status = rows_of(answering, use, &rows, err);
    if (status)
        return status;
    answering->claim = (struct claim){.id = answering->id,
                                      .finding = {.where = use->where,
                                                  .objective = answering->look.verdict->run.objective,
                                                  .critical_ratio = use->path_ratio,
                                                  .evidence = answering->evidence,
                                                  .sources = answering->sources},
                                      .evidence_class = EVIDENCE_MEASURED,
                                      .rows = rows->texts,
                                      .row_count = rows->count};
    snprintf(answering->id, sizeof answering->id, "%zu", answering->claim_count + 1);
    return 0;
}

static void end(struct answering *answering)
{
    answers_claim(answering->answers, &answering->claim);
    answering->claim_count++;
}

/* --- one habit --- */

/* "PostgreSQL"; of a protocol that many speak the program. */
static const char *server_noun(const struct client_use *use)
{
    return use->server && use->protocol == PROTOCOL_HTTP ? use->server : client_protocol_name(use->protocol);
}

/* "row_insert (libpq) sends PostgreSQL at 127.0.0.1:5432 12,000 little pieces, and waits after each". */
static const char *title_of(const struct client_use *use, struct arena *arena)
{
    const char *by = use->library && strcmp(use->library->name, use->process) != 0
                         ? arena_printf(arena, "%s (%s)", use->process, use->library->name)
                         : use->process;
    const char *to = use->protocol == PROTOCOL_UNKNOWN || !use->is_socket
                         ? use->peer
                         : arena_printf(arena, "%s at %s", server_noun(use), use->peer);
    uint64_t count = num_max(use->trip_count, use->write_count);
    const char *times = arena_string(arena, unit_count((double)count).text);
    switch (use->habit) {
    case CLIENT_SENDS_SINGLY:
        return arena_printf(arena, "%s sends %s %s little pieces one by one, and waits for an answer to each",
                            by, to, times);
    case CLIENT_ASKS_SINGLY:
        return arena_printf(arena,
                            "%s asks %s %s questions one by one, each after the answer to the one before", by,
                            to, times);
    case CLIENT_CONNECTS_EACH:
        return arena_printf(arena, "%s makes a connection to %s for each request: %s of them", by, to,
                            unit_count((double)use->connection_count).text);
    case CLIENT_FLUSHES_EACH:
        return arena_printf(arena, "%s sends %s %s little pieces, each flushed alone", by, to, times);
    case CLIENT_SMALL_PIECES:
        return arena_printf(
            arena, "%s moves data from and to %s in pieces of %s", by, to,
            unit_bytes((use->read_bytes + use->write_bytes) / num_max(use->read_count + use->write_count, 1))
                .text);
    case CLIENT_SYNCS_EACH:
        return arena_printf(arena, "%s syncs %s to the disk %s times, once for each record", by, to,
                            unit_count((double)use->sync_count).text);
    case CLIENT_FINE:
    case CLIENT_HABIT_COUNT: break;
    }
    return NULL;
}

static void tell_use(struct answering *answering, const struct client_use *use)
{
    struct arena *arena = answering->question->arena;
    const struct client_uses *uses = &answering->uses;
    say(answering, client_use_text(use, arena));
    if (uses->unit_count && use->trip_count)
        say(answering, arena_printf(arena, "%.3g round trips for each of the run's %s (%s in all)",
                                    num_ratio(use->trip_count, uses->unit_count), uses->unit,
                                    unit_count((double)uses->unit_count).text));
    if (use->wait_count)
        say(answering, arena_printf(arena, "%s waits for it, %s each; %s of the critical path with the calls",
                                    unit_count((double)use->wait_count).text,
                                    unit_duration(use->wait_ns / use->wait_count).text,
                                    unit_ratio(use->path_ratio).text));
    if (use->call_cpu_ns)
        say(answering, arena_printf(arena, "the calls themselves take %s of CPU time",
                                    unit_duration(use->call_cpu_ns).text));
    if (use->library)
        say(answering, use->library->module
                           ? arena_printf(arena, "%s lies on its call stacks", use->library->name)
                           : NULL);
}

static const char *assumption_of(const struct client_use *use)
{
    return use->finding && use->finding->assumption
               ? use->finding->assumption
               : default_change_of(client_habit_cause(use->habit))->assumption;
}

static const char *fix_of(const struct client_use *use, struct arena *arena)
{
    const char *fix = client_fix(use->library, use->protocol, use->habit);
    bool is_of_items = use->habit == CLIENT_SENDS_SINGLY || use->habit == CLIENT_ASKS_SINGLY;
    return use->batch_size && is_of_items
               ? arena_printf(arena, "%s: %u at once is enough", fix, use->batch_size)
               : fix;
}

/* --- what PostgreSQL says of it --- */

static const char *statement_shown(const struct postgres_statement *statement, struct arena *arena)
{
    bool is_long = strlen(statement->text) > STATEMENT_SHOWN;
    return arena_printf(arena, "%.*s%s", STATEMENT_SHOWN, statement->text, is_long ? " …" : "");
}

static uint64_t requests_of(const struct client_use *use)
{
    return num_max(use->trip_count, use->wait_count);
}

/* The statement that most of the requests were; NULL when none was. */
static const struct postgres_statement *asked_mostly(const struct client_use *use,
                                                     const struct postgres_facts *facts)
{
    const struct postgres_statement *busiest = facts->statement_count ? &facts->statements[0] : NULL;
    return busiest && busiest->calls * ASKED_PARTS >= use->trip_count ? busiest : NULL;
}

/* The server counts for all its clients, since long ago: a statement that was called more often than this run asked anything,
 * or than what else it asked leaves, is not the run's. */
static bool is_of_run(const struct client_use *use, const struct postgres_facts *facts,
                      const struct postgres_statement *statement)
{
    const struct postgres_statement *asked = asked_mostly(use, facts);
    double requests = (double)requests_of(use);
    if (!statement || (double)statement->calls > requests * 2)
        return false;
    return !asked || asked == statement ||
           (double)(asked->calls + statement->calls) <= requests * REQUESTS_TOLERANCE;
}

static void tell_statements(struct answering *answering, const struct client_use *use,
                            const struct postgres_facts *facts)
{
    struct arena *arena = answering->question->arena;
    const struct postgres_statement *busiest = asked_mostly(use, facts);
    if (facts->why_no_statements)
        answers_note(answering->answers, "%s: calls by statement are not known: %s", use->peer,
                     facts->why_no_statements);
    if (!busiest)
        return;
    say(answering, arena_printf(arena, "%s: %s calls, %.3g rows and %.3g ms each, of %s requests seen",
                                statement_shown(busiest, arena), unit_count((double)busiest->calls).text,
                                num_ratio(busiest->rows, busiest->calls), busiest->mean_ms,
                                unit_count((double)requests_of(use)).text));
    if (busiest->is_select && num_ratio(busiest->rows, busiest->calls) <= 2)
        say(answering, "the same SELECT for one row at a time is N+1: one query for each row of another");
    if (!busiest->is_select && !facts->begin_calls)
        say(answering,
            arena_printf(arena,
                         "without a BEGIN each is its own transaction and waits for its own commit "
                         "(synchronous_commit = %s, fsync = %s)",
                         facts->synchronous_commit ? facts->synchronous_commit : "?",
                         facts->fsync ? facts->fsync : "?"));
    if (!is_of_run(use, facts, busiest))
        say(answering, "the server counts more calls than this run made: earlier ones are among them");
}

/* A SELECT that reads a table from end to end for few of its rows. */
static bool lacks_index(const struct postgres_plan *plan)
{
    return plan->scanned && plan->rows_read >= SCAN_ROWS_MIN && plan->is_analyzed &&
           plan->rows_kept * SCAN_KEPT_PARTS <= plan->rows_read;
}

static void tell_plan(struct answering *answering, const struct postgres_plan *plan)
{
    struct arena *arena = answering->question->arena;
    if (!plan->statement)
        return;
    if (!plan->is_analyzed) {
        answers_note(answering->answers, "%s: not run for its plan: %s",
                     statement_shown(plan->statement, arena),
                     plan->why_not ? plan->why_not : "not known why");
        if (plan->scanned)
            say(answering, arena_printf(arena, "%s would read %s from end to end (EXPLAIN)",
                                        statement_shown(plan->statement, arena), plan->scanned));
        return;
    }
    if (plan->scanned)
        say(answering,
            arena_printf(arena, "%s reads %s from end to end: %s rows for %s (EXPLAIN ANALYZE, %.3g ms)",
                         statement_shown(plan->statement, arena), plan->scanned,
                         unit_count(plan->rows_read).text, unit_count(plan->rows_kept).text,
                         plan->execution_ms));
    else
        say(answering, arena_printf(arena, "%s uses indexes alone (EXPLAIN ANALYZE, %.3g ms)",
                                    statement_shown(plan->statement, arena), plan->execution_ms));
}

static void tell_tables(struct answering *answering, const struct postgres_facts *facts)
{
    struct arena *arena = answering->question->arena;
    for (size_t i = 0; i < facts->table_count; i++)
        say(answering,
            arena_printf(arena, "%s was read from end to end %s times, %s rows each time",
                         facts->tables[i].name, unit_count((double)facts->tables[i].scan_count).text,
                         unit_count(facts->tables[i].rows_each).text));
}

/* The server is that much faster when the statement takes a tenth of its time. */
static double server_speed(const struct client_use *use, const struct postgres_statement *statement)
{
    double waited_ms = (double)use->wait_ns / 1e6;
    double calls = (double)num_min(statement->calls, requests_of(use));
    double saved_ms = calls * statement->mean_ms * (1 - INDEX_LEFT_RATIO);
    double left_ms = waited_ms - saved_ms;
    double least_ms = waited_ms * INDEX_LEFT_RATIO;
    return waited_ms > 0 && saved_ms > 0 ? waited_ms / (left_ms > least_ms ? left_ms : least_ms) : 1;
}

static int claim_index(struct answering *answering, const struct client_use *use,
                       const struct postgres_facts *facts, struct err *err)
{
    struct arena *arena = answering->question->arena;
    const struct postgres_plan *plan = &facts->plan;
    struct whatif_result result;
    struct err ignored;
    double speed = server_speed(use, plan->statement);
    const char *change = arena_printf(arena, "speed:peer/%s=%.3g", use->peer, speed);
    int status = change ? begin(answering, use, err) : err_memory(err);
    if (status || !answering->look.whatif || whatif_text(answering->look.whatif, change, &result, &ignored) ||
        result.factor < FACTOR_MIN)
        return status;
    double before = (double)result.wall_ns_before;
    struct finding *finding = &answering->claim.finding;
    finding->cause = "network-wait";
    finding->change = change;
    finding->assumption = "with an index the statement takes a tenth of its time";
    finding->gain =
        (struct gain){.factor = result.factor,
                      .factor_low = result.wall_ns_high ? before / (double)result.wall_ns_high : 0,
                      .factor_high = result.wall_ns_low ? before / (double)result.wall_ns_low : 0,
                      .factor_max = result.factor,
                      .wall_ns_after = result.wall_ns_after};
    finding->title = arena_printf(arena, "PostgreSQL at %s reads all of %s for %s of its rows, %s times",
                                  use->peer, plan->scanned, unit_count(plan->rows_kept).text,
                                  unit_count((double)plan->statement->calls).text);
    finding->fix = arena_printf(arena, "CREATE INDEX CONCURRENTLY ON %s (%s)", plan->scanned,
                                plan->column ? plan->column : "the columns of its condition");
    finding->rationale =
        "the statement's time on the server, taken out of the waits for it in a replay of the run";
    finding->effort = EFFORT_LOW;
    answering->sources[finding->source_count++] = "PostgreSQL documentation, \"Using EXPLAIN\"";
    answering->claim.evidence_class = EVIDENCE_INFERRED;
    answering->claim.verify = "toll bench 'COMMAND' before and after CREATE INDEX";
    answering->claim.revert = "DROP INDEX CONCURRENTLY of that index";
    tell_plan(answering, plan);
    if (plan->filter)
        say(answering, arena_printf(arena, "its condition: %s", plan->filter));
    tell_tables(answering, facts);
    end(answering);
    return 0;
}

/* `facts` NULL: it is no PostgreSQL. */
static int claim_use(struct answering *answering, const struct client_use *use,
                     const struct postgres_facts *facts, struct err *err)
{
    struct arena *arena = answering->question->arena;
    int status = begin(answering, use, err);
    if (status)
        return status;
    struct finding *finding = &answering->claim.finding;
    finding->cause = client_habit_cause(use->habit);
    finding->change = use->change;
    finding->assumption = assumption_of(use);
    finding->gain = use->gain;
    finding->title = title_of(use, arena);
    finding->fix = fix_of(use, arena);
    finding->rationale =
        "the recorded run was replayed with the calls made together; the server's work for each item stays";
    finding->effort = use->habit == CLIENT_ASKS_SINGLY ? EFFORT_MEDIUM : EFFORT_LOW;
    answering->claim.evidence_class = use->is_counted || use->finding ? EVIDENCE_MEASURED : EVIDENCE_INFERRED;
    answering->claim.verify =
        arena_printf(arena, "toll verify 'BEFORE' --vs 'AFTER' --recording %s --change '%s'",
                     answering->question->recording, use->change);
    answering->claim.revert = "take the change of the client back; the server was not touched";
    const char *source = client_fix_source(use->library, use->protocol);
    if (source)
        answering->sources[finding->source_count++] = source;
    tell_use(answering, use);
    if (facts)
        tell_statements(answering, use, facts);
    if (facts && !lacks_index(&facts->plan))
        tell_plan(answering, &facts->plan);
    end(answering);
    return 0;
}

/* More bytes went out than came back, yet what was sent were questions. */
static enum client_habit habit_told(const struct client_use *use, const struct postgres_facts *facts)
{
    const struct postgres_statement *asked = asked_mostly(use, facts);
    bool is_singly = use->habit == CLIENT_SENDS_SINGLY || use->habit == CLIENT_ASKS_SINGLY;
    if (!asked || !is_singly)
        return use->habit;
    return asked->is_select ? CLIENT_ASKS_SINGLY : CLIENT_SENDS_SINGLY;
}

static int claim_habit(struct answering *answering, const struct client_use *use, struct err *err)
{
    struct postgres_facts facts;
    struct client_use told = *use;
    if (use->protocol != PROTOCOL_POSTGRES || !use->is_socket)
        return claim_use(answering, use, NULL, err);
    answers_progress(answering->answers, "asking PostgreSQL what it was sent", 0.6);
    int status = client_postgres_ask(use->peer, answering->question->arena, &facts, err);
    if (status)
        return status;
    if (facts.why_not)
        answers_note(answering->answers, "%s was not asked what it was sent: %s", use->peer, facts.why_not);
    told.habit = habit_told(use, &facts);
    status = claim_use(answering, &told, &facts, err);
    return !status && lacks_index(&facts.plan) && is_of_run(use, &facts, facts.plan.statement)
               ? claim_index(answering, use, &facts, err)
               : status;
}

/* --- fine --- */

static double bound_of(const struct client_use *use)
{
    double left = 1 - use->path_ratio;
    return left > 0.001 ? 1 / left : 1000;
}

/* What computes there, or keeps it from a CPU, says nothing of how a server is asked. */
static bool is_of_cpu(const struct finding *finding)
{
    static const char *const causes[] = {"cpu-hot",
                                         "cpu-contention",
                                         "cpu-single-thread",
                                         "page-faults",
                                         "memory-reclaim",
                                         "allocation-churn",
                                         "spin",
                                         "gc"};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (strcmp(finding->cause, causes[i]) == 0)
            return true;
    return false;
}

/* Something else is wrong where it is used (one request at a time, say): then its place is not cleared. */
static bool is_blamed(const struct answering *answering, const struct client_use *use)
{
    const struct verdict *verdict = answering->look.verdict;
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &verdict->findings[i];
        const struct where *where = &finding->where;
        bool is_there = (where->peer && strcmp(where->peer, use->peer) == 0) ||
                        (where->stage && use->where.stage && strcmp(where->stage, use->where.stage) == 0 &&
                         !is_of_cpu(finding));
        if (is_there && finding->gain.factor > CLEARED_FACTOR_MAX)
            return true;
    }
    return false;
}

/* What its place could bring at most; where that is much, what its calls could. */
static double most_of(const struct client_use *use)
{
    double bound = bound_of(use);
    return bound <= CLEARED_FACTOR_MAX || !(use->factor_max > 0) ? bound : use->factor_max;
}

static void clear_use(struct answering *answering, const struct client_use *use)
{
    struct arena *arena = answering->question->arena;
    bool is_server = use->protocol != PROTOCOL_UNKNOWN || use->server;
    if (!use->is_socket || answering->cleared_count >= CLEARED_MAX ||
        (!is_server && use->path_ratio < CLEARED_RATIO_MIN))
        return;
    double most = most_of(use);
    const char *share = arena_string(arena, unit_ratio(use->path_ratio).text);
    if (most > CLEARED_FACTOR_MAX) {
        answers_note(answering->answers, "%s uses %s %s (%s); what that costs could not be replayed",
                     use->process, use->peer, client_habit_name(use->habit), client_use_text(use, arena));
        return;
    }
    if (is_blamed(answering, use)) {
        answers_note(answering->answers,
                     "each request of %s to %s is asked well (%s): what is wrong there is something else",
                     use->process, use->peer, client_use_text(use, arena));
        return;
    }
    struct cleared cleared = {.where = use->where, .critical_ratio = use->path_ratio, .factor_max = most};
    const char *why =
        use->habit == CLIENT_FINE
            ? arena_printf(arena, "%s: how it is asked is not what takes the time (%s of the critical path)",
                           client_use_text(use, arena), share)
            : arena_printf(arena, "%s (%s), yet that is %s of the critical path",
                           client_habit_name(use->habit), client_use_text(use, arena), share);
    answers_cleared(answering->answers, &cleared, why ? why : "");
    answering->cleared_count++;
}

/* Also one that is asked rightly may do too much for each question. */
static int look_at_fine(struct answering *answering, const struct client_use *use, struct err *err)
{
    struct postgres_facts facts;
    if (use->protocol != PROTOCOL_POSTGRES || !use->is_socket || use->path_ratio < CLEARED_RATIO_MIN) {
        clear_use(answering, use);
        return 0;
    }
    int status = client_postgres_ask(use->peer, answering->question->arena, &facts, err);
    if (status)
        return status;
    clear_use(answering, use);
    return lacks_index(&facts.plan) && is_of_run(use, &facts, facts.plan.statement)
               ? claim_index(answering, use, &facts, err)
               : 0;
}

/* What a habit costs a service is not told by a path. */
static void tell_of_service(struct answering *answering, const struct client_use *use)
{
    if (use->is_socket && use->habit != CLIENT_FINE)
        answers_note(answering->answers, "%s uses %s %s: %s", use->process, use->peer,
                     client_habit_name(use->habit), client_use_text(use, answering->question->arena));
}

static bool is_claimed(const struct client_use *use)
{
    return use->habit != CLIENT_FINE && use->change && use->gain.factor >= FACTOR_MIN &&
           use->gain.factor_low >= 1;
}

/* --- both rounds --- */

static int look(const struct question *question, struct answers *answers, size_t replays,
                struct answering *ret_answering, struct err *err)
{
    *ret_answering = (struct answering){.question = question,
                                        .answers = answers,
                                        .look = {.run = question->opened->run,
                                                 .whatif = question->opened->whatif,
                                                 .verdict = &question->opened->verdict,
                                                 .arena = question->arena,
                                                 .replays_left = replays}};
    return client_uses_find(&ret_answering->look, &ret_answering->uses, err);
}

static void tell_summary(struct answering *answering)
{
    const struct client_uses *uses = &answering->uses;
    size_t sockets = 0;
    for (size_t i = 0; i < uses->items.count; i++)
        sockets += uses->items.items[i].is_socket;
    if (!uses->items.count)
        answers_note(answering->answers,
                     "the recording holds no use of a server and no small reads or writes");
    else
        answers_note(answering->answers, "%zu use%s of a server looked at, %zu of a file or a pipe", sockets,
                     sockets == 1 ? "" : "s", uses->items.count - sockets);
    if (uses->left_out_count)
        answers_note(answering->answers, "%zu more take less of the run and were left out",
                     uses->left_out_count);
}

static int claims(const struct question *question, struct answers *answers, struct err *err)
{
    struct answering answering;
    answers_progress(answers, "reading I/O by peer", 0.1);
    int status = look(question, answers, path_replays_max(question), &answering, err);
    if (status)
        return status;
    answers_progress(answers, "weighing how each server is used", 0.5);
    for (size_t i = 0; i < answering.uses.items.count && !status; i++) {
        const struct client_use *use = &answering.uses.items.items[i];
        if (answering.look.verdict->service)
            tell_of_service(&answering, use);
        else
            status = is_claimed(use) ? claim_habit(&answering, use, err) : look_at_fine(&answering, use, err);
    }
    if (!status)
        tell_summary(&answering);
    client_uses_deinit(&answering.uses);
    return status ? status : answers_status(answers, err);
}

struct voting {
    struct answering *answering;
    const struct claim *claim;
    const struct client_use *use;
    struct change change;
    bool has_change;
};

/* The use that a claim is about: by its peer, by the peer that its change names, by the server's program. */
static const struct client_use *use_of_claim(const struct voting *voting)
{
    const struct client_uses *uses = &voting->answering->uses;
    const struct where *where = &voting->claim->finding.where;
    const struct client_use *use = NULL;
    if (voting->has_change && voting->change.kind == CHANGE_PEER)
        use = client_use_of(uses, NULL, voting->change.name);
    if (!use && where->peer)
        use = client_use_of(uses, where->process, where->peer);
    if (!use && where->peer)
        use = client_use_of(uses, NULL, where->peer);
    for (size_t i = 0; i < uses->items.count && !use && where->process; i++)
        if (uses->items.items[i].server && strcmp(uses->items.items[i].server, where->process) == 0)
            use = &uses->items.items[i];
    return use;
}

/* Of a claim to do more at once: the use that its stage or program waits for most. */
static const struct client_use *use_of_stage(const struct voting *voting)
{
    const struct client_uses *uses = &voting->answering->uses;
    const struct where *where = &voting->claim->finding.where;
    for (size_t i = 0; i < uses->items.count; i++) {
        const struct client_use *use = &uses->items.items[i];
        bool is_stage = where->stage && use->where.stage && strcmp(where->stage, use->where.stage) == 0;
        bool is_process = where->process && strcmp(where->process, use->process) == 0;
        if (use->is_socket && (is_stage || is_process))
            return use;
    }
    return NULL;
}

static void settle(struct vote *vote, enum stance stance, const char *why)
{
    vote->stance = stance;
    vote->why = why;
}

/* More at once of what waits for a server: where the waits are, and whether the link is the limit. */
static void vote_on_workers(const struct voting *voting, struct vote *vote)
{
    struct arena *arena = voting->answering->question->arena;
    const struct client_use *use = voting->use;
    double wait_ratio = num_ratio(use->path_wait_ns, voting->answering->look.verdict->run.wall_ns);
    double factor = voting->claim->finding.gain.factor_low;
    /* Done at once, the waits for the peer take next to nothing, and what is computed between them shares the cores. */
    double cores = (double)num_max(voting->answering->look.run->cpu_count, 1);
    double most = cores / (1 - wait_ratio < 0.01 ? 0.01 : 1 - wait_ratio);
    const char *share = arena_string(arena, unit_ratio(wait_ratio).text);
    if (client_use_shares_link(voting->answering->look.run, use))
        settle(vote, STANCE_CONTRADICT,
               arena_printf(
                   arena,
                   "all connections to %s share one link: the more there were at once, the slower was each",
                   use->peer));
    else if (wait_ratio >= WORKERS_WAIT_MIN && factor <= most * TOLERANCE)
        settle(vote, STANCE_SUPPORT,
               arena_printf(
                   arena,
                   "%s of the path is waiting for %s, request by request (%s), and nothing says that its "
                   "connections share a link",
                   share, use->peer, client_use_text(use, arena)));
    else
        settle(vote, STANCE_NEUTRAL,
               arena_printf(arena, "waiting for %s is %s of the path, less than the gain needs", use->peer,
                            share));
}

/* The same habit, seen here as well. */
static void vote_on_habit(const struct voting *voting, struct vote *vote)
{
    struct arena *arena = voting->answering->question->arena;
    const struct client_use *use = voting->use;
    const struct gain *said = &voting->claim->finding.gain;
    vote->factor_max = use->factor_max;
    if (!is_claimed(use))
        settle(vote,
               said->factor_low > (use->factor_max > 0 ? use->factor_max : bound_of(use)) * TOLERANCE
                   ? STANCE_CONTRADICT
                   : STANCE_NEUTRAL,
               arena_printf(arena, "%s: to ask it otherwise brings at most %s", client_use_text(use, arena),
                            unit_factor(use->factor_max > 0 ? use->factor_max : bound_of(use)).text));
    else if (said->factor_low > use->gain.factor_high * TOLERANCE)
        settle(vote, STANCE_CONTRADICT,
               arena_printf(arena, "a replay with %s gives at most %s", use->change,
                            unit_factor(use->gain.factor_high).text));
    else
        settle(vote, STANCE_SUPPORT,
               arena_printf(arena, "%s uses it %s: %s", use->process, client_habit_name(use->habit),
                            client_use_text(use, arena)));
}

/* Anything about the other end: it cannot bring more than all that is waited for there. */
static void vote_on_server(const struct voting *voting, struct vote *vote)
{
    struct arena *arena = voting->answering->question->arena;
    const struct client_use *use = voting->use;
    double most = bound_of(use), said = voting->claim->finding.gain.factor_low;
    const char *share = arena_string(arena, unit_ratio(use->path_ratio).text);
    vote->factor_max = most;
    /* What was tried knows more than a share. */
    if (said > most * TOLERANCE && voting->claim->evidence_class != EVIDENCE_EXPERIMENT)
        settle(vote, STANCE_CONTRADICT,
               arena_printf(arena,
                            "all that %s does with %s is %s of the critical path: were it free of charge, "
                            "that brought %s",
                            use->process, use->peer, share, unit_factor(most).text));
    else
        settle(vote, STANCE_NEUTRAL,
               arena_printf(arena, "%s with %s is %s of the critical path: at most %s", use->process,
                            use->peer, share, unit_factor(most).text));
}

static int vote_on(struct answering *answering, const struct claim *claim, struct err *err)
{
    struct voting voting = {.answering = answering, .claim = claim};
    struct err ignored;
    struct str name = {0};
    struct vote vote = {.stance = STANCE_NEUTRAL};
    voting.has_change =
        claim->finding.change && !change_parse(claim->finding.change, &voting.change, &ignored);
    bool is_workers = claim_reaches_further(claim);
    voting.use = use_of_claim(&voting);
    if (!voting.use && is_workers)
        voting.use = use_of_stage(&voting);
    /* Nothing here is about it: no vote is neutral. */
    if (!voting.use || answering->look.verdict->service)
        return 0;
    if (is_workers)
        vote_on_workers(&voting, &vote);
    else if (voting.has_change && (voting.change.op == CHANGE_BATCH || voting.change.op == CHANGE_CACHED))
        vote_on_habit(&voting, &vote);
    else
        vote_on_server(&voting, &vote);
    const struct use_rows *rows = NULL;
    int status = rows_of(answering, voting.use, &rows, err);
    if (status)
        return status;
    vote.rows = rows->texts;
    vote.row_count = rows->count;
    claim_name(claim, &name);
    vote.claim = str_text(&name);
    answers_vote(answering->answers, &vote);
    str_free(&name);
    return 0;
}

static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    struct answering answering;
    int status = look(question, answers, path_replays_max(question), &answering, err);
    if (status)
        return status;
    for (size_t i = 0; i < question->claim_count && !status; i++)
        status = vote_on(&answering, &question->claims[i], err);
    client_uses_deinit(&answering.uses);
    return status ? status : answers_status(answers, err);
}

const struct investigator client_library_investigator = {
    .name = "client-library",
    .about = "how programs use their servers: batches, round trips, connections",
    .claims = claims,
    .votes = votes,
};
