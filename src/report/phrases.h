/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phrases: the words that text, Markdown and HTML share, so that a verdict reads the same everywhere.
 *
 * Phrases hold names of the recorded program as they are: the exporter escapes the finished phrase.
 */
#ifndef TOLL_REPORT_PHRASES_H
#define TOLL_REPORT_PHRASES_H

#include "base/str.h"
#include "base/vec.h"
#include "model/finding.h"

/* Below it the recording is called poor before anything else is said. */
#define SCORE_POOR 0.6
/* Below it a line of trust gives the reasons. */
#define SCORE_GOOD 0.9
/* A replay that misses by more turns promises into bounds. */
#define DRIFT_BOUND 0.05

/* "computing", "waiting for the network", …: what the time was, for someone who never heard of toll. */
const char *phrase_doing(int doing);
/* The same in a word or two, for tables and legends: "CPU", "network". */
const char *phrase_doing_short(int doing);

/* The narrowest name of a place that a person would use: "parse_row() in parse", "download: 127.0.0.1:8080". */
void phrase_where(struct str *str, const struct where *where);
/* The other end or the function, whichever says more beside the stage's name; NULL when nothing does. */
const char *phrase_detail(const struct where *where);

/* "market-data --workers 1"; "" when the command is not known. */
void phrase_command(struct str *str, const struct run_facts *run);
/* Other tools' files do not say how the command ended. */
bool phrase_knows_exit(const struct run_facts *run);
/* "exit 0", "killed by signal 9 (SIGKILL)" */
void phrase_exit(struct str *str, const struct run_facts *run);
/* "1,785,600 rows, 49,000 rows/s": the units of work the stages report; nothing appended when there are none. */
void phrase_work(struct str *str, const struct verdict *verdict);

/* "; $0.31 less ($0.15 to $0.40)": what it brings beside time; nothing under a cent. */
void phrase_money(struct str *str, const struct finding *finding, bool is_first);
/* "36.4 s -> 4.1 s, about 8.9x (8.0x to 9.6x)"; "at most 1.8x if it cost nothing" where no promise is made. */
void phrase_gain(struct str *str, const struct verdict *verdict, const struct finding *finding);
/* "; 1.10x on top of the first": what it still brings when the first finding's change is made too, where that was replayed. */
void phrase_behind(struct str *str, const struct finding *finding);
/* The text without blanks and full stops at its end. */
void phrase_bare(struct str *str, const char *sentence);
/* What is wrong, and what the title leaves out: how much of the run, and at which other end or file. */
void phrase_title(struct str *str, const struct finding *finding);
/* What to do, as a sentence begins, without a full stop; nothing appended when it is not known. */
void phrase_fix(struct str *str, const struct finding *finding);
/* The same as phrase_bare, ended with one full stop; '?' and '!' are kept. */
void phrase_sentence(struct str *str, const char *sentence);
/* "nothing stands out: …", with the largest place of the path. */
/* Samples of another tool alone, from which no cause can be told; and how many they are, behind the file's name. */
bool phrase_is_profile(const struct verdict *verdict);
void phrase_samples(struct str *str, const struct run_facts *run);
/* What they tell of: "CPU time", "the bytes". */
const char *phrase_profiled(const struct run_facts *run);
void phrase_no_finding(struct str *str, const struct verdict *verdict);

/* "recorder perf + ring, 99 % explained, replay within 1.2 %, overhead 0.3 %" */
void phrase_trust(struct str *str, const struct verdict *verdict);
/* Whether the verdict must be read with care, and the sentence that says so first. */
bool phrase_poor(struct str *str, const struct verdict *verdict);

/* The path by stage, and by process where no stage is known: what a person asks first. */
struct share_part {
    int doing;
    const struct where *where; /* of its largest entry */
    uint64_t ns;
};

struct share {
    const char *stage;   /* NULL: outside any stage: */
    const char *process; /* then the process, NULL when that is not known either */
    uint64_t ns;
    double ratio;
    VEC(struct share_part) parts; /* by what was done, largest first */
};

struct share_list {
    VEC(struct share) shares;
};

/* Largest first; free with phrase_shares_free. -1 when memory ran out. */
WARN_UNUSED int phrase_shares(const struct verdict *verdict, struct share_list *ret_shares);
void phrase_shares_free(struct share_list *shares);
/* "download"; "rest of market-data" for a process's time outside the stages; "sort" where there are none. */
void phrase_share(struct str *str, const struct verdict *verdict, const struct share *share);

#endif
