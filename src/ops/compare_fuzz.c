/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: recordings without meaning (judge/nonsense.h) are compared, the first half of the bytes with the second, one of
 * each and two of each, and written in every format.
 */
#include <stdint.h>
#include <stdlib.h>

#include "compare/compare.h"
#include "judge/nonsense.h"

#define ROW_COUNT_MAX 10000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void write_all(const struct comparison *comparison)
{
    static const struct compare_look look = {.width = 60, .ascii = true};
    struct str text = {0};
    struct err err;
    compare_text_write(comparison, &look, &text);
    compare_json_write(comparison, &text);
    if (compare_html_write(comparison, &text, &err) == -(int)ERR_BUG)
        abort();
    str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct dataset datasets[2];
    struct compare_recording recordings[4];
    struct comparison comparison;
    struct err err;
    for (size_t i = 0; i < 2; i++) {
        dataset_init(&datasets[i]);
        if (nonsense_fill(&datasets[i], bytes + i * (count / 2), count / 2, ROW_COUNT_MAX))
            abort();
    }
    for (size_t i = 0; i < 4; i++)
        recordings[i] = (struct compare_recording){.name = "fuzz", .view = &datasets[i / 2].view};
    for (size_t each = 1; each <= 2; each++) {
        struct compare_recordings_request request = {.a = recordings,
                                                     .b = recordings + 2,
                                                     .count_a = each,
                                                     .count_b = each,
                                                     .options = {.threshold_ratio = -1, .noise_ratio = -1}};
        if (!compare_recordings(&request, &comparison, &err)) {
            write_all(&comparison);
            comparison_free(&comparison);
        }
    }
    for (size_t i = 0; i < 2; i++)
        dataset_deinit(&datasets[i]);
    return 0;
}
