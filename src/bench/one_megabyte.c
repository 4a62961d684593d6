/* SPDX-License-Identifier: Apache-2.0 */
/* A small static program for spawner_test.c: touches a megabyte, and writes its own peak (VmHWM, in kB) into a file. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char megabyte[1 << 20];

int main(int argc, char **argv)
{
    static char status[8192];
    for (size_t i = 0; i < sizeof megabyte; i += 512)
        ((volatile char *)megabyte)[i] = 1;
    if (argc != 2)
        return 2;
    int from = open("/proc/self/status", O_RDONLY), to = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t got = read(from, status, sizeof status - 1);
    const char *peak = got > 0 ? strstr(status, "VmHWM:") : NULL;
    size_t length = peak ? strcspn(peak, "\n") : 0;
    return length && write(to, peak, length) == (ssize_t)length ? 0 : 1;
}
