/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the database takes on its own: the rows of the files as lines made beforehand, sent over a few
 * connections. The clock runs from the first byte until the database has taken the last one; then the
 * rows are counted by a query. The best of several rounds is the rate: others on the machine can only
 * make it smaller, so a round that reaches the goal is the last.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "candles.h"
#include "database.h"
#include "extract.h"
#include "http.h"

enum { CONNECTIONS_MAX = 16, FILES_MAX = 40 };

struct sender {
    pthread_t thread;
    struct buffer *lines;
    unsigned first;
    unsigned step;
    unsigned file_count;
    struct sink *sink;
    struct problem problem;
    bool failed;
};

struct rate {
    struct database database;
    const char *folder;
    struct buffer lines[FILES_MAX];
    unsigned file_count;
    unsigned connection_count;
    uint64_t row_count;
    unsigned round_count;
    double goal_per_s; /* 0: no goal */
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int read_file(const char *path, struct buffer *out, struct problem *problem)
{
    FILE *file = fopen(path, "r");
    size_t count;
    int result = 0;

    out->length = 0;
    if (file == NULL)
        return problem_set(problem, "could not open file '%s'", path);
    do {
        if (buffer_reserve(out, 65536, problem) < 0) {
            result = -1;
            break;
        }
        count = fread(out->data + out->length, 1, out->capacity - out->length, file);
        out->length += count;
    } while (count > 0);
    if (result == 0 && ferror(file) != 0)
        result = problem_set(problem, "could not read file '%s'", path);
    fclose(file);
    return result;
}

/* Formats the first `file_count` files that index.txt names. */
static int rate_prepare(struct rate *rate, const char *run_id, struct problem *problem)
{
    char path[400];
    char tags[128];
    struct buffer index = {0};
    struct buffer zip = {0};
    struct buffer csv = {0};
    struct candles candles = {0};
    char *rest;
    char *name;
    int result;

    rate->row_count = 0;
    snprintf(path, sizeof(path), "%s/index.txt", rate->folder);
    result = read_file(path, &index, problem);
    if (result == 0)
        result = buffer_append(&index, "", 1, problem);
    rest = index.data;
    for (unsigned file = 0; result == 0 && file < rate->file_count; file++) {
        name = strsep(&rest, "\n");
        if (name == NULL || *name == '\0') {
            rate->file_count = file;
            break;
        }
        snprintf(path, sizeof(path), "%s/%s", rate->folder, name);
        snprintf(tags, sizeof(tags), "symbol=%.*s,run=%s", (int)strcspn(name, "-."), name, run_id);
        rate->lines[file].length = 0;
        if (read_file(path, &zip, problem) < 0 || extract(&zip, &csv, problem) < 0 ||
            candles_parse(&candles, &csv, problem) < 0 ||
            candles_format(&candles, tags, &rate->lines[file], problem) < 0)
            result = -1;
        rate->row_count += candles.count;
    }
    buffer_deinit(&index);
    buffer_deinit(&zip);
    buffer_deinit(&csv);
    candles_deinit(&candles);
    return result;
}

static void *sender_main(void *argument)
{
    struct sender *sender = argument;

    for (unsigned file = sender->first; file < sender->file_count && !sender->failed; file += sender->step)
        sender->failed = sink_send(sender->sink, &sender->lines[file], &sender->problem) < 0;
    return NULL;
}

static int rate_send(struct rate *rate, double *ret_wall_s, struct problem *problem)
{
    struct sender senders[CONNECTIONS_MAX] = {0};
    unsigned started_count = 0;
    double start_s;
    int result = 0;

    for (unsigned index = 0; result == 0 && index < rate->connection_count; index++) {
        senders[index] = (struct sender){.lines = rate->lines,
                                         .first = index,
                                         .step = rate->connection_count,
                                         .file_count = rate->file_count};
        result = sink_open(&rate->database, &senders[index].sink, problem);
    }
    start_s = now_s();
    for (; result == 0 && started_count < rate->connection_count; started_count++)
        if (pthread_create(&senders[started_count].thread, NULL, sender_main, &senders[started_count]) != 0) {
            result = problem_set(problem, "could not start a sender");
            break;
        }
    for (unsigned index = 0; index < started_count; index++)
        pthread_join(senders[index].thread, NULL);
    *ret_wall_s = now_s() - start_s;
    for (unsigned index = 0; index < rate->connection_count; index++) {
        sink_close(senders[index].sink);
        if (result == 0 && senders[index].failed) {
            *problem = senders[index].problem;
            result = -1;
        }
    }
    return result;
}

static int rate_measure(struct rate *rate, struct problem *problem)
{
    double best = 0;
    char run_id[48];

    for (unsigned round = 0; round < rate->round_count; round++) {
        uint64_t found = 0;
        double wall_s;

        snprintf(run_id, sizeof(run_id), "rate-%d-%u", (int)getpid(), round);
        if (rate_prepare(rate, run_id, problem) < 0 || rate_send(rate, &wall_s, problem) < 0)
            return -1;
        if (rate->database.kind != DATABASE_NULL) {
            if (database_count(&rate->database, run_id, rate->row_count, &found, problem) < 0)
                return -1;
            if (found != rate->row_count)
                return problem_set(problem, "%llu rows were sent, but the database returns %llu",
                                   (unsigned long long)rate->row_count, (unsigned long long)found);
        }
        if ((double)rate->row_count / wall_s > best)
            best = (double)rate->row_count / wall_s;
        fprintf(stderr, "  round %u: %llu rows in %.2f s over %u connections: %.0f rows/s\n", round + 1,
                (unsigned long long)rate->row_count, wall_s, rate->connection_count,
                (double)rate->row_count / wall_s);
        if (rate->goal_per_s > 0 && best >= rate->goal_per_s)
            break;
    }
    printf("%.0f\n", best);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"db", required_argument, NULL, 'd'},    {"connections", required_argument, NULL, 'c'},
        {"files", required_argument, NULL, 'f'}, {"rounds", required_argument, NULL, 'r'},
        {"goal", required_argument, NULL, 'g'},  {NULL, 0, NULL, 0},
    };
    static struct rate rate = {.file_count = 10, .connection_count = 2, .round_count = 3};
    const char *url = NULL;
    struct problem problem;
    bool good = true;
    int result;

    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        unsigned long value = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

        if (option == 'd')
            url = optarg;
        else if (option == 'c' && value >= 1 && value <= CONNECTIONS_MAX)
            rate.connection_count = (unsigned)value;
        else if (option == 'f' && value >= 1 && value <= FILES_MAX)
            rate.file_count = (unsigned)value;
        else if (option == 'g' && value >= 1)
            rate.goal_per_s = (double)value;
        else if (option == 'r' && value >= 1 && value <= 100)
            rate.round_count = (unsigned)value;
        else
            good = false;
    }
    if (!good || url == NULL || optind + 1 != argc) {
        fputs("usage: database-rate --db URL [--connections N] [--files N] [--rounds N] [--goal N] FOLDER\n",
              stderr);
        return 2;
    }
    rate.folder = argv[optind];
    result = http_init(&problem) < 0 || database_from_url(url, &rate.database, &problem) < 0 ||
                     rate_measure(&rate, &problem) < 0
                 ? 1
                 : 0;
    for (unsigned file = 0; file < FILES_MAX; file++)
        buffer_deinit(&rate.lines[file]);
    if (result != 0)
        fprintf(stderr, "database-rate: %s\n", problem.text);
    return result;
}
