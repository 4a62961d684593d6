/* SPDX-License-Identifier: Apache-2.0 */
/* master_words: the words that all formats of the report share. Names are as they are: the format escapes the finished phrase. */
#ifndef TOLL_MASTER_MASTER_WORDS_H
#define TOLL_MASTER_MASTER_WORDS_H

#include "master/digest.h"

/* An amount in the objective's unit: "49,000 rows/s", "3.2 s", "1.84 USD". */
void word_amount(struct str *str, double amount, const char *unit);
/* Makes what was appended from `from` on begin as a sentence does. */
void word_capital(struct str *str, size_t from);
/* What ran, and at most `columns` of it (0: all); the project's name where the command is longer. */
void word_subject(struct str *str, const struct digest *digest, size_t columns);

/* The problem in one sentence: what is measured, what is wanted, how much is missing. `columns` as above. */
void word_problem(struct str *str, const struct digest *digest, size_t columns);
/* "51 % short", "200 % over"; nothing when it is not known or there is nothing missing. */
void word_gap(struct str *str, const struct objective *objective);
/* Why, in one sentence: the first thing to do, else what is disputed, else that nothing stands out or nobody finished. */
void word_discovery(struct str *str, const struct digest *digest);

/* What is wrong, one sentence. */
void word_title(struct str *str, const struct conclusion *conclusion);
/* What to do, and where when that does not say it: "Do 10 at once (download: 127.0.0.1:8080)". Begins as a sentence does. */
void word_action(struct str *str, const struct conclusion *conclusion);
/* "49,000 -> 437,000 rows/s (392,000 to 471,000), about 8.9x"; without an objective the time of the run. */
void word_move(struct str *str, const struct digest *digest, const struct conclusion *conclusion);
/* "that meets the objective"; nothing when it cannot be told. */
void word_reach(struct str *str, const struct digest *digest, const struct conclusion *conclusion);

/* "with the P0", "with the P0?" where it is disputed */
void word_with(struct str *str, const struct conclusion *conclusion);
/* A length of the picture: "4.09 s", "4.09 s, 437,000 rows/s"; amount 0: not known. */
void word_scale(struct str *str, const struct digest *digest, double ratio, double amount);

/* "consensus of profiling, concurrency and client-library", "profiling alone says so". */
void word_agreement(struct str *str, const struct conclusion *conclusion);
/* "P2, make the other end faster: at most 24x faster if it cost nothing" */
void word_alternative(struct str *str, const struct digest *digest, const struct conclusion *other);
/* Whether a vote (index) says what an earlier one said: an investigator votes on each of the claims that were merged. */
bool word_vote_is_told(const struct conclusion *conclusion, size_t index);
/* A contradiction in three sentences: who claims what, who says no and why, and what settled it or would. */
void word_side_for(struct str *str, const struct contradiction *contradiction);
void word_side_against(struct str *str, const struct contradiction *contradiction);
void word_settled(struct str *str, const struct contradiction *contradiction);
/* "2 found, 1 cleared", "did not finish: killed after 60 s" */
void word_result(struct str *str, const struct statement *statement);
/* "low, under a day" */
const char *word_effort(enum effort effort);
/* "Now", "Next", …: when a priority's turn comes. */
const char *word_phase(enum priority priority);
/* The command that confirms a conclusion; where it is not sure yet, that tells more; NULL. */
const char *word_command(const struct conclusion *conclusion);
/* The command that tells more, where it is another than the one that confirms; NULL. */
const char *word_next(const struct conclusion *conclusion);
/* Who says that a place is not to blame, all or those who give no reason: "configuration and client-library", "the recording". */
void word_by(struct str *str, const struct digest_cleared *cleared, bool without_reason);
/* "at most 1.04x faster"; of one thing about a place that it is fine. */
void word_bound(struct str *str, const struct digest_cleared *cleared);
/* "memory did not finish: there may be more."; nothing when all did. */
void word_unfinished(struct str *str, const struct digest *digest);
/* What to do when there is nothing to do. */
const char *word_nothing(const struct digest *digest);
/* How good past predictions were, a sentence or two. */
void word_calibration(struct str *str, const struct master_calibration *calibration);
/* What the investigation was: "7 investigators in 42 s, 12 runs of the pipeline". */
void word_effort_spent(struct str *str, const struct digest *digest);

#endif
