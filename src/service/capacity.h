/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capacity: what each request needs of each resource, and which is used up first.
 *
 * The utilisation law (Denning and Buzen, The Operational Analysis of Queueing Network Models, 1978): a resource of m
 * servers that is in use U of the time while X requests a second pass needs D = U / X of each server a request, and X
 * cannot exceed 1 / D of any. Resources contain each other: a worker holds a request while that queues for a lock, a
 * connection, a core. Time spent queueing for another resource is no use of the one that is held, so it is taken out,
 * and the resource with the largest U that is left is the one that saturates first. Pure.
 */
#ifndef TOLL_SERVICE_CAPACITY_H
#define TOLL_SERVICE_CAPACITY_H

#include "service/tiers.h"

/* A resource in use for more than this part of the time is saturated. */
#define SATURATED_RATIO 0.8

enum resource_kind {
    RESOURCE_LOCK,
    RESOURCE_CONNECTIONS,
    RESOURCE_DEVICE,
    RESOURCE_CORES,
    RESOURCE_PEER,
    RESOURCE_WORKERS
};

struct resource {
    enum resource_kind kind;
    uint32_t tier, link, lock; /* what it is of; TIER_NONE */
    enum wait_reason reason;   /* of a device */
    double servers;
    double use_ratio; /* queueing elsewhere taken out */
};

struct capacity {
    const struct tiers *tiers;
    uint32_t entry;             /* the tier that clients outside the recording talk to; TIER_NONE */
    uint32_t serving;           /* the first one behind it with a worker for each request; TIER_NONE */
    const char *request_source; /* as in struct service */
    double requests_per_s;
    double request_count;
    double queue_count;
    double cores;                   /* that the recorded programs can have */
    double cores_used;              /* by the recorded programs */
    bool cores_short;               /* queueing for a core is queueing for the cores of one's own */
    VEC(struct resource) resources; /* by use, largest first */
    uint32_t limit;                 /* the resource that is used up first; TIER_NONE: the load is the limit */
};

WARN_UNUSED int capacity_find(const struct tiers *tiers, struct capacity *ret_capacity, struct err *err);
void capacity_free(struct capacity *capacity);

/* Of the time that a tier's workers are busy, the part they queue for locks, pools and (when short) cores. */
double capacity_queueing_ratio(const struct capacity *capacity, uint32_t tier);
/* CPU time of a tier a request, in seconds. */
double capacity_cpu_s(const struct capacity *capacity, uint32_t tier);
/* "workers", "lock" … as in reports. */
const char *resource_kind_name(enum resource_kind kind);

#endif
