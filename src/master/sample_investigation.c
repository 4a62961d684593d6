/* SPDX-License-Identifier: Apache-2.0 */
#include "master/sample_investigation.h"

#include <math.h>

#include "base/clock.h"
#include "report/sample_verdict.h"

#define COUNT_OF(of) (sizeof(of) / sizeof(of)[0])
#define MS(n)        ((uint64_t)(n)*NS_PER_MS)

/* --- the pipeline --- */

#define WEB      "127.0.0.1:8080"
#define DATABASE "127.0.0.1:8089"

static const char *const download_evidence[] = {
    "40 calls of download, never two at a time",
    "each call waits 860 ms for " WEB " and computes 27 ms",
};
static const char *const download_rows[] = {"waits 120-4210", "spans 1-40"};
static const char *const sweep_evidence[] = {"10 workers: 9.1x in 12 interleaved runs; 20 workers: no more"};
static const char *const settings_evidence[] = {
    "cairo.wal.writer.data.append.page.size is the default, 16 MB"};
static const char *const settings_rows[] = {"server.conf line 12"};
static const char *const settings_sources[] = {"the product's manual, capacity planning"};
static const char *const overlap_rows[] = {"spans 1-80"};
static const char *const ingest_rows[] = {"io 310-420"};

static struct claim pipeline_claims[] = {
    {.investigator = "profiling",
     .id = "1",
     .finding = {.cause = "serial-independent",
                 .where = {.stage = "download", .process = "market-data", .peer = WEB},
                 .objective = "wall",
                 .critical_ratio = 0.901,
                 .priority = PRIORITY_P0,
                 .change = "set:knob/workers=10",
                 .assumption = "independence assumed, and that " WEB " limits each connection",
                 .gain = {.factor = 8.9,
                          .factor_low = 8.0,
                          .factor_high = 9.6,
                          .factor_max = 10.2,
                          .wall_ns_after = MS(4090)},
                 .title =
                     "download is done 40 times, one after another: 90 % of the time is waiting for " WEB,
                 .fix = "Do 10 downloads at once",
                 .rationale = "the recorded run replayed with ten workers on its two cores",
                 .effort = EFFORT_LOW,
                 .evidence = download_evidence,
                 .evidence_count = COUNT_OF(download_evidence)},
     .evidence_class = EVIDENCE_MEASURED,
     .rows = download_rows,
     .row_count = COUNT_OF(download_rows),
     .verify = "toll verify toll.yaml --set workers=10",
     .revert = "set workers back to 1"},
    {.investigator = "concurrency",
     .id = "workers",
     .finding = {.cause = "serial-independent",
                 .where = {.stage = "download"},
                 .objective = "wall",
                 .priority = PRIORITY_P0,
                 .change = "set:knob/workers=10",
                 .gain = {.factor = 9.1, .factor_low = 8.8, .factor_high = 9.4, .factor_max = 9.4},
                 .title = "ten workers are 9.1x as fast as one",
                 .evidence = sweep_evidence,
                 .evidence_count = COUNT_OF(sweep_evidence)},
     .evidence_class = EVIDENCE_EXPERIMENT},
    {.investigator = "profiling",
     .id = "2",
     .finding = {.cause = "serial-independent",
                 .where = {.stage = "extract", .process = "market-data"},
                 .objective = "wall",
                 .priority = PRIORITY_P2,
                 .change = "overlap:stage/extract",
                 .assumption = "extraction can begin on a part of a file",
                 .gain = {.factor = 1.4,
                          .factor_low = 1.3,
                          .factor_high = 1.5,
                          .factor_max = 1.6,
                          .wall_ns_after = MS(26000)},
                 .title = "extract waits until a whole file is there",
                 .fix = "Extract while downloading",
                 .effort = EFFORT_MEDIUM},
     .evidence_class = EVIDENCE_INFERRED,
     .rows = overlap_rows,
     .row_count = COUNT_OF(overlap_rows),
     .verify = "toll verify --revisions HEAD~1..HEAD --build make",
     .revert = "git revert HEAD"},
    {.investigator = "profiling",
     .id = "3",
     .finding = {.cause = "cpu-hot",
                 .where = {.stage = "parse",
                           .process = "market-data",
                           .function = "parse_row",
                           .file = "parse.c",
                           .line = 84},
                 .objective = "wall",
                 .critical_ratio = 0.044,
                 .priority = PRIORITY_P3,
                 .change = "speed:function/parse_row=2",
                 .gain = {.factor_max = 1.046},
                 .title = "parse computes in parse_row (parse.c:84) for 4.4 % of the time.",
                 .fix = "Make parse_row faster",
                 .effort = EFFORT_HIGH},
     .evidence_class = EVIDENCE_MEASURED},
    {.investigator = "configuration",
     .id = "wal",
     .finding = {.cause = "config",
                 .where = {.stage = "ingest", .peer = DATABASE},
                 .objective = "wall",
                 .critical_ratio = 0.041,
                 .priority = PRIORITY_P3,
                 .change = "set:knob/wal_page=64",
                 .gain = {.factor = 1.5, .factor_low = 1.4, .factor_high = 1.6, .factor_max = 1.6},
                 .title = "the write-ahead log's pages are small: a development default",
                 .fix = "Set the append page size to 64 MB",
                 .effort = EFFORT_LOW,
                 .evidence = settings_evidence,
                 .evidence_count = COUNT_OF(settings_evidence),
                 .sources = settings_sources,
                 .source_count = COUNT_OF(settings_sources)},
     .evidence_class = EVIDENCE_RULE,
     .rows = settings_rows,
     .row_count = COUNT_OF(settings_rows)},
};

