/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scaling: what more workers can bring at most. `serial_ratio` (0 to 1) is the part of the time that only one worker can
 * do. Pure functions; any thread.
 */
#ifndef TOLL_LAW_SCALING_H
#define TOLL_LAW_SCALING_H

/* Amdahl 1967: the same work done by n workers is 1 / (s + (1 - s) / n) times as fast; 1 / s for any number (infinity
 * when nothing is serial). */
double amdahl_speedup(double serial_ratio, double workers);
double amdahl_limit(double serial_ratio);

/* The serial part that a measured speed-up on n workers means (Karp and Flatt 1990); 0 for one worker. Below 0 when the
 * speed-up is more than n times. */
double amdahl_serial_ratio(double speedup, double workers);

/* How many workers bring `part` (below 1) of the limit: n = part (1 - s) / (s (1 - part)). */
double amdahl_workers(double serial_ratio, double part);

/* Gustafson 1988: n workers do s + (1 - s) n times the work in the same time, s being the serial part of the time
 * *with* n workers. */
double gustafson_speedup(double serial_ratio, double workers);

#endif
