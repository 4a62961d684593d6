/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/server_places.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"
#include "codec/json.h"
#include "investigate/path_vote.h"
#include "model/meta.h"
#include "run/recorded_run.h"

#define COMM_MAX 64

struct finder {
    const struct question *question;
    const struct rule_set *rules;
    struct server_places *places;
    struct err *err;
};

/* "nginx[123]": the program and its process. */
static uint64_t server_split(const char *text, char *ret_comm, size_t size)
{
    const char *open = strrchr(text, '[');
    uint64_t pid = 0;
    char digits[24];
    if (open) {
        snprintf(digits, sizeof digits, "%.*s",
                 (int)strcspn(open + 1, "]") < 23 ? (int)strcspn(open + 1, "]") : 23, open + 1);
        if (num_parse_u64(digits, &pid))
            pid = 0;
    }
    snprintf(ret_comm, size, "%.*s", open ? (int)(open - text) : (int)strlen(text), text);
    return pid;
}

/* It still runs, and is the program that it was. */
static bool is_running(uint64_t pid, const char *comm)
{
    char path[64], now[COMM_MAX];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/comm", pid);
    if (!pid || fs_read_small(path, now, sizeof now) <= 0)
        return false;
    now[strcspn(now, "\n")] = '\0';
    return strncmp(now, comm, 15) == 0;
}

static struct server_place *place_new(struct finder *finder, const struct rule_file *rules)
{
    struct server_place place = {.rules = rules, .server = {.product = rules->product}};
    if (finder->places->items.count == SERVER_PLACES_MAX || vec_push(&finder->places->items, place))
        return NULL;
    return &finder->places->items.items[finder->places->items.count - 1];
}

static void place_address(struct server_place *place, const char *address)
{
    for (size_t i = 0; i < place->address_count; i++)
        if (strcmp(place->addresses[i], address) == 0)
            return;
    if (place->address_count < SERVER_ADDRESSES_MAX)
        place->addresses[place->address_count++] = address;
    place->server.address = place->addresses[0];
}

static struct server_place *place_by_pid(struct finder *finder, uint64_t pid)
{
    for (size_t i = 0; pid && i < finder->places->items.count; i++)
        if (finder->places->items.items[i].recorded_pid == pid)
            return &finder->places->items.items[i];
    return NULL;
}

static struct server_place *place_by_address(struct finder *finder, const char *address)
{
    for (size_t i = 0; i < finder->places->items.count; i++)
        for (size_t j = 0; j < finder->places->items.items[i].address_count; j++)
            if (strcmp(finder->places->items.items[i].addresses[j], address) == 0)
                return &finder->places->items.items[i];
    return NULL;
}

/* One that was recorded itself and of which no address is known: a client's address of its product is its. */
static struct server_place *place_recorded(struct finder *finder, const struct rule_file *rules)
{
    for (size_t i = 0; i < finder->places->items.count; i++) {
        struct server_place *place = &finder->places->items.items[i];
        if (place->rules == rules && place->process)
            return place;
    }
    return NULL;
}

/* The command line as it runs; pid 0: it does not any more. */
static int words_now(struct finder *finder, struct server *server)
{
    return settings_words(server->pid, finder->question->arena, &server->words, &server->word_count,
                          finder->err);
}

/* --- servers at the other end of a connection --- */

static int peer_take(struct finder *finder, const struct run_peer *peer)
{
    char comm[COMM_MAX] = "";
    struct server server = {.address = peer->address};
    uint64_t pid = peer->server ? server_split(peer->server, comm, sizeof comm) : 0;
    bool runs = is_running(pid, comm);
    server.pid = runs ? pid : 0;
    int status = runs ? words_now(finder, &server) : 0;
    const char *product = status ? NULL
                                 : settings_product(finder->rules, *comm ? comm : NULL, server.words,
                                                    server.word_count, peer->address);
    if (!product)
        return status;
    const struct rule_file *rules = rules_find(finder->rules, product);
    struct server_place *place = place_by_address(finder, peer->address);
    if (!place)
        place = place_by_pid(finder, pid);
    if (!place && !peer->server && settings_is_local(peer->address))
        place = place_recorded(finder, rules);
    if (!place) {
        place = place_new(finder, rules);
        if (!place)
            return 0;
        place->server = server;
        place->recorded_pid = pid;
        place->server.product = product;
        place->server.process = *comm ? arena_string(finder->question->arena, comm) : NULL;
        place->server.may_ask = settings_is_local(peer->address) && (runs || !peer->server);
        if (!settings_is_local(peer->address))
            place->why_not = SERVER_IS_REMOTE;
        else if (peer->server && !runs)
            place->why_not = SERVER_IS_GONE;
    }
    place_address(place, peer->address);
    return 0;
}

