/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_template.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "gate/gate_quantity.h"

/* An absolute time has to hold on other machines and busy ones too. */
#define WALL_FACTOR   2.0
#define MEMORY_FACTOR 1.25
#define NAME_MAX_USED 40u

double gate_template_margin(double value, double factor)
{
    if (!(value > 0))
        return 0;
    double step = pow(10, floor(log10(value * factor)) - 1);
    return ceil(value * factor / step) * step;
}

static bool is_control(char letter)
{
    return (unsigned char)letter < ' ' || letter == 0x7f;
}

/* Newlines and their like have a name in double quotes alone. */
static void scalar_escaped(struct str *text, const char *value)
{
    str_append(text, "\"");
    for (; *value; value++)
        if (is_control(*value))
            str_printf(text, "\\x%02x", (unsigned char)*value);
        else
            str_printf(text, "%s%c", strchr("\"\\", *value) ? "\\" : "", *value);
    str_append(text, "\"");
}

/* A text that YAML takes as it is, in single quotes where it could be something else. */
static void scalar(struct str *text, const char *value)
{
    bool is_plain = *value && (isalnum((unsigned char)*value) || strchr("./_", *value));
    for (const char *at = value; *at; at++)
        is_plain = is_plain && (isalnum((unsigned char)*at) || strchr(" ./_+=,-", *at));
    if (is_plain && value[strlen(value) - 1] != ' ') {
        str_append(text, value);
        return;
    }
    for (const char *at = value; *at; at++) {
        if (is_control(*at)) {
            scalar_escaped(text, value);
            return;
        }
    }
    str_append(text, "'");
    for (const char *at = value; *at; at++) {
        if (*at == '\'')
            str_append(text, "'");
        str_append_bytes(text, at, 1);
    }
    str_append(text, "'");
}

static void gate_name(struct str *text, const char *program)
{
    const char *base = strrchr(program, '/');
    base = base && base[1] ? base + 1 : program;
    for (size_t i = 0; base[i] && i < NAME_MAX_USED; i++)
        str_append_bytes(text, isalnum((unsigned char)base[i]) || strchr("_-", base[i]) ? &base[i] : "_", 1);
}

void gate_template_write(const struct gate_template *template, struct str *text)
{
    str_append(
        text,
        "# What may not get worse: `toll gate` measures it. `toll help gate` and docs/gate.md say more.\n");
    if (template->baseline) {
        str_append(text, "baseline: ");
        scalar(text, template->baseline);
        str_append(text, "    # measured in turn with this, built in a clean copy\n");
    }
    if (template->build) {
        str_append(text, "build: ");
        scalar(text, template->build);
        str_append(text, "\n");
    }
    str_append(text, "\ngates:\n  ");
    gate_name(text, template->program);
    str_append(text, ":\n    command: ");
    scalar(text, template->command);
    str_append(text, "\n");
    if (template->baseline) {
        str_printf(text, "    wall: +5%%        # now %s\n",
                   gate_amount(template->wall_ns, GATE_UNIT_NS).text);
        str_printf(text, "    memory: +10%%     # now %s\n",
                   gate_amount(template->memory_bytes_max, GATE_UNIT_BYTES).text);
    } else {
        str_printf(text, "    wall: %s    # now %s\n",
                   gate_amount(gate_template_margin(template->wall_ns, WALL_FACTOR), GATE_UNIT_NS).text,
                   gate_amount(template->wall_ns, GATE_UNIT_NS).text);
        str_printf(
            text, "    memory: %s    # now %s\n",
            gate_amount(gate_template_margin(template->memory_bytes_max, MEMORY_FACTOR), GATE_UNIT_BYTES)
                .text,
            gate_amount(template->memory_bytes_max, GATE_UNIT_BYTES).text);
    }
}