static struct vote pipeline_votes[] = {
    {.investigator = "client-library",
     .claim = "profiling/1",
     .stance = STANCE_SUPPORT,
     .why = "one connection to " WEB " at a time, kept open",
     .rows = ingest_rows,
     .row_count = COUNT_OF(ingest_rows)},
    {.investigator = "batch-size",
     .claim = "profiling/1",
     .stance = STANCE_NEUTRAL,
     .why = "not my question"},
    {.investigator = "profiling",
     .claim = "configuration/wal",
     .stance = STANCE_CONTRADICT,
     .why = "ingest is 4.1 % of the critical path",
     .rows = ingest_rows,
     .row_count = COUNT_OF(ingest_rows),
     .factor_max = 1.043},
    {.investigator = "concurrency", .claim = "profiling/2", .stance = STANCE_SUPPORT},
};

static struct cleared_by configuration_cleared[] = {
    {"configuration", {{.peer = DATABASE}, 0.041, 1.043}, "its settings are those of production but for one"},
};
static struct cleared_by client_cleared[] = {
    {"client-library", {{.peer = DATABASE}, 0.041, 1.04}, "rows go in by bulk, 5,000 at once"},
};
static struct cleared_by batch_cleared[] = {
    {"batch-size", {{.peer = DATABASE}, 0.041, 1.02}, "1,000 to 50,000 rows a batch are alike within 2 %"},
    {"batch-size", {{.stage = "parse", .process = "market-data"}, 0.044, 1.046}, NULL},
};
static const char *sweep_notes[] = {"12 runs, 6 values of workers", "the law: linear up to 10"};

static struct statement pipeline_statements[] = {
    {.investigator = "profiling",
     .claims = &pipeline_claims[0],
     .claim_count = 1,
     .votes = &pipeline_votes[2],
     .vote_count = 1,
     .has_voted = true,
     .wall_ns = MS(310),
     .rss_bytes_max = 21000000},
    {.investigator = "configuration",
     .claims = &pipeline_claims[4],
     .claim_count = 1,
     .cleared = configuration_cleared,
     .cleared_count = COUNT_OF(configuration_cleared),
     .has_voted = true,
     .wall_ns = MS(120),
     .rss_bytes_max = 9000000},
    {.investigator = "client-library",
     .votes = &pipeline_votes[0],
     .vote_count = 1,
     .cleared = client_cleared,
     .cleared_count = COUNT_OF(client_cleared),
     .has_voted = true,
     .wall_ns = MS(280),
     .rss_bytes_max = 20000000},
    {.investigator = "batch-size",
     .votes = &pipeline_votes[1],
     .vote_count = 1,
     .cleared = batch_cleared,
     .cleared_count = COUNT_OF(batch_cleared),
     .has_voted = true,
     .wall_ns = MS(21000),
     .rss_bytes_max = 12000000},
    {.investigator = "concurrency",
     .claims = &pipeline_claims[1],
     .claim_count = 1,
     .votes = &pipeline_votes[3],
     .vote_count = 1,
     .notes = sweep_notes,
     .note_count = COUNT_OF(sweep_notes),
     .has_voted = true,
     .wall_ns = MS(24000),
     .rss_bytes_max = 13000000},
    {.investigator = "memory",
     .outcome = STATEMENT_DID_NOT_FINISH,
     .why_not = "ran out of memory: over 512 MB",
     .wall_ns = MS(900),
     .rss_bytes_max = 512000000},
};