static int peers_take(struct finder *finder)
{
    const struct run *run = finder->question->opened->run;
    int status = 0;
    for (size_t i = 0; i < run->peers.count && !status; i++) {
        const struct run_peer *peer = &run->peers.items[i];
        if (peer->kind == PEER_SOCKET && peer->address && *peer->address)
            status = peer_take(finder, peer);
    }
    return status;
}

/* --- servers that were recorded --- */

/* A server's first process: its children are its workers. */
static bool is_first(const struct run *run, const struct run_track *track)
{
    if (track->kind != TRACK_PROCESS || !track->present || !track->name)
        return false;
    const struct run_track *parent = track->parent == RUN_NONE ? NULL : &run->tracks.items[track->parent];
    if (parent && parent->process != RUN_NONE)
        parent = &run->tracks.items[parent->process];
    return !parent || !parent->name || strcmp(parent->name, track->name) != 0;
}

struct command_search {
    const struct view *view;
    uint64_t track;
    const char *json; /* of its arguments; NULL */
};

static int command_look(void *context, const struct batch *batch, struct err *err)
{
    struct command_search *search = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++)
        if (batch->columns[COLUMN(attr, owner_table)][i] == TABLE_TRACK &&
            batch->columns[COLUMN(attr, owner)][i] == search->track &&
            strcmp(view_text(search->view, batch->columns[COLUMN(attr, key)][i]), ATTR_COMMAND) == 0)
            search->json = view_text(search->view, batch->columns[COLUMN(attr, value)][i]);
    return 0;
}

/* The command line as it was recorded. */
static int words_then(struct finder *finder, uint64_t track, struct server *server)
{
    struct command_search search = {.view = finder->question->opened->run->view, .track = track};
    struct json_value *root = NULL;
    struct err ignored;
    int status = view_scan_all(search.view, TABLE_ATTR, command_look, &search, finder->err);
    if (status || !search.json ||
        json_read_text(search.json, strlen(search.json), "command", &root, &ignored))
        return status;
    size_t count = num_min(json_count(root), SETTINGS_WORDS_MAX);
    const char **words = arena_alloc(finder->question->arena, (count + 1) * sizeof *words);
    for (size_t i = 0; words && i < count; i++) {
        const char *text;
        if (json_find_text(json_item(root, i), NULL, &text))
            words[server->word_count++] = arena_string(finder->question->arena, text);
    }
    server->words = words;
    json_free(root);
    return words ? 0 : err_memory(finder->err);
}

static int track_take(struct finder *finder, const struct run_track *track)
{
    struct server server = {.process = track->name};
    const char *product = settings_product(finder->rules, track->name, NULL, 0, NULL);
    bool runs = is_running(track->pid, track->name);
    int status = 0;
    /* An interpreter's program is in its arguments. */
    if (!product && strcmp(track->name, "java") == 0) {
        status = words_then(finder, track->id, &server);
        product = settings_product(finder->rules, track->name, server.words, server.word_count, NULL);
    }
    if (status || !product)
        return status;
    server.pid = runs ? track->pid : 0;
    server.product = product;
    server.may_ask = runs;
    server.word_count = 0;
    status = runs ? words_now(finder, &server) : words_then(finder, track->id, &server);
    struct server_place *place = status ? NULL : place_new(finder, rules_find(finder->rules, product));
    if (!place)
        return status;
    place->server = server;
    place->recorded_pid = track->pid;
    place->process = track->name;
    if (!runs)
        place->why_not = SERVER_IS_GONE;
    return 0;
}

static int tracks_take(struct finder *finder)
{
    const struct run *run = finder->question->opened->run;
    int status = 0;
    for (size_t i = 0; i < run->tracks.count && !status; i++)
        if (is_first(run, &run->tracks.items[i]))
            status = track_take(finder, &run->tracks.items[i]);
    return status;
}

static const struct run_track *process_of(const struct run *run, uint64_t id)
{
    if (!id || id > run->tracks.count)
        return NULL;
    const struct run_track *track = &run->tracks.items[id - 1];
    return track->process == RUN_NONE ? track : &run->tracks.items[track->process];
}

