/* SPDX-License-Identifier: Apache-2.0 */
#include "store/fingerprint.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"

#define CPUINFO_BYTES 4096 /* the first CPU's part */
#define MODEL_MAX     100

/* The first "key : value" of /proc/cpuinfo, blanks squeezed. */
static bool cpu_field(const char *cpuinfo, const char *key, char *ret_value)
{
    const char *at = strstr(cpuinfo, key);
    if (!at || (at != cpuinfo && at[-1] != '\n'))
        return false;
    at = strchr(at, ':');
    if (!at)
        return false;
    size_t length = 0;
    for (at++; *at && *at != '\n' && length + 1 < MODEL_MAX; at++)
        if (*at != ' ' || (length && ret_value[length - 1] != ' '))
            ret_value[length++] = *at == ',' ? ';' : *at;
    while (length && ret_value[length - 1] == ' ')
        length--;
    ret_value[length] = '\0';
    return length > 0;
}

static void cpu_model(char *ret_model)
{
    static const char *const keys[] = {"model name", "Hardware", "CPU implementer", "uarch", "cpu"};
    char cpuinfo[CPUINFO_BYTES];
    snprintf(ret_model, MODEL_MAX, "CPU of unknown model");
    if (fs_read_small("/proc/cpuinfo", cpuinfo, sizeof cpuinfo) <= 0)
        return;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (cpu_field(cpuinfo, keys[i], ret_model))
            return;
}

static unsigned cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

void fingerprint_of_machine(char ret_text[FINGERPRINT_MAX])
{
    char model[MODEL_MAX];
    struct utsname names;
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    unsigned cpus = cpu_count();
    cpu_model(model);
    int length = snprintf(ret_text, FINGERPRINT_MAX, "%s, %u CPU%s", model, cpus, cpus == 1 ? "" : "s");
    if (pages > 0 && page_bytes > 0) {
        /* Rounded: the kernel keeps a little for itself, more or less of it by version. */
        double gib = (double)pages * (double)page_bytes / 0x1p30;
        length +=
            snprintf(ret_text + length, FINGERPRINT_MAX - (size_t)length, ", %.0f GiB", gib < 1 ? 1 : gib);
    }
    if (uname(&names) == 0)
        snprintf(ret_text + length, FINGERPRINT_MAX - (size_t)length, ", %.40s", names.machine);
}