static const struct claim *const download_merged[] = {&pipeline_claims[1]};
static const struct vote *const download_votes[] = {&pipeline_votes[0], &pipeline_votes[1]};
static const struct vote *const overlap_votes[] = {&pipeline_votes[3]};
static const struct vote *const settings_votes[] = {&pipeline_votes[2]};

static struct contradiction pipeline_contradictions[] = {
    {.claim = &pipeline_claims[4],
     .vote = &pipeline_votes[2],
     .experiment = "6 interleaved runs with wal_page=64 against wal_page=16",
     .outcome = "1.01x (0.99x to 1.03x), not the 1.5x that was promised: rejected",
     .is_settled = true},
};

static struct similar_case pipeline_similar[] = {
    {"2026-10-02", "curl 96 % network", "serial-independent", "workers:process/curl=8", "7.4x, as predicted"},
};

#define CONCLUSION(index, ...)                                                                               \
    (struct conclusion)                                                                                      \
    {                                                                                                        \
        .claim = pipeline_claims[index], __VA_ARGS__                                                         \
    }

/* A function, as the conclusions hold copies of the claims. */
static struct conclusion *pipeline_conclusions(void)
{
    static struct conclusion conclusions[4];

    conclusions[0] = CONCLUSION(
        0, .merged = download_merged, .merged_count = COUNT_OF(download_merged), .votes = download_votes,
        .vote_count = COUNT_OF(download_votes), .support_count = 3, .neutral_count = 1, .missing_count = 1,
        .agreement = AGREEMENT_CONSENSUS, .objective_before = 49000, .objective_after = 437000,
        .objective_after_low = 392000, .objective_after_high = 471000);
    conclusions[1] = CONCLUSION(2, .votes = overlap_votes, .vote_count = COUNT_OF(overlap_votes),
                                .support_count = 2, .agreement = AGREEMENT_FURTHER,
                                .next_command = "toll experiment overlap:stage/extract toll.yaml",
                                .objective_before = 49000, .objective_after = 68600,
                                .objective_after_low = 63700, .objective_after_high = 73500);
    conclusions[2] = CONCLUSION(3, .support_count = 1, .agreement = AGREEMENT_SINGLE);
    conclusions[3] = CONCLUSION(4, .votes = settings_votes, .vote_count = COUNT_OF(settings_votes),
                                .support_count = 1, .contradict_count = 1, .agreement = AGREEMENT_REJECTED,
                                .settled_by = "6 interleaved runs: 1.01x (0.99x to 1.03x)");
    return conclusions;
}

void sample_pipeline(struct sample *sample)
{
    *sample = (struct sample){0};
    sample_market(&sample->verdict);
    sample->investigation = (struct investigation){.verdict = &sample->verdict,
                                                   .recording = "market-data.toll",
                                                   .pipeline = "toll.yaml",
                                                   .objective = {.text = "100000 rows/s",
                                                                 .metric = "throughput",
                                                                 .unit = "rows/s",
                                                                 .more_is_better = true,
                                                                 .wanted = 100000,
                                                                 .measured = 49000,
                                                                 .gap_ratio = 1.0408},
                                                   .statements = pipeline_statements,
                                                   .statement_count = COUNT_OF(pipeline_statements),
                                                   .conclusions = pipeline_conclusions(),
                                                   .conclusion_count = 4,
                                                   .contradictions = pipeline_contradictions,
                                                   .contradiction_count = COUNT_OF(pipeline_contradictions),
                                                   .similar = pipeline_similar,
                                                   .similar_count = COUNT_OF(pipeline_similar),
                                                   .run_count = 24,
                                                   .wall_ns = MS(61000),
                                                   .started_at = "2026-03-14T09:26:53Z"};
    sample->calibration = (struct master_calibration){.count = 12,
                                                      .bias_ratio = 0.03,
                                                      .bias_low = -0.01,
                                                      .bias_high = 0.06,
                                                      .error_ratio = 0.05,
                                                      .interval_count = 12,
                                                      .inside_count = 10};
    sample->options = (struct master_options){.folder = "market report", .calibration = &sample->calibration};
}

