/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fingerprint: what kind of machine measured. Results of one kind may stand in one series; of two, a change says nothing.
 *
 * It is for people too: "AMD EPYC 7B13, 2 CPUs, 24 GiB, x86_64". Not part of it are the host's name and id: each job of a CI
 * service has a machine of its own.
 */
#ifndef TOLL_STORE_FINGERPRINT_H
#define TOLL_STORE_FINGERPRINT_H

#include <stddef.h>

#define FINGERPRINT_MAX 200

/* Of this machine, as many CPUs as this process may use. Never fails: what is not known is left out. */
void fingerprint_of_machine(char ret_text[FINGERPRINT_MAX]);

#endif
