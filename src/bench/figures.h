/* SPDX-License-Identifier: Apache-2.0 */
/* figures: measured numbers with as many digits as a comparison needs; report/units.h has those of a report. Each writes into `text` and
 * returns it. */
#ifndef TOLL_BENCH_FIGURES_H
#define TOLL_BENCH_FIGURES_H

#define FIGURE_MAX 64

/* Four digits: "20.41 ms", "1.234 s", "512.3 us". */
const char *figure_duration(double ns, char text[FIGURE_MAX]);
/* "1.052x"; more digits near 1, where they matter; "any" for infinity. */
const char *figure_factor(double ratio, char text[FIGURE_MAX]);
/* 0.029 is "2.9 %". */
const char *figure_percent(double ratio, char text[FIGURE_MAX]);
/* Four digits of any number: "12,340", "98.76", "0.001234". */
const char *figure_number(double number, char text[FIGURE_MAX]);

#endif
