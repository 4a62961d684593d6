/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_template.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "codec/yaml_write.h"
#include "report/amount.h"

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
        yaml_write_text(text, template->baseline);
        str_append(text, "    # measured in turn with this, built in a clean copy\n");
    }
    if (template->build) {
        str_append(text, "build: ");
        yaml_write_text(text, template->build);
        str_append(text, "\n");
    }
    str_append(text, "\ngates:\n  ");
    gate_name(text, template->program);
    str_append(text, ":\n    command: ");
    yaml_write_text(text, template->command);
    str_append(text, "\n");
    if (template->baseline) {
        str_printf(text, "    wall: +5%%        # now %s\n", amount_text(template->wall_ns, AMOUNT_NS).text);
        str_printf(text, "    memory: +10%%     # now %s\n",
                   amount_text(template->memory_bytes_max, AMOUNT_BYTES).text);
    } else {
        str_printf(text, "    wall: %s    # now %s\n",
                   amount_text(gate_template_margin(template->wall_ns, WALL_FACTOR), AMOUNT_NS).text,
                   amount_text(template->wall_ns, AMOUNT_NS).text);
        str_printf(
            text, "    memory: %s    # now %s\n",
            amount_text(gate_template_margin(template->memory_bytes_max, MEMORY_FACTOR), AMOUNT_BYTES).text,
            amount_text(template->memory_bytes_max, AMOUNT_BYTES).text);
    }
}
