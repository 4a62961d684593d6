/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any bytes are compared with themselves and with nothing, in the format recognised and in one that their length
 * chooses, and written as text, JSON and a page.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compare/compare.h"
#include "compare/measured.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void write_all(struct comparison *comparison)
{
    static const struct compare_look look = {.width = 80};
    struct str text = {0};
    struct err err;
    compare_text_write(comparison, &look, &text);
    compare_json_write(comparison, &text);
    if (compare_html_write(comparison, &text, &err) == -(int)ERR_BUG)
        abort();
    str_free(&text);
}

static void try_format(const struct compare_text *text, const char *format)
{
    struct comparison comparison;
    struct err err;
    struct compare_results_request request = {.a = text,
                                              .b = text,
                                              .count_a = 1,
                                              .count_b = 1,
                                              .format = format,
                                              .options = {.threshold_ratio = -1, .noise_ratio = -1}};
    for (request.count_b = 0; request.count_b < 2; request.count_b++)
        if (!compare_results(&request, &comparison, &err)) {
            write_all(&comparison);
            comparison_free(&comparison);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char *copy = malloc(count + 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, count);
    copy[count] = '\0';
    struct compare_text text = {"fuzz", copy, count};
    try_format(&text, NULL);
    try_format(&text, result_formats[count % result_format_count].name);
    free(copy);
    return 0;
}
