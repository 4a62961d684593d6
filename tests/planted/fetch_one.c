/* SPDX-License-Identifier: Apache-2.0 */
/* One child of serial_children.sh: fetches one document from the peer and prints its token. */
#include "tcp.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: fetch_one PORT DOCUMENT\n");
        return 2;
    }
    int fd = tcp_open(argv[1]);

    printf("%016llx\n", (unsigned long long)tcp_ask(fd, strtoull(argv[2], NULL, 10)));
    close(fd);
    return 0;
}
