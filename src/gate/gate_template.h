/* SPDX-License-Identifier: Apache-2.0 */
/* gate_template: a first file of budgets for a command, as a text. */
#ifndef TOLL_GATE_GATE_TEMPLATE_H
#define TOLL_GATE_GATE_TEMPLATE_H

#include <stdint.h>

#include "base/str.h"

struct gate_template {
    const char *command;  /* one line, as words_join writes it */
    const char *program;  /* the gate is named after it */
    const char *baseline; /* a revision: budgets are relative; NULL: they are absolute */
    const char *build;    /* NULL: none */
    double wall_ns;       /* medians now */
    double memory_bytes_max;
};

void gate_template_write(const struct gate_template *template, struct str *text);

/* Up to the next round figure with two digits: 21,070,000 ns at 1.5 is 32 ms. */
double gate_template_margin(double value, double factor);

#endif
