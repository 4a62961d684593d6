/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/flame_data.h"

/* 100,000 stacks of ten frames each, of very different times. */
#define STACK_COUNT 100000
#define DEPTH       10

struct many {
    struct flame flame;
    struct flame_node *nodes;
    char (*names)[40];
};

static void many_make(struct many *many)
{
    size_t count = 1;
    many->nodes = calloc(1 + (size_t)STACK_COUNT * DEPTH, sizeof *many->nodes);
    many->names = calloc(5000, sizeof *many->names);
    assert_true(many->nodes && many->names);
    for (size_t i = 0; i < 5000; i++)
        snprintf(many->names[i], sizeof many->names[i], "some::module::function_%zu", i);
    many->nodes[0] = (struct flame_node){.name = "all"};
    for (size_t stack = 0; stack < STACK_COUNT; stack++)
        for (size_t depth = 0; depth < DEPTH; depth++, count++)
            many->nodes[count] = (struct flame_node){
                .name = many->names[(stack * 7 + depth * 31) % 5000],
                .module = "/usr/bin/program",
                .parent = depth ? count - 1 : 0,
                .self_ns = depth == DEPTH - 1 ? 1000000 * (1 + 50000 / (stack + 1)) : 0,
            };
    for (size_t i = count; i-- > 1;) {
        many->nodes[i].total_ns += many->nodes[i].self_ns;
        many->nodes[many->nodes[i].parent].total_ns += many->nodes[i].total_ns;
    }
    many->flame = (struct flame){.nodes = many->nodes, .node_count = count};
}

static void many_free(struct many *many)
{
    free(many->nodes);
    free(many->names);
}

static double number_behind(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

/* Own values and rests, added up; and that each node's parent is on the way to the node before it. */
static double sum_of_nodes(const char *text, size_t step, size_t *ret_count)
{
    double sum = 0;
    long depth = -1;
    const char *at = strstr(text, "\"nodes\":[");
    assert_non_null(at);
    at += strlen("\"nodes\":[");
    for (size_t i = 0; *at != ']'; i++) {
        char *end;
        double value = strtod(at, &end);
        assert_true(end > at);
        at = end + (*end == ',');
        if (i % step == 0) {
            depth += 1 - (long)value;
            assert_true(i == 0 ? depth == 0 : depth > 0);
        }
        if (i % step == 2 || i % step == 3)
            sum += value;
        *ret_count = i / step + 1;
    }
    return sum;
}

static void hundreds_of_thousands_of_boxes_become_a_small_graph_that_adds_up(void **state)
{
    (void)state;
    struct many many;
    struct str text = {0}, svg = {0};
    struct err err = {0};
    size_t cut = 0, count = 0;
    many_make(&many);
    const struct flame_graph graph = {.flame = &many.flame};
    assert_int_equal(flame_data_write(&text, &graph, &cut, &err), 0);
    assert_in_range(text.length, 10000, FLAME_DATA_BYTES_MAX);
    double sum = sum_of_nodes(str_text(&text), 5, &count) * number_behind(str_text(&text), "\"scale\":");
    assert_in_range(count, 1000, FLAME_DATA_NODES_MAX);
    assert_int_equal(count + cut, many.flame.node_count);
    double whole = (double)many.nodes[0].total_ns;
    assert_true(sum > whole * 0.999 && sum < whole * 1.001);
    assert_int_equal(flame_svg_write(&svg, &graph, &(struct flame_svg){"a run", "a note"}, &err), 0);
    assert_in_range(svg.length, 100000, 1000000);
    assert_non_null(strstr(str_text(&svg), "narrow boxes are left out"));
    str_free(&text);
    str_free(&svg);
    many_free(&many);
}

static void a_difference_keeps_what_is_gone(void **state)
{
    (void)state;
    static const struct flame_node nodes[] = {
        {.name = "all", .total_ns = 30},
        {.name = "new", .self_ns = 20, .total_ns = 20},
        {.name = "gone"},
        {.name = "same", .self_ns = 10, .total_ns = 10},
    };
    static const struct flame_before before[] = {{0, 50, 0}, {0, 0, 4}, {40, 40, -4}, {10, 10, 0}};
    const struct flame flame = {.nodes = nodes, .node_count = 4};
    struct str text = {0};
    struct err err = {0};
    size_t cut = 0;
    assert_int_equal(flame_data_write(&text, &(struct flame_graph){&flame, before}, &cut, &err), 0);
    assert_int_equal(cut, 0);
    /* The root, then by name: gone, new, same. */
    assert_non_null(strstr(
        str_text(&text), "\"nodes\":[0,0,0,0,0,0,0,0,0,1,0,0,0,40,0,-4,1,2,20,0,0,0,0,4,1,3,10,0,0,10,0,0]"));
    str_free(&text);
}

int flame_data_test(void);
int flame_data_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundreds_of_thousands_of_boxes_become_a_small_graph_that_adds_up),
        cmocka_unit_test(a_difference_keeps_what_is_gone),
    };
    return cmocka_run_group_tests_name("flame_data", tests, NULL, NULL);
}
