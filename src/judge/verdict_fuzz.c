/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: rows without meaning (judge/nonsense.h) are judged, written in every format, and replayed with changes.
 * An error or a verdict is right; a crash, a hang and memory out of proportion are not.
 */
#include <stdint.h>
#include <stdlib.h>

#include "analyze/infer.h"
#include "analyze/whatif_replay.h"
#include "judge/nonsense.h"
#include "judge/verdict.h"
#include "report/exporter.h"

#define ROW_COUNT_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void write_all(const struct verdict *verdict)
{
    for (size_t i = 0; i < exporter_count; i++) {
        struct str text = {0};
        struct err err;
        struct export_options options = {.file = "a.toll", .width = 60, .ascii = i % 2};
        if (exporter_write(&exporters[i], verdict, &options, &text, &err) == -(int)ERR_BUG)
            abort();
        str_free(&text);
    }
    uint64_t path_ns = 0;
    for (size_t i = 0; i < verdict->path_count; i++)
        path_ns += verdict->path[i].ns;
    if (path_ns != verdict->run.wall_ns)
        abort();
}

static void replay_all(const struct view *view)
{
    static const char *const changes[] = {
        "workers:process/cp=10",      "speed:process/cp=2",          "remove:process/worker",
        "workers:stage/cp=3",         "remove:wait/network",         "remove:wait/pipe",
        "speed:function/cp=4",        "workers:peer/127.0.0.1:80=4", "remove:lock/5",
        "workers:stage/worker=60000", "speed:stage/worker=1e9",
    };
    struct run run;
    struct whatif whatif = {0};
    struct whatif_result result;
    struct err err;
    if (run_load(view, &run, &err))
        return;
    int status = infer_wakers(&run, &err);
    if (!status)
        status = whatif_init(&run, &whatif, &err);
    for (size_t i = 0; !status && i < sizeof changes / sizeof changes[0]; i++)
        (void)!whatif_text(&whatif, changes[i], &result, &err);
    whatif_deinit(&whatif);
    run_deinit(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct dataset dataset;
    struct verdict verdict;
    struct err err;
    dataset_init(&dataset);
    if (nonsense_fill(&dataset, bytes, count, ROW_COUNT_MAX))
        abort();
    if (!analyze_verdict(&dataset.view, &verdict, &err)) {
        write_all(&verdict);
        verdict_deinit(&verdict);
    }
    if (!analyze_verdict_for(&dataset.view, "latency", &verdict, &err)) {
        write_all(&verdict);
        verdict_deinit(&verdict);
    }
    replay_all(&dataset.view);
    dataset_deinit(&dataset);
    return 0;
}
