/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/examine.h"

#include <stdbool.h>

#include "record/machine.h"

int ops_examine(struct examined *ret_examined, struct err *err)
{
    struct doctor_fact seen[DOCTOR_FACT_MAX];
    struct examined examined = {.count = doctor_look(seen)};
    examined.rung = doctor_rung(seen, examined.count);
    struct examined_fact *facts = arena_alloc(&examined.arena, DOCTOR_FACT_MAX * sizeof *facts);
    bool failed = !facts;
    for (size_t i = 0; i < examined.count && !failed; i++) {
        facts[i] = (struct examined_fact){
            .name = seen[i].name,
            .state = doctor_state_name(seen[i].state),
            .found = arena_string(&examined.arena, seen[i].found),
            .lost = arena_string(&examined.arena, seen[i].lost),
            .command = arena_string(&examined.arena, seen[i].command),
        };
        failed = !facts[i].found || !facts[i].lost || !facts[i].command;
    }
    examined.facts = facts;
    if (failed) {
        examined_deinit(&examined);
        return err_memory(err);
    }
    *ret_examined = examined;
    return 0;
}

void examined_deinit(struct examined *examined)
{
    arena_free(&examined->arena);
}
