/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage_wire: what toll and its stand-in for a stage's program tell one another. The stand-in (stage_main.c) stands first in PATH
 * under the program's name; toll sets the variables, and reads the lines that it adds to the log.
 *
 * FOLDER/bin/NAME          the stand-in
 * FOLDER/log               a line a call: KIND NAME ELAPSED_NS ADDED_NS BLOCKED_NS RUNNING_NS
 * FOLDER/calls/KEY.N/      the N-th call with the same words in the same folder: `about`, `out`, `errors`, `files/I`
 * FOLDER/used/KEY.N        replayed already, in this run
 */
#ifndef TOLL_EXPERIMENT_STAGE_WIRE_H
#define TOLL_EXPERIMENT_STAGE_WIRE_H

#define STAGE_MODE "TOLL_STAGE_MODE" /* hold, keep, replay */
#define STAGE_SHARE                                                                                          \
    "TOLL_STAGE_SHARE" /* hold: longer by this share; replay: takes this share of what it took */
#define STAGE_FOLDER "TOLL_STAGE_FOLDER" /* an absolute path */
#define STAGE_ROOT   "TOLL_STAGE_ROOT"   /* written files are looked for below it */
#define STAGE_INSIDE "TOLL_STAGE_INSIDE" /* set in what a stand-in runs: a call inside a call is left alone */

/* The kinds of lines. */
#define STAGE_HELD     'h'
#define STAGE_KEPT     'k'
#define STAGE_REPLAYED 'r'
#define STAGE_MISSED   'm' /* no such call was kept: the program itself ran */
#define STAGE_UNKEPT   'u' /* could not be kept whole; NAME is followed by why, words joined by _ */
#define STAGE_PACED    'p' /* a whole run of the pacer */

#define STAGE_LINE_MAX 512u

#endif
