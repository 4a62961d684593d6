/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/deployment.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "diagnose/technology.h"

#define DAY_NS (86400 * NS_PER_S)

/* What a sign is seen by: the text that it says, NULL when it is not there. */
struct sign_rule {
    int weight;
    const char *(*seen)(const struct deployment_evidence *, const char *argument);
    const char *argument;
};

/* argument: values of the variables that say what a process is for */
static const char *variable_seen(const struct deployment_evidence *evidence, const char *argument)
{
    for (size_t i = 0; evidence->process && i < evidence->process->variable_count; i++) {
        const struct process_variable *variable = &evidence->process->variables[i];
        if (!str_ends(variable->name, "DEBUG") && technology_matches(argument, variable->value))
            return arena_printf(evidence->arena, "%s=%.40s", variable->name, variable->value);
    }
    return NULL;
}

/* argument: values of the variables that switch debugging on */
static const char *debug_seen(const struct deployment_evidence *evidence, const char *argument)
{
    for (size_t i = 0; evidence->process && i < evidence->process->variable_count; i++) {
        const struct process_variable *variable = &evidence->process->variables[i];
        if (str_ends(variable->name, "DEBUG") && technology_matches(argument, variable->value))
            return arena_printf(evidence->arena, "%s=%.40s", variable->name, variable->value);
    }
    return NULL;
}

static const char *word_seen(const struct deployment_evidence *evidence, const char *argument)
{
    for (size_t i = 0; evidence->process && i < evidence->process->word_count; i++)
        if (technology_matches(argument, evidence->process->words[i]))
            return arena_printf(evidence->arena, "'%.40s' in its command line", evidence->process->words[i]);
    return NULL;
}

static const char *library_seen(const struct deployment_evidence *evidence, const char *argument)
{
    for (size_t i = 0; evidence->process && i < evidence->process->library_count; i++)
        if (technology_matches(argument, evidence->process->libraries[i]))
            return arena_printf(evidence->arena, "built with a sanitizer (%s)",
                                evidence->process->libraries[i]);
    return NULL;
}

static const char *group_seen(const struct deployment_evidence *evidence, const char *argument)
{
    for (const char *at = argument; evidence->process && *at; at += *at == '|') {
        char part[32];
        size_t length = strcspn(at, "|");
        snprintf(part, sizeof part, "%.*s", (int)length, at);
        at += length;
        if (strstr(evidence->process->group, part))
            return arena_printf(evidence->arena, "runs in control group '…%s…'", part);
    }
    return NULL;
}

static const char *terminal_seen(const struct deployment_evidence *evidence, const char *argument)
{
    (void)argument;
    return evidence->row && evidence->row->has_terminal ? "started from a terminal" : NULL;
}

/* Started by init or a supervisor, not by a person's shell. */
static const char *parent_seen(const struct deployment_evidence *evidence, const char *argument)
{
    const struct process_row *parent =
        evidence->row ? process_find(evidence->processes, evidence->row->parent_pid) : NULL;
    if (!parent || !technology_matches(argument, parent->name))
        return NULL;
    return arena_printf(evidence->arena, "started by %s", parent->name);
}

static const char *folder_seen(const struct deployment_evidence *evidence, const char *argument)
{
    const char *folder = evidence->process ? evidence->process->folder : "";
    for (const char *at = argument; *at; at += *at == '|') {
        char part[32];
        size_t length = strcspn(at, "|");
        snprintf(part, sizeof part, "%.*s", (int)length, at);
        at += length;
        if (str_starts(folder, part))
            return arena_printf(evidence->arena, "works in %.80s", folder);
    }
    return NULL;
}

static const char *checkout_seen(const struct deployment_evidence *evidence, const char *argument)
{
    char path[600];
    const char *folder = evidence->folder    ? evidence->folder
                         : evidence->process ? evidence->process->folder
                                             : "";
    if (!*folder)
        return NULL;
    snprintf(path, sizeof path, "%s%s/%s", evidence->folder ? "" : evidence->root, folder, argument);
    return access(path, F_OK) == 0 ? "a git checkout" : NULL;
}

static const char *sources_seen(const struct deployment_evidence *evidence, const char *argument)
{
    (void)argument;
    return evidence->folder ? "a folder: what is started from it is one's own" : NULL;
}