void sample_there(struct sample *sample)
{
    static struct conclusion conclusions[1];

    sample_pipeline(sample);
    conclusions[0] = sample->investigation.conclusions[0];
    conclusions[0].objective_before = 36.4;
    conclusions[0].objective_after = 4.09;
    conclusions[0].objective_after_low = 3.79;
    conclusions[0].objective_after_high = 4.55;
    sample->investigation.conclusions = conclusions;
    sample->investigation.conclusion_count = 1;
    sample->investigation.objective = (struct objective){.text = "wall < 60 s",
                                                         .metric = "wall",
                                                         .unit = "s",
                                                         .wanted = 60,
                                                         .measured = 36.4,
                                                         .gap_ratio = -0.393,
                                                         .is_met = true};
    sample->calibration = (struct master_calibration){.count = 0};
}

/* --- no objective, a dispute that nobody settled --- */

void sample_unaimed(struct sample *sample)
{
    static struct conclusion conclusions[2];
    static struct contradiction contradictions[] = {
        {.claim = &pipeline_claims[4],
         .vote = &pipeline_votes[2],
         .outcome = "the run cannot be repeated: there is no pipeline file"},
    };

    sample_pipeline(sample);
    conclusions[0] = CONCLUSION(0, .support_count = 1, .agreement = AGREEMENT_SINGLE);
    conclusions[1] = CONCLUSION(4, .votes = settings_votes, .vote_count = 1, .support_count = 1,
                                .contradict_count = 1, .agreement = AGREEMENT_CONTRADICTED,
                                .next_command = "toll experiment set:knob/wal_page=64 toll.yaml");
    sample->investigation.pipeline = NULL;
    sample->investigation.run_count = 0;
    sample->investigation.objective = (struct objective){0};
    sample->investigation.conclusions = conclusions;
    sample->investigation.conclusion_count = COUNT_OF(conclusions);
    sample->investigation.contradictions = contradictions;
    sample->investigation.similar_count = 0;
    sample->options.calibration = NULL;
    sample->options.folder = NULL;
}

void sample_serving(struct sample *sample)
{
    static struct conclusion conclusions[1];
    static struct claim claims[1];
    static struct statement statements[] = {{.investigator = "profiling",
                                             .claims = claims,
                                             .claim_count = 1,
                                             .has_voted = true,
                                             .wall_ns = MS(250)}};

    *sample = (struct sample){0};
    sample_service(&sample->verdict);
    claims[0] = (struct claim){.investigator = "profiling",
                               .id = "1",
                               .finding = sample->verdict.findings[0],
                               .evidence_class = EVIDENCE_MEASURED};
    conclusions[0] = (struct conclusion){.claim = claims[0],
                                         .support_count = 1,
                                         .agreement = AGREEMENT_SINGLE,
                                         .objective_before = 376.3,
                                         .objective_after = 722.7,
                                         .objective_after_low = 692,
                                         .objective_after_high = 752.6};
    sample->investigation = (struct investigation){.verdict = &sample->verdict,
                                                   .recording = "shop.toll",
                                                   .objective = {.text = "1000 requests/s",
                                                                 .metric = "throughput",
                                                                 .unit = "requests/s",
                                                                 .more_is_better = true,
                                                                 .wanted = 1000,
                                                                 .measured = 376.3,
                                                                 .gap_ratio = 1.657},
                                                   .statements = statements,
                                                   .statement_count = COUNT_OF(statements),
                                                   .conclusions = conclusions,
                                                   .conclusion_count = COUNT_OF(conclusions),
                                                   .wall_ns = MS(400)};
    sample->options.folder = "shop";
}

void sample_silent(struct sample *sample)
{
    static struct statement statements[] = {
        {.investigator = "profiling",
         .outcome = STATEMENT_DID_NOT_FINISH,
         .why_not = "did not end in time: killed after 60 s",
         .claims = pipeline_claims,
         .claim_count = 1,
         .cleared = client_cleared,
         .cleared_count = 1,
         .wall_ns = MS(60000)},
        {.investigator = "configuration", .outcome = STATEMENT_DID_NOT_FINISH, .why_not = NULL},
    };

    *sample = (struct sample){0};
    sample_quiet(&sample->verdict);
    sample->investigation = (struct investigation){
        .verdict = &sample->verdict, .statements = statements, .statement_count = COUNT_OF(statements)};
}

void sample_nothing(struct sample *sample)
{
    *sample = (struct sample){0};
}

/* --- texts that mean harm --- */

#define MARKUP "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"' onmouseover='alert(3)"
#define BROKEN "\xff\xfe\xc0\xaf\xed\xa0\x80 \x1b[2J\x1b]0;owned\a \xc2\x9b\x31m"
#define TABLE  "a | b | c\n## not a heading\n[link](javascript:alert(4)) `code` ``"

