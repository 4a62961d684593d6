/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_seek.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_NS (2 * NS_PER_MS)
#define LIBRARY_NS                                                                                           \
    (100 * NS_PER_MS) /* a program of another name may have the interpreter as a library by then */
#define LAST_NS (10 * NS_PER_S)

/* Listing all that a process has mapped costs more than asking for the name of its program. */
static bool is_worth_it(uint32_t pid, uint64_t age_ns)
{
    char link[64], target[512];

    if (age_ns >= LIBRARY_NS)
        return true;
    snprintf(link, sizeof link, "/proc/%u/exe", pid);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return python_is_interpreter(target);
}

bool python_seek_tick(struct python *python, uint32_t pid, uint64_t now_ns, struct python_seek *seek)
{
    if (seek->is_over || now_ns < seek->due_ns)
        return python_known(python, pid) != NULL;
    if (!seek->first_ns)
        seek->first_ns = now_ns;
    uint64_t age_ns = now_ns - seek->first_ns;
    bool is_worth = is_worth_it(pid, age_ns);
    bool is_found = is_worth && python_look(python, pid);
    seek->is_over = is_found || age_ns >= LAST_NS;
    seek->due_ns = now_ns + FIRST_NS + age_ns;
    if (!is_worth) /* of the program that it was before */
        python_forget(python, pid, UINT64_MAX);
    return is_found;
}
