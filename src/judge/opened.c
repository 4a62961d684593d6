/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/opened.h"

#include <string.h>

#include "judge/verdict.h"
#include "model/meta.h"

enum depth { DEPTH_FLAME, DEPTH_VERDICT, DEPTH_WHOLE };

struct how {
    enum depth depth;
    enum stack_kind kind; /* of DEPTH_FLAME */
    const char *objective;
};

/* What ran already is told by what it serves, as far as it serves. */
static bool has_plain_title(const struct view *view)
{
    const char *scope = view_meta(view, META_SCOPE);
    return !scope || strcmp(scope, "attached") != 0;
}

static int judge_reader(struct opened *opened, const struct how *how, struct err *err)
{
    const struct view *view = reader_view(opened->reader);
    const char *objective = how->objective;
    if (how->depth == DEPTH_FLAME && stack_kind_check(how->kind, view, err))
        return -(int)ERR_INPUT;
    if (how->depth == DEPTH_FLAME && has_plain_title(view))
        return analyze_flame(view, how->kind, &opened->verdict, err);
    if (how->depth != DEPTH_WHOLE)
        return analyze_verdict_for(view, objective, &opened->verdict, err);
    int status = analyze_verdict_keep(view, objective, &opened->verdict, &opened->judged, err);
    if (status)
        return status;
    opened->run = &opened->judged->run;
    opened->whatif = opened->judged->has_whatif ? &opened->judged->whatif : NULL;
    return 0;
}

static int open_and_judge(const char *path, const struct how *how, struct opened *ret_opened, struct err *err)
{
    struct opened opened = {0};
    int status = reader_open(path, &opened.reader, err);
    if (status)
        return status;
    if (judge_reader(&opened, how, err)) {
        reader_close(opened.reader);
        return err_wrap(err, "could not %s recording '%s'", how->depth == DEPTH_FLAME ? "draw" : "judge",
                        path);
    }
    *ret_opened = opened;
    return 0;
}

int opened_open(const char *path, const char *objective, struct opened *ret_opened, struct err *err)
{
    return open_and_judge(path, &(struct how){.depth = DEPTH_VERDICT, .objective = objective}, ret_opened,
                          err);
}

int opened_open_whole(const char *path, const char *objective, struct opened *ret_opened, struct err *err)
{
    return open_and_judge(path, &(struct how){.depth = DEPTH_WHOLE, .objective = objective}, ret_opened, err);
}

int opened_open_flame(const char *path, enum stack_kind kind, struct opened *ret_opened, struct err *err)
{
    return open_and_judge(path, &(struct how){.depth = DEPTH_FLAME, .kind = kind}, ret_opened, err);
}

void opened_close(struct opened *opened)
{
    verdict_deinit(&opened->verdict);
    judged_run_destroy(opened->judged);
    reader_close(opened->reader);
    *opened = (struct opened){0};
}