static char wild_huge[100001];
static const char *const wild_texts[] = {MARKUP, BROKEN, TABLE};
static const char *wild_notes[] = {MARKUP, BROKEN, TABLE};
static struct claim wild_claims[1];
static struct vote wild_votes[] = {
    {BROKEN, MARKUP, STANCE_CONTRADICT, TABLE, wild_texts, COUNT_OF(wild_texts), NAN}};
static const struct vote *const wild_vote_list[] = {&wild_votes[0], &wild_votes[0]};
static const struct claim *const wild_merged[] = {&wild_claims[0]};
static struct cleared_by wild_cleared[] = {
    {MARKUP, {{.stage = BROKEN, .peer = MARKUP}, INFINITY, NAN}, TABLE}};
static struct statement wild_statements[] = {
    {.investigator = MARKUP,
     .claims = wild_claims,
     .claim_count = 1,
     .votes = wild_votes,
     .vote_count = 1,
     .cleared = wild_cleared,
     .cleared_count = 1,
     .notes = wild_notes,
     .note_count = COUNT_OF(wild_notes),
     .why_no_votes = TABLE},
    {.investigator = BROKEN, .outcome = STATEMENT_DID_NOT_FINISH, .why_not = MARKUP TABLE}};
static struct conclusion wild_conclusions[3];
static struct contradiction wild_contradictions[] = {
    {&wild_claims[0], &wild_votes[0], MARKUP, BROKEN, false}};
static struct similar_case wild_similar[] = {{MARKUP, BROKEN, TABLE, NULL, wild_huge}};

static void fill_wild_claim(void)
{
    for (size_t i = 0; i + 1 < sizeof wild_huge; i++)
        wild_huge[i] = "<&\"x"[i % 4];
    wild_claims[0] = (struct claim){
        .investigator = MARKUP,
        .id = BROKEN,
        .finding = {.cause = MARKUP,
                    .where = {.stage = MARKUP, .process = BROKEN, .peer = wild_huge},
                    .objective = "wall",
                    .critical_ratio = NAN,
                    .priority = PRIORITY_P0,
                    .change = MARKUP TABLE,
                    .assumption = BROKEN,
                    .gain = {.factor = 1e300, .factor_low = 1, .factor_high = INFINITY, .factor_max = NAN},
                    .title = BROKEN MARKUP,
                    .fix = MARKUP TABLE,
                    .rationale = wild_huge,
                    .evidence = wild_texts,
                    .evidence_count = COUNT_OF(wild_texts),
                    .sources = wild_texts,
                    .source_count = COUNT_OF(wild_texts)},
        .rows = wild_texts,
        .row_count = COUNT_OF(wild_texts),
        .verify = MARKUP,
        .revert = TABLE};
}

void sample_wild(struct sample *sample)
{
    static const enum agreement agreements[] = {AGREEMENT_CONSENSUS, AGREEMENT_CONTRADICTED,
                                                AGREEMENT_REJECTED};

    *sample = (struct sample){0};
    sample_hostile(&sample->verdict);
    fill_wild_claim();
    for (size_t i = 0; i < COUNT_OF(agreements); i++)
        wild_conclusions[i] = (struct conclusion){.claim = wild_claims[0],
                                                  .merged = wild_merged,
                                                  .merged_count = COUNT_OF(wild_merged),
                                                  .votes = wild_vote_list,
                                                  .vote_count = COUNT_OF(wild_vote_list),
                                                  .agreement = agreements[i],
                                                  .settled_by = MARKUP,
                                                  .next_command = wild_huge,
                                                  .objective_before = 1e300,
                                                  .objective_after = INFINITY,
                                                  .objective_after_low = NAN,
                                                  .objective_after_high = 1e-300};
    sample->investigation = (struct investigation){
        .verdict = &sample->verdict,
        .recording = MARKUP,
        .pipeline = BROKEN,
        .objective = {.text = TABLE, .metric = MARKUP, .unit = BROKEN, .wanted = 1e300, .measured = 1e-300},
        .statements = wild_statements,
        .statement_count = COUNT_OF(wild_statements),
        .conclusions = wild_conclusions,
        .conclusion_count = COUNT_OF(wild_conclusions),
        .contradictions = wild_contradictions,
        .contradiction_count = COUNT_OF(wild_contradictions),
        .similar = wild_similar,
        .similar_count = COUNT_OF(wild_similar),
        .started_at = MARKUP};
    sample->options.folder = "it's; rm -rf $HOME";
}

void sample_free(struct sample *sample)
{
    verdict_deinit(&sample->verdict);
    *sample = (struct sample){0};
}