static const char *port_of(const char *address)
{
    const char *colon = address ? strrchr(address, ':') : NULL;
    return colon ? colon + 1 : NULL;
}

/* It listens there: clients' addresses with that port are its. */
static void place_listens(struct finder *finder, struct server_place *place, const char *port)
{
    const struct run *run = finder->question->opened->run;
    for (size_t i = 0; i < place->port_count; i++)
        if (strcmp(place->ports[i], port) == 0)
            return;
    if (place->port_count == SERVER_ADDRESSES_MAX)
        return;
    place->ports[place->port_count++] = port;
    for (size_t i = 0; i < run->peers.count; i++) {
        const char *client = port_of(run->peers.items[i].address);
        if (client && strcmp(client, port) == 0 && settings_is_local(run->peers.items[i].address))
            place_address(place, run->peers.items[i].address);
    }
    /* Its clients were not recorded: it listens on this machine, too. */
    const char *address =
        place->address_count ? NULL : arena_printf(finder->question->arena, "127.0.0.1:%s", port);
    if (address)
        place_address(place, address);
}

/* Rows of operation accept say who listens where. */
static int accept_look(void *context, const struct batch *batch, struct err *err)
{
    struct finder *finder = context;
    const struct run *run = finder->question->opened->run;
    (void)err;
    for (size_t row = 0; row < batch->row_count; row++) {
        uint64_t at = batch->columns[COLUMN(io, peer)][row];
        if (batch->columns[COLUMN(io, operation)][row] != IO_ACCEPT || !at || at > run->peers.count)
            continue;
        const struct run_track *process = process_of(run, batch->columns[COLUMN(io, track)][row]);
        const char *port = port_of(run->peers.items[at - 1].address);
        for (size_t i = 0; process && port && i < finder->places->items.count; i++) {
            struct server_place *place = &finder->places->items.items[i];
            if (place->process && process->name && strcmp(place->process, process->name) == 0)
                place_listens(finder, place, port);
        }
    }
    return 0;
}

static int accepts_take(struct finder *finder)
{
    struct view_query query = {.table = TABLE_IO,
                               .column_mask = 1u << COLUMN(io, track) | 1u << COLUMN(io, peer) |
                                              1u << COLUMN(io, operation),
                               .range_column = COLUMN(io, operation),
                               .low = IO_ACCEPT,
                               .high = IO_ACCEPT};
    if (!finder->places->items.count)
        return 0;
    return view_scan(finder->question->opened->run->view, &query, accept_look, finder, finder->err);
}

/* --- shares --- */

static bool is_at(const struct server_place *place, const struct where *where)
{
    if (place->process && where->process && strcmp(place->process, where->process) == 0)
        return true;
    for (size_t i = 0; where->peer && i < place->address_count; i++)
        if (strcmp(place->addresses[i], where->peer) == 0)
            return true;
    return false;
}

double path_share_doing(const struct verdict *verdict, uint32_t doings)
{
    const struct service *service = verdict->service;
    const struct path_entry *path = service ? service->path_p50 : verdict->path;
    size_t count = service ? service->path_p50_count : verdict->path_count;
    double share = 0;
    for (size_t i = 0; i < count; i++)
        if ((doings & (1u << (path[i].doing + 1))) &&
            !(path[i].doing == WAIT_NETWORK && settings_is_local(path[i].where.peer)))
            share += path[i].ratio;
    return share < 1 ? share : 1;
}

/* Of the window, the part in which the server used a core, summed over cores; -1: nobody looked. */
static double cores_used(const struct run *run, const struct server_place *place)
{
    char name[96];
    double used_ns = 0;
    bool is_known = false;
    snprintf(name, sizeof name, "%.63s[%" PRIu64 "]", place->server.process ? place->server.process : "",
             place->recorded_pid);
    for (size_t i = 0; i < run->servers.count; i++) {
        const struct run_server *server = &run->servers.items[i];
        if (strcmp(server->name, name) != 0)
            continue;
        is_known = true;
        for (size_t j = 1; j < server->points.count; j++)
            used_ns += server->points.items[j].value *
                       (double)(server->points.items[j].time_ns - server->points.items[j - 1].time_ns);
    }
    return !is_known ? -1 : run->end_ns > run->start_ns ? used_ns / (double)(run->end_ns - run->start_ns) : 0;
}

