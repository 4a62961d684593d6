/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/opened.h"

#include "judge/verdict.h"

static int judge_reader(struct opened *opened, const char *objective, bool is_whole, struct err *err)
{
    const struct view *view = reader_view(opened->reader);
    if (!is_whole)
        return analyze_verdict_for(view, objective, &opened->verdict, err);
    int status = analyze_verdict_keep(view, objective, &opened->verdict, &opened->judged, err);
    if (status)
        return status;
    opened->run = &opened->judged->run;
    opened->whatif = opened->judged->has_whatif ? &opened->judged->whatif : NULL;
    return 0;
}

static int open_and_judge(const char *path, const char *objective, bool is_whole, struct opened *ret_opened,
                          struct err *err)
{
    struct opened opened = {0};
    int status = reader_open(path, &opened.reader, err);
    if (status)
        return status;
    if (judge_reader(&opened, objective, is_whole, err)) {
        reader_close(opened.reader);
        return err_wrap(err, "could not judge recording '%s'", path);
    }
    *ret_opened = opened;
    return 0;
}

int opened_open(const char *path, const char *objective, struct opened *ret_opened, struct err *err)
{
    return open_and_judge(path, objective, false, ret_opened, err);
}

int opened_open_whole(const char *path, const char *objective, struct opened *ret_opened, struct err *err)
{
    return open_and_judge(path, objective, true, ret_opened, err);
}

void opened_close(struct opened *opened)
{
    verdict_deinit(&opened->verdict);
    judged_run_destroy(opened->judged);
    reader_close(opened->reader);
    *opened = (struct opened){0};
}
