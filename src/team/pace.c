/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace: how long a model takes for what it reads and for what it writes, by least squares (normal equations of three unknowns).
 * A negative part is set to 0 and the rest solved again.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "team/team.h"

#define CALLS_MIN  6
#define PARTS      3
#define MODELS_MAX 256
#define SINGULAR   1e-5 /* of the scaled matrix: parts that differ by less from each other are one */

struct sums {
    double xx[PARTS][PARTS], xy[PARTS], yy;
    double count;
};

static bool is_of(const struct team_call *call, const char *model)
{
    return strcmp(call->model, model) == 0 && !call->is_error && !call->is_unbilled &&
           call->end_ns > call->start_ns;
}

static double seconds_of(const struct team_call *call)
{
    return (double)(call->end_ns - call->start_ns) / (double)NS_PER_S;
}

/* Read from the cache costs next to no time. */
static double read_of(const struct team_call *call)
{
    return tokens_prompt_of(&call->tokens) - call->tokens.cache_read;
}

static void add_up(const struct team *team, const char *model, struct sums *sums)
{
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (!is_of(call, model))
            continue;
        double x[PARTS] = {1, read_of(call), call->tokens.output}, y = seconds_of(call);
        for (size_t a = 0; a < PARTS; a++) {
            for (size_t b = 0; b < PARTS; b++)
                sums->xx[a][b] += x[a] * x[b];
            sums->xy[a] += x[a] * y;
        }
        sums->yy += y * y;
        sums->count++;
    }
}

/* Solves for the parts in use, each scaled to a sum of squares of one; false when they cannot be told apart. ret_inverse: the
 * diagonal of the inverse. Gauss and Jordan, with pivots. */
static bool solve(const struct sums *sums, const bool *use, double *ret_part, double *ret_inverse)
{
    double m[PARTS][2 * PARTS + 1] = {{0}}, scale[PARTS];
    for (size_t a = 0; a < PARTS; a++)
        scale[a] = use[a] && sums->xx[a][a] > 0 ? sqrt(sums->xx[a][a]) : 1;
    for (size_t a = 0; a < PARTS; a++) {
        for (size_t b = 0; b < PARTS; b++)
            m[a][b] = use[a] && use[b] ? sums->xx[a][b] / (scale[a] * scale[b]) : a == b;
        m[a][PARTS] = use[a] ? sums->xy[a] / scale[a] : 0;
        m[a][PARTS + 1 + a] = 1;
    }
    for (size_t a = 0; a < PARTS; a++) {
        size_t pivot = a;
        for (size_t b = a + 1; b < PARTS; b++)
            pivot = fabs(m[b][a]) > fabs(m[pivot][a]) ? b : pivot;
        if (fabs(m[pivot][a]) < SINGULAR)
            return false;
        for (size_t c = 0; c < 2 * PARTS + 1 && pivot != a; c++) {
            double swap = m[a][c];
            m[a][c] = m[pivot][c];
            m[pivot][c] = swap;
        }
        for (size_t b = 0; b < PARTS; b++) {
            double factor = b == a ? 0 : m[b][a] / m[a][a];
            for (size_t c = 0; c < 2 * PARTS + 1 && b != a; c++)
                m[b][c] -= factor * m[a][c];
        }
    }
    for (size_t a = 0; a < PARTS; a++) {
        ret_part[a] = use[a] ? m[a][PARTS] / m[a][a] / scale[a] : 0;
        ret_inverse[a] = m[a][PARTS + 1 + a] / m[a][a] / (scale[a] * scale[a]);
    }
    return true;
}

/* How much a part differs from call to call, 0 to 1. */
static double spread(const struct sums *sums, size_t a)
{
    double all = sums->count * sums->xx[a][a];
    return all > 0 ? 1 - sums->xx[0][a] * sums->xx[0][a] / all : 0;
}

/* The parts of least squares without negative ones; those in use stay in `use`. */
static void fit(const struct sums *sums, bool *use, double *ret_part, double *ret_inverse)
{
    for (size_t round = 0; round < 2 * PARTS; round++) {
        if (!solve(sums, use, ret_part, ret_inverse)) {
            /* What does not differ from call to call cannot be told from the base. */
            use[use[1] && (!use[2] || spread(sums, 1) < spread(sums, 2)) ? 1 : 2] = false;
            continue;
        }
        size_t worst = PARTS;
        for (size_t a = 0; a < PARTS; a++)
            worst =
                use[a] && ret_part[a] < 0 && (worst == PARTS || ret_part[a] < ret_part[worst]) ? a : worst;
        if (worst == PARTS)
            return;
        use[worst] = false;
    }
}

static double variance_of(const struct sums *sums, const double *part)
{
    double residual = sums->yy;
    for (size_t a = 0; a < PARTS; a++)
        residual -= part[a] * sums->xy[a];
    return fmax(residual, 0) / fmax(sums->count - PARTS, 1);
}

static struct team_pace find_pace(const struct team *team, const char *model)
{
    struct sums sums = {0};
    struct team_pace pace = {0};
    double part[PARTS] = {0}, inverse[PARTS] = {0};
    bool use[PARTS] = {true, true, true};
    add_up(team, model, &sums);
    pace.call_count = (uint32_t)sums.count;
    if (sums.xx[0][2] > 0)
        pace.out_s = sums.xy[0] / sums.xx[0][2];
    if (sums.count < CALLS_MIN)
        return pace;
    fit(&sums, use, part, inverse);
    double error = sqrt(fmax(variance_of(&sums, part) * inverse[1], 0));
    /* A slope that may as well be chance is none. */
    if (use[1] && part[1] < 2 * error) {
        use[1] = false;
        fit(&sums, use, part, inverse);
    }
    pace.base_s = fmax(part[0], 0);
    pace.read_s = fmax(part[1], 0);
    pace.out_s = use[2] ? fmax(part[2], 0) : pace.out_s;
    pace.is_known = use[2];
    pace.knows_read = use[1];
    return pace;
}

static const struct team_paced *paced_of(const struct team *team, const char *model)
{
    for (size_t i = 0; i < team->paces.count; i++) {
        const struct team_paced *paced = &team->paces.items[i];
        if (paced->model == model || strcmp(paced->model, model) == 0)
            return paced;
    }
    return NULL;
}

int team_find_paces(struct team *team)
{
    for (size_t i = 0; i < team->calls.count && team->paces.count < MODELS_MAX; i++) {
        struct team_paced paced = {.model = team->calls.items[i].model};
        if (paced_of(team, paced.model))
            continue;
        paced.pace = find_pace(team, paced.model);
        if (vec_push(&team->paces, paced))
            return -1;
    }
    return 0;
}

struct team_pace team_pace_of(const struct team *team, const char *model)
{
    const struct team_paced *paced = paced_of(team, model);
    return paced ? paced->pace : (struct team_pace){0};
}