double server_place_share(const struct verdict *verdict, const struct server_place *place, uint32_t doings)
{
    const struct service *service = verdict->service;
    const struct path_entry *path = service ? service->path_p50 : verdict->path;
    size_t count = service ? service->path_p50_count : verdict->path_count;
    double share = 0;
    if (service && !count)
        return place->share;
    for (size_t i = 0; i < count; i++) {
        bool is_inside =
            place->process && path[i].where.process && strcmp(place->process, path[i].where.process) == 0;
        if (is_at(place, &path[i].where) && (!is_inside || (doings & (1u << (path[i].doing + 1)))))
            share += path[i].ratio;
    }
    return share < place->share ? share : place->share;
}

/* Of a service whose requests cannot be told apart: how busy what it has of the server is. */
static double resource_share(const struct service *service, const struct server_place *place)
{
    double share = 0;
    for (size_t i = 0; i < service->resource_count; i++) {
        const struct service_resource *resource = &service->resources[i];
        const struct where where = {.process = resource->process ? resource->process : resource->name,
                                    .peer = resource->name};
        if (is_at(place, &where) && resource->utilisation_ratio > share)
            share = resource->utilisation_ratio;
    }
    return share;
}

static int share_find(struct finder *finder, struct server_place *place)
{
    const struct verdict *verdict = &finder->question->opened->verdict;
    const struct service *service = verdict->service;
    const struct path_entry *path = service ? service->path_p50 : verdict->path;
    size_t count = service ? service->path_p50_count : verdict->path_count;
    double inside = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_at(place, &path[i].where))
            continue;
        place->share += path[i].ratio;
        inside +=
            place->process && path[i].where.process && strcmp(place->process, path[i].where.process) == 0
                ? path[i].ratio
                : 0;
        if (service || place->row_count == SERVER_ROWS_MAX)
            continue;
        place->rows[place->row_count] = arena_printf(finder->question->arena, "path %zu", i);
        if (!place->rows[place->row_count++])
            return err_memory(finder->err);
    }
    /* A place is told by one name, which other investigators find on the path as well. */
    if (place->process && (inside >= place->share / 2 || !place->where.peer))
        place->where.peer = NULL;
    else
        place->where.process = NULL;
    if (service && !service->path_p50_count)
        place->share = resource_share(service, place);
    place->cores_used = cores_used(finder->question->opened->run, place);
    double queued = path_share_doing(verdict, 1u << (WAIT_CPU_QUEUE + 1));
    place->share += place->cores_used < 0 ? 0 : queued < place->cores_used ? queued : place->cores_used;
    if (place->share > 1)
        place->share = 1;
    place->factor_max = path_factor_max(place->share);
    return 0;
}

static int place_finish(struct finder *finder, struct server_place *place)
{
    struct arena *arena = finder->question->arena;
    place->where.peer = place->server.address;
    place->where.process = place->process;
    place->name = arena_printf(arena, "%s%s%s", place->rules->title, place->server.address ? " at " : "",
                               place->server.address ? place->server.address : "");
    if (!place->name)
        return err_memory(finder->err);
    if (finder->places->is_elsewhere) {
        place->why_not = SERVER_WAS_ELSEWHERE;
        place->server.may_ask = false;
        place->server.pid = 0;
        place->server.word_count = 0;
    }
    return share_find(finder, place);
}

int server_places_find(const struct question *question, const struct rule_set *rules,
                       struct server_places *ret_places, struct err *err)
{
    struct server_places places = {0};
    struct finder finder = {.question = question, .rules = rules, .places = &places, .err = err};
    char host[256] = "";
    const char *recorded = view_meta(question->opened->run->view, META_HOST);
    places.is_elsewhere = recorded && !gethostname(host, sizeof host - 1) && strcmp(recorded, host) != 0;
    int status = tracks_take(&finder);
    if (!status)
        status = accepts_take(&finder);
    if (!status)
        status = peers_take(&finder);
    for (size_t i = 0; i < places.items.count && !status; i++)
        status = place_finish(&finder, &places.items.items[i]);
    if (status)
        server_places_free(&places);
    else
        *ret_places = places;
    return status;
}

void server_places_free(struct server_places *places)
{
    vec_free(&places->items);
}

const struct server_place *server_places_at(const struct server_places *places, const struct where *where)
{
    for (size_t i = 0; i < places->items.count; i++)
        if (is_at(&places->items.items[i], where))
            return &places->items.items[i];
    return NULL;
}
