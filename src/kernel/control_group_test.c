/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up /proc and /sys: version 2, version 1, and a container that sees a path of its host. */
#include "kernel/control_group.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/str.h"

int control_group_test(void);

/* Makes the folders of a path below the root, then the file. */
static void put(const char *root, const char *path, const char *text)
{
    char file[400];
    snprintf(file, sizeof file, "%s%s", root, path);
    for (char *slash = strchr(file + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(file, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    assert_int_equal(fs_replace(file, text, strlen(text), 0600, NULL), 0);
}

static void root_make(char root[32])
{
    snprintf(root, 32, "/tmp/toll-cgroup-XXXXXX");
    assert_non_null(mkdtemp(root));
}

static void root_remove(const char *root)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

static void the_tightest_quota_on_the_way_up_counts(void **state)
{
    char root[32], folder[320];
    int version = 0;
    (void)state;
    root_make(root);
    put(root, "/proc/7/cgroup", "0::/user.slice/job\n");
    put(root, "/sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
    put(root, "/sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
    const struct cgroup_of of = {.root = root, .pid = 7};
    assert_true(cgroup_folder(&of, "cpu", folder, sizeof folder, &version));
    assert_int_equal(version, 2);
    assert_true(str_ends(folder, "/sys/fs/cgroup/user.slice/job"));
    assert_true(cgroup_cpu_quota(&of) > 1.49 && cgroup_cpu_quota(&of) < 1.51);
    root_remove(root);
}

static void a_controller_of_version_1_has_a_folder_of_its_own(void **state)
{
    char root[32], folder[320];
    int version = 0;
    (void)state;
    root_make(root);
    put(root, "/proc/self/cgroup", "4:memory:/jobs/a\n1:cpu,cpuacct:/\n0::/\n");
    put(root, "/sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes", "1\n");
    const struct cgroup_of of = {.root = root};
    assert_true(cgroup_folder(&of, "memory", folder, sizeof folder, &version));
    assert_int_equal(version, 1);
    assert_true(str_ends(folder, "/sys/fs/cgroup/memory/jobs/a"));
    put(root, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    put(root, "/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_true(cgroup_cpu_quota(&of) > 1.99 && cgroup_cpu_quota(&of) < 2.01);
    assert_true(cgroup_up(&of, folder));
    assert_true(str_ends(folder, "/memory/jobs"));
    assert_true(cgroup_up(&of, folder));
    assert_true(cgroup_up(&of, folder));
    assert_false(cgroup_up(&of, folder));
    root_remove(root);
}

static void a_path_of_the_host_leads_to_the_top_of_the_container(void **state)
{
    char root[32], folder[320];
    int version = 0;
    (void)state;
    root_make(root);
    put(root, "/proc/self/cgroup", "0::/kubepods/pod1/box\n");
    put(root, "/sys/fs/cgroup/cpu.max", "50000 100000\n");
    const struct cgroup_of of = {.root = root};
    assert_true(cgroup_folder(&of, "cpu", folder, sizeof folder, &version));
    assert_true(str_ends(folder, "/sys/fs/cgroup"));
    assert_true(cgroup_cpu_quota(&of) > 0.49 && cgroup_cpu_quota(&of) < 0.51);
    const struct cgroup_of gone = {.root = root, .pid = 99};
    assert_false(cgroup_folder(&gone, "cpu", folder, sizeof folder, &version));
    assert_true(cgroup_cpu_quota(&gone) <= 0);
    root_remove(root);
}

int control_group_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tightest_quota_on_the_way_up_counts),
        cmocka_unit_test(a_controller_of_version_1_has_a_folder_of_its_own),
        cmocka_unit_test(a_path_of_the_host_leads_to_the_top_of_the_container),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