static const char *service_user_seen(const struct deployment_evidence *evidence, const char *argument)
{
    (void)argument;
    if (!evidence->process || evidence->process->user == 0 || evidence->process->user >= 1000)
        return NULL;
    return arena_printf(evidence->arena, "runs as a service's user (%u)", (unsigned)evidence->process->user);
}

/* argument "open": a port for other machines; "local": none but for this one */
static const char *port_seen(const struct deployment_evidence *evidence, const char *argument)
{
    unsigned open_port = 0, local_port = 0;
    for (size_t i = 0; evidence->process && evidence->listeners && i < evidence->listeners->items.count;
         i++) {
        const struct listener *at = &evidence->listeners->items.items[i];
        if (!at->pid || !process_is_below(evidence->processes, at->pid, evidence->process->pid))
            continue;
        if (at->is_local)
            local_port = at->port;
        else
            open_port = at->port;
    }
    if (strcmp(argument, "open") == 0)
        return open_port ? arena_printf(evidence->arena, "serves other machines on port %u", open_port)
                         : NULL;
    return local_port && !open_port
               ? arena_printf(evidence->arena, "listens only for this machine (port %u)", local_port)
               : NULL;
}

static const char *uptime_seen(const struct deployment_evidence *evidence, const char *argument)
{
    (void)argument;
    if (evidence->uptime_ns < DAY_NS)
        return NULL;
    return arena_printf(evidence->arena, "has run for %llu days",
                        (unsigned long long)(evidence->uptime_ns / DAY_NS));
}

static const char *container_seen(const struct deployment_evidence *evidence, const char *argument)
{
    (void)argument;
    char text[64];
    char path[320];
    snprintf(path, sizeof path, "%s/run/secrets/kubernetes.io/serviceaccount/namespace", evidence->root);
    return fs_read_small(path, text, sizeof text) > 0 ? "a Kubernetes pod" : NULL;
}

static const struct sign_rule sign_rules[] = {
    {4, variable_seen, "production|prod|release|*.production|*prod|live"},
    {-4, variable_seen, "development|dev|debug|test|testing|local|*.development|*.dev|*.local"},
    {-2, debug_seen, "1|true|True|yes|on|*"},
    {-4, word_seen,
     "runserver|--reload|--inspect*|--debug|nodemon|webpack-dev-server|next-dev|-agentlib:jdwp*|debugpy|pdb|-"
     "-watch|--hot"},
    {2, word_seen, "--daemon|--no-debug|-server|--nodaemon|--prod|--production"},
    {-3, library_seen, "libasan*|libtsan*|libubsan*"},
    {3, group_seen, "/system.slice/|kubepods|/ecs/|.service"},
    {2, group_seen, "docker|containerd|crio"},
    {2, container_seen, ""},
    {-2, terminal_seen, ""},
    {2, parent_seen, "systemd|init|supervisord|runsv|s6-supervise|tini|dumb-init|containerd-shim*"},
    {-2, parent_seen, "bash|zsh|fish|sh|tmux*|screen|code|idea|make|npm*|nodemon"},
    {2, folder_seen, "/srv|/opt|/var/lib|/var/www"},
    {-1, folder_seen, "/home/|/tmp|/root"},
    {-2, checkout_seen, ".git"},
    {-2, sources_seen, ""},
    {2, service_user_seen, ""},
    {2, port_seen, "open"},
    {-1, port_seen, "local"},
    {1, uptime_seen, ""},
};

void deployment_judge(const struct deployment_evidence *evidence, struct deployment *ret_deployment)
{
    struct deployment deployment = {0};
    for (size_t i = 0; i < sizeof sign_rules / sizeof sign_rules[0]; i++) {
        const char *says = sign_rules[i].seen(evidence, sign_rules[i].argument);
        if (!says || deployment.sign_count == DEPLOYMENT_SIGN_MAX)
            continue;
        deployment.signs[deployment.sign_count++] = (struct deployment_sign){says, sign_rules[i].weight};
        deployment.weight += sign_rules[i].weight;
    }
    if (deployment.weight >= DEPLOYMENT_SURE)
        deployment.kind = DEPLOYMENT_PRODUCTION;
    else if (deployment.weight <= -DEPLOYMENT_SURE)
        deployment.kind = DEPLOYMENT_DEVELOPMENT;
    *ret_deployment = deployment;
}

const char *deployment_name(enum deployment_kind kind)
{
    static const char *const names[] = {"unknown", "production", "development"};
    return names[kind];
}
