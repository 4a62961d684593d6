/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client_postgres.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/num.h"
#include "base/str.h"
#include "codec/json.h"

#define DATABASES_MAX  16
#define PARAMETERS_MAX 16
#define PLAN_DEPTH_MAX 64
#define NAMES_MAX      64 /* of functions in a plan */
#define STATEMENT_NAME "toll_statement"

struct asking {
    struct arena *arena;
    const char *host, *port;
    bool is_unix;
    PGconn *connection;
    struct postgres_facts *facts;
    bool has_no_memory;
};

static const char *keep(struct asking *asking, const char *text)
{
    const char *copy = text ? arena_string(asking->arena, text) : NULL;
    asking->has_no_memory = asking->has_no_memory || (text && !copy);
    return copy;
}

/* One line of what the server or the library said. */
static const char *keep_line(struct asking *asking, const char *text)
{
    size_t length = strcspn(text, "\n");
    const char *copy = arena_copy(asking->arena, text, length);
    asking->has_no_memory = asking->has_no_memory || !copy;
    return copy;
}

/* --- connecting --- */

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* Host and port of a peer's address; false when it is not on this machine. */
static bool read_address(struct asking *asking, const char *address)
{
    const char *socket = strstr(address, "/.s.PGSQL.");
    if (*address == '/' && socket) {
        asking->host = arena_copy(asking->arena, address, (size_t)(socket - address));
        asking->port = keep(asking, socket + strlen("/.s.PGSQL."));
        asking->is_unix = true;
        return asking->host && asking->port;
    }
    const char *colon = strrchr(address, ':');
    if (!colon || !colon[1])
        return false;
    bool is_bracketed = *address == '[' && colon > address + 1 && colon[-1] == ']';
    const char *start = address + is_bracketed;
    asking->host = arena_copy(asking->arena, start, (size_t)(colon - start) - is_bracketed);
    asking->port = keep(asking, colon + 1);
    return asking->host && asking->port && is_loopback(asking->host);
}

static void disconnect(struct asking *asking)
{
    PQfinish(asking->connection);
    asking->connection = NULL;
}

static PGresult *query(struct asking *asking, const char *sql)
{
    return PQexec(asking->connection, sql);
}

static bool run(struct asking *asking, const char *sql)
{
    PGresult *result = query(asking, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* False, and why in the facts, when the server does not let us. */
static bool connect_to(struct asking *asking, const char *database)
{
    const char *const names[] = {"host", "hostaddr", "port", "dbname", "connect_timeout", "application_name",
                                 NULL};
    const char *const values[] = {
        asking->host, asking->is_unix ? NULL : asking->host, asking->port, database, "2", "toll", NULL};
    disconnect(asking);
    /* libpq takes it for the address even where the host is a socket's folder. */
    if (asking->is_unix && getenv("PGHOSTADDR")) {
        asking->facts->why_not = "PGHOSTADDR is set, which leads away from its socket";
        return false;
    }
    asking->connection = PQconnectdbParams(names, values, 0);
    if (PQstatus(asking->connection) != CONNECTION_OK) {
        asking->facts->why_not = keep_line(asking, PQerrorMessage(asking->connection));
        disconnect(asking);
        return false;
    }
    /* Whatever it is asked from now on cannot write and does not last. */
    if (run(asking,
            "SET default_transaction_read_only = on; SET statement_timeout = 2000; SET lock_timeout = 500"))
        return true;
    asking->facts->why_not = keep_line(asking, PQerrorMessage(asking->connection));
    disconnect(asking);
    return false;
}

static const char *text_at(PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

static uint64_t count_at(PGresult *result, int row, int column)
{
    const char *text = text_at(result, row, column);
    return text ? strtoull(text, NULL, 10) : 0;
}

static double number_at(PGresult *result, int row, int column)
{
    const char *text = text_at(result, row, column);
    return text ? strtod(text, NULL) : 0;
}

/* --- statements --- */

/* Blanks and line ends become one blank. */
static const char *keep_statement(struct asking *asking, const char *text)
{
    struct str line = {0};
    for (; *text; text++) {
        bool is_blank = isspace((unsigned char)*text) != 0;
        if (!is_blank)
            str_append_bytes(&line, text, 1);
        else if (line.length && line.text[line.length - 1] != ' ')
            str_append(&line, " ");
    }
    const char *copy = line.failed ? NULL : keep(asking, str_text(&line));
    asking->has_no_memory = asking->has_no_memory || line.failed;
    str_free(&line);
    return copy ? copy : "";
}

static bool starts_with_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    return strncasecmp(text, word, length) == 0 && !isalnum((unsigned char)text[length]);
}

static void read_statements(struct asking *asking, PGresult *result)
{
    struct postgres_facts *facts = asking->facts;
    for (int row = 0; row < PQntuples(result); row++) {
        const char *text = text_at(result, row, 1);
        if (!text || strstr(text, "<insufficient privilege>"))
            continue;
        if (facts->statement_count >= POSTGRES_STATEMENTS_MAX)
            continue;
        facts->statements[facts->statement_count++] =
            (struct postgres_statement){.database = keep(asking, text_at(result, row, 0)),
                                        .text = keep_statement(asking, text),
                                        .calls = count_at(result, row, 2),
                                        .rows = count_at(result, row, 3),
                                        .total_ms = number_at(result, row, 4),
                                        .mean_ms = number_at(result, row, 5),
                                        .is_select = starts_with_word(text, "SELECT")};
    }
}

/* The most called ones and those that took longest in all; older versions name the times differently. */
static bool ask_statements(struct asking *asking, const char *schema)
{
    static const char *const times[][2] = {{"total_exec_time", "mean_exec_time"},
                                           {"total_time", "mean_time"}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const char *sql = arena_printf(
            asking->arena,
            "SELECT datname, query, calls, rows, total_ms, mean_ms FROM (SELECT d.datname, left(s.query, "
            "4000) AS query,"
            " s.calls, s.rows, s.%s AS total_ms, s.%s AS mean_ms, row_number() OVER (ORDER BY s.calls DESC) "
            "AS by_calls,"
            " row_number() OVER (ORDER BY s.%s DESC) AS by_time FROM %s.pg_stat_statements s JOIN "
            "pg_database d ON d.oid ="
            " s.dbid WHERE s.query !~* "
            "'pg_stat_|pg_catalog|pg_extension|pg_database|toll_statement|^(SET|SHOW|EXPLAIN)') AS ranked"
            " WHERE by_calls <= 6 OR by_time <= 6 ORDER BY calls DESC",
            times[i][0], times[i][1], times[i][0], schema);
        if (!sql)
            return false;
        PGresult *result = query(asking, sql);
        bool is_there = PQresultStatus(result) == PGRES_TUPLES_OK;
        if (is_there)
            read_statements(asking, result);
        else
            asking->facts->why_no_statements = keep_line(asking, PQerrorMessage(asking->connection));
        PQclear(result);
        if (is_there) {
            asking->facts->why_no_statements = NULL;
            return true;
        }
    }
    return false;
}

/* Transactions that were begun by name; a statement outside of one is one by itself. */
static void ask_transactions(struct asking *asking, const char *schema)
{
    const char *sql = arena_printf(asking->arena,
                                   "SELECT coalesce(sum(calls), 0)::bigint FROM %s.pg_stat_statements WHERE"
                                   " query ~* '^\\s*(BEGIN|START)'",
                                   schema);
    PGresult *result = sql ? query(asking, sql) : NULL;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result))
        asking->facts->begin_calls = count_at(result, 0, 0);
    PQclear(result);
}

/* The schema of the extension in the database we are connected to; NULL when it is not there. */
static const char *extension_schema(struct asking *asking)
{
    PGresult *result =
        query(asking, "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid ="
                      " e.extnamespace WHERE e.extname = 'pg_stat_statements'");
    const char *schema = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result)
                             ? keep(asking, text_at(result, 0, 0))
                             : NULL;
    PQclear(result);
    return schema;
}

static const char *setting(struct asking *asking, const char *name)
{
    PGresult *result = query(asking, arena_printf(asking->arena, "SHOW %s", name));
    const char *value = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result)
                            ? keep(asking, text_at(result, 0, 0))
                            : NULL;
    PQclear(result);
    return value;
}

/* The extension counts for all databases, and can be made in any of them. */
static void find_statements(struct asking *asking)
{
    PGresult *result =
        query(asking, "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
                      " ORDER BY datname <> current_database(), datname LIMIT 16");
    bool is_found = false;
    for (int row = 0; row < PQntuples(result) && row < DATABASES_MAX && !is_found; row++) {
        if (row && !connect_to(asking, text_at(result, row, 0)))
            continue;
        const char *schema = extension_schema(asking);
        is_found = schema && ask_statements(asking, schema);
        if (is_found)
            ask_transactions(asking, schema);
    }
    PQclear(result);
    asking->facts->why_not = NULL; /* of one of several databases */
    if (!is_found && !asking->facts->why_no_statements)
        asking->facts->why_no_statements =
            "pg_stat_statements is in none of its databases (shared_preload_libraries = "
            "'pg_stat_statements', then CREATE EXTENSION pg_stat_statements)";
}

static const struct postgres_statement *slowest_select(const struct postgres_facts *facts)
{
    const struct postgres_statement *slowest = NULL;
    for (size_t i = 0; i < facts->statement_count; i++) {
        const struct postgres_statement *statement = &facts->statements[i];
        if (statement->is_select && (!slowest || statement->total_ms > slowest->total_ms))
            slowest = statement;
    }
    return slowest;
}

/* --- the plan of a statement --- */

/* The conditions of a plan's node. */
static const char *const conditions[] = {"Index Cond", "Filter", "Recheck Cond", "Hash Cond", "Join Filter"};

struct condition_place {
    const char *schema, *relation, *column;
};

/* The column that a condition compares with a parameter: "((name)::text = $1)", "(id = ANY ($1))", "(o.id = $1)". */
static const char *column_before(const char *text, const char *parameter, struct arena *arena)
{
    const char *end = parameter;
    while (end > text && strchr(" =<>!~(", end[-1]))
        end--;
    if (end - text >= 3 && strncmp(end - 3, "ANY", 3) == 0)
        for (end -= 3; end > text && strchr(" =<>!~(", end[-1]);)
            end--;
    for (;;) {
        const char *start = end;
        while (start > text && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
            start--;
        if (start == end)
            return NULL;
        bool is_cast = start - text >= 3 && start[-1] == ':' && start[-2] == ':';
        if (!is_cast)
            return arena_copy(arena, start, (size_t)(end - start));
        for (end = start - 2; end > text && end[-1] == ')';)
            end--;
    }
}

/* Where "$1" stands in a text, and no digit behind it. */
static const char *parameter_in(const char *text, unsigned number)
{
    char name[16];
    int length = snprintf(name, sizeof name, "$%u", number);
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        if (!isdigit((unsigned char)at[length]))
            return at;
    return NULL;
}

/* The column that a parameter is compared with, anywhere in a plan. */
static bool find_parameter(const struct json_value *node, unsigned number, unsigned depth,
                           struct arena *arena, struct condition_place *ret_place)
{
    const char *relation = NULL, *schema = NULL, *text;
    json_find_text(node, "Relation Name", &relation);
    json_find_text(node, "Schema", &schema);
    for (size_t i = 0; relation && i < sizeof conditions / sizeof conditions[0]; i++) {
        const struct json_value *condition = json_member(node, conditions[i]);
        const char *at = json_find_text(condition, NULL, &text) ? parameter_in(text, number) : NULL;
        const char *column = at ? column_before(text, at, arena) : NULL;
        if (!column)
            continue;
        *ret_place = (struct condition_place){.schema = schema, .relation = relation, .column = column};
        return true;
    }
    const struct json_value *below = json_member(node, "Plans");
    for (size_t i = 0; depth < PLAN_DEPTH_MAX && i < json_count(below); i++)
        if (find_parameter(json_item(below, i), number, depth + 1, arena, ret_place))
            return true;
    return false;
}

static unsigned parameter_count(const char *text)
{
    unsigned count = 0;
    while (count < PARAMETERS_MAX + 1 && parameter_in(text, count + 1))
        count++;
    return count;
}

/* An EXPLAIN's one value; NULL when it was refused, and why. */
static struct json_value *explain(struct asking *asking, const char *sql, const char **ret_text,
                                  const char **ret_why)
{
    struct json_value *root = NULL;
    struct err ignored;
    PGresult *result = sql ? query(asking, sql) : NULL;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        const char *text = PQgetvalue(result, 0, 0);
        *ret_text = keep(asking, text);
        if (json_read_text(text, strlen(text), "the plan", &root, &ignored))
            *ret_why = "its plan could not be read";
    } else {
        *ret_why = keep_line(asking, PQerrorMessage(asking->connection));
    }
    PQclear(result);
    return root;
}

/* Every name with a bracket behind it, as an array of PostgreSQL: what may be called. */
static const char *called_names(const char *text, struct arena *arena)
{
    struct str names = {0};
    size_t count = 0;
    str_append(&names, "{");
    for (const char *at = text; (at = strchr(at, '(')) && count < NAMES_MAX; at++) {
        const char *start = at;
        while (start > text && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
            start--;
        if (start == at)
            continue;
        str_append(&names, count++ ? "," : "");
        for (const char *c = start; c < at; c++) {
            char lower = (char)tolower((unsigned char)*c);
            str_append_bytes(&names, &lower, 1);
        }
    }
    str_append(&names, "}");
    /* With more calls than are looked at any of them may write. */
    const char *copy = names.failed || count >= NAMES_MAX ? NULL : arena_string(arena, str_text(&names));
    str_free(&names);
    return copy;
}

/* Why it had better not be run: what it does besides reading. NULL: nothing. */
static const char *danger_of(struct asking *asking, const char *statement, const char *plan)
{
    static const char *const words[] = {" FOR UPDATE", " FOR SHARE", " FOR NO KEY", " FOR KEY SHARE",
                                        " INTO "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(statement, words[i]))
            return "it locks rows or writes";
    if (strstr(plan, "Foreign") || strstr(plan, "\"Custom Scan\"") || strstr(plan, "ModifyTable"))
        return "it reads from another server, or writes";
    const char *both = arena_printf(asking->arena, "%s %s", statement, plan);
    const char *names = both ? called_names(both, asking->arena) : NULL;
    if (!names)
        return "it calls too many functions to be sure of all";
    const char *const values[] = {names};
    PGresult *result =
        PQexecParams(asking->connection,
                     "SELECT proname FROM pg_catalog.pg_proc WHERE proname = ANY ($1::text[]) AND"
                     " provolatile = 'v' LIMIT 1",
                     1, NULL, values, NULL, NULL, 0);
    const char *why = "its functions could not be looked up";
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        why = PQntuples(result) ? arena_printf(asking->arena, "it calls %s(), which may do more than read",
                                               text_at(result, 0, 0))
                                : NULL;
    PQclear(result);
    return why;
}

/* A value of the column that stands in the table; NULL when there is none. */
static const char *value_of(struct asking *asking, const struct condition_place *place)
{
    char *schema = PQescapeIdentifier(asking->connection, place->schema ? place->schema : "public",
                                      strlen(place->schema ? place->schema : "public"));
    char *relation = PQescapeIdentifier(asking->connection, place->relation, strlen(place->relation));
    char *column = PQescapeIdentifier(asking->connection, place->column, strlen(place->column));
    const char *value = NULL;
    if (schema && relation && column) {
        const char *sql =
            arena_printf(asking->arena, "SELECT (%s)::text FROM %s.%s WHERE %s IS NOT NULL LIMIT 1", column,
                         schema, relation, column);
        PGresult *result = sql ? query(asking, sql) : NULL;
        if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result))
            value = keep(asking, text_at(result, 0, 0));
        PQclear(result);
    }
    PQfreemem(schema);
    PQfreemem(relation);
    PQfreemem(column);
    return value;
}

/* Numbers of no column, of a LIMIT say. */
static const char *value_of_type(const char *type)
{
    static const char *const numbers[] = {"smallint", "integer", "bigint",
                                          "numeric",  "real",    "double precision"};
    for (size_t i = 0; type && i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(type, numbers[i]) == 0)
            return "100";
    return NULL;
}

/* "('7'::text, …)" for EXECUTE; NULL when a parameter's value is not known. "" without parameters. */
static const char *parameter_values(struct asking *asking, const struct json_value *plan, unsigned count)
{
    struct str list = {0};
    PGresult *types =
        query(asking, "SELECT unnest(parameter_types)::text FROM pg_prepared_statements WHERE name = "
                      "'" STATEMENT_NAME "'");
    bool is_known = PQresultStatus(types) == PGRES_TUPLES_OK && PQntuples(types) == (int)count;
    for (unsigned i = 0; i < count && is_known; i++) {
        struct condition_place place = {0};
        const char *value =
            find_parameter(plan, i + 1, 0, asking->arena, &place) ? value_of(asking, &place) : NULL;
        const char *type = text_at(types, (int)i, 0);
        if (value && type && strstr(type, "[]"))
            value = arena_printf(asking->arena, "{%s}", value);
        if (!value)
            value = value_of_type(type);
        char *literal = value ? PQescapeLiteral(asking->connection, value, strlen(value)) : NULL;
        is_known = literal != NULL;
        if (literal)
            str_printf(&list, "%s%s", i ? ", " : "(", literal);
        PQfreemem(literal);
    }
    PQclear(types);
    if (count)
        str_append(&list, ")");
    const char *copy = is_known && !list.failed ? arena_string(asking->arena, str_text(&list)) : NULL;
    str_free(&list);
    return copy;
}

static const char *nulls(struct arena *arena, unsigned count)
{
    struct str list = {0};
    for (unsigned i = 0; i < count; i++)
        str_append(&list, i ? ", NULL" : "(NULL");
    str_append(&list, count ? ")" : "");
    const char *copy = list.failed ? NULL : arena_string(arena, str_text(&list));
    str_free(&list);
    return copy;
}

/* The sequential scan that reads most. */
static void find_scan(struct asking *asking, const struct json_value *node, unsigned depth)
{
    struct postgres_plan *plan = &asking->facts->plan;
    const char *type = NULL, *relation = NULL, *schema = NULL, *filter = NULL;
    double kept = 0, removed = 0, planned = 0;
    if (json_find_text(node, "Node Type", &type) && strcmp(type, "Seq Scan") == 0 &&
        json_find_text(node, "Relation Name", &relation)) {
        json_find_text(node, "Schema", &schema);
        json_find_text(node, "Filter", &filter);
        json_find_number(node, "Plan Rows", &planned);
        json_find_number(node, "Actual Rows", &kept);
        json_find_number(json_member(node, "Rows Removed by Filter"), NULL, &removed);
        double read = plan->is_analyzed ? kept + removed : planned;
        if (!plan->scanned || read > plan->rows_read) {
            plan->scanned =
                schema ? arena_printf(asking->arena, "%s.%s", schema, relation) : keep(asking, relation);
            plan->filter = keep(asking, filter);
            plan->rows_read = read;
            plan->rows_kept = kept;
        }
    }
    const struct json_value *below = json_member(node, "Plans");
    for (size_t i = 0; depth < PLAN_DEPTH_MAX && i < json_count(below); i++)
        find_scan(asking, json_item(below, i), depth + 1);
}

static const struct json_value *plan_of(const struct json_value *root)
{
    return json_member(json_item(root, 0), "Plan");
}

/* The column of an equality in the scan's condition, of the generic plan, where parameters are still $1. */
static void find_column(struct asking *asking, const struct json_value *plan, unsigned count)
{
    struct postgres_plan *facts = &asking->facts->plan;
    for (unsigned i = 0; i < count && facts->scanned && !facts->column; i++) {
        struct condition_place place = {0};
        if (find_parameter(plan, i + 1, 0, asking->arena, &place) && str_ends(facts->scanned, place.relation))
            facts->column = place.column;
    }
}

static void analyze(struct asking *asking, const struct json_value *generic, const char *generic_text,
                    unsigned count)
{
    struct postgres_plan *plan = &asking->facts->plan;
    const char *text = NULL;
    plan->why_not = danger_of(asking, plan->statement->text, generic_text);
    const char *values = plan->why_not ? NULL : parameter_values(asking, plan_of(generic), count);
    if (!plan->why_not && !values)
        plan->why_not = "no value of one of its parameters is known";
    struct json_value *root = NULL;
    if (values && run(asking, "SET LOCAL plan_cache_mode = force_custom_plan"))
        root = explain(asking,
                       arena_printf(asking->arena,
                                    "EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) EXECUTE " STATEMENT_NAME "%s",
                                    values),
                       &text, &plan->why_not);
    plan->is_analyzed = root != NULL;
    if (root)
        json_find_number(json_item(root, 0), "Execution Time", &plan->execution_ms);
    find_scan(asking, plan_of(root ? root : generic), 0);
    find_column(asking, plan_of(generic), count);
    json_free(root);
}

/* Prepared in the extended protocol, which takes one statement and no more. */
static void explain_slowest(struct asking *asking)
{
    struct postgres_plan *plan = &asking->facts->plan;
    unsigned count = parameter_count(plan->statement->text);
    const char *text = NULL;
    if (count > PARAMETERS_MAX || !run(asking, "BEGIN READ ONLY")) {
        plan->why_not = "it has too many parameters";
        return;
    }
    PGresult *prepared = PQprepare(asking->connection, STATEMENT_NAME, plan->statement->text, 0, NULL);
    struct json_value *generic = NULL;
    if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
        plan->why_not = keep_line(asking, PQerrorMessage(asking->connection));
    else if (run(asking, "SET LOCAL plan_cache_mode = force_generic_plan"))
        generic =
            explain(asking,
                    arena_printf(asking->arena, "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE " STATEMENT_NAME "%s",
                                 nulls(asking->arena, count)),
                    &text, &plan->why_not);
    if (generic && text)
        analyze(asking, generic, text, count);
    json_free(generic);
    PQclear(prepared);
    run(asking, "ROLLBACK");
}

static void find_tables(struct asking *asking)
{
    PGresult *result =
        query(asking, "SELECT schemaname || '.' || relname, seq_scan, seq_tup_read / greatest(seq_scan, 1),"
                      " n_live_tup FROM pg_stat_user_tables WHERE seq_scan >= 20 AND seq_tup_read >= 10000 *"
                      " seq_scan ORDER BY seq_tup_read DESC LIMIT 3");
    struct postgres_facts *facts = asking->facts;
    for (int row = 0; row < PQntuples(result) && facts->table_count < POSTGRES_TABLES_MAX; row++)
        facts->tables[facts->table_count++] =
            (struct postgres_table){.name = keep(asking, text_at(result, row, 0)),
                                    .scan_count = count_at(result, row, 1),
                                    .rows_each = number_at(result, row, 2),
                                    .rows_live = number_at(result, row, 3)};
    PQclear(result);
}

static void ask_all(struct asking *asking)
{
    struct postgres_facts *facts = asking->facts;
    const char *database = getenv("PGDATABASE");
    if (!connect_to(asking, database && *database ? database : "postgres"))
        return;
    facts->synchronous_commit = setting(asking, "synchronous_commit");
    facts->fsync = setting(asking, "fsync");
    find_statements(asking);
    facts->plan.statement = slowest_select(facts);
    const struct postgres_statement *busiest = facts->plan.statement    ? facts->plan.statement
                                               : facts->statement_count ? &facts->statements[0]
                                                                        : NULL;
    if (busiest && busiest->database && !connect_to(asking, busiest->database)) {
        facts->plan.why_not = facts->why_not;
        facts->why_not = NULL;
        return;
    }
    if (asking->connection && facts->plan.statement)
        explain_slowest(asking);
    if (asking->connection)
        find_tables(asking);
}

int client_postgres_ask(const char *address, struct arena *arena, struct postgres_facts *ret_facts,
                        struct err *err)
{
    struct postgres_facts facts = {0};
    struct asking asking = {.arena = arena, .facts = &facts};
    if (!read_address(&asking, address))
        facts.why_not = "it is asked on this machine's own addresses only";
    else
        ask_all(&asking);
    disconnect(&asking);
    if (asking.has_no_memory)
        return err_memory(err);
    /* The plan points into the statements, which move with the facts. */
    const struct postgres_statement *slowest = facts.plan.statement;
    size_t index = slowest ? (size_t)(slowest - facts.statements) : 0;
    *ret_facts = facts;
    if (slowest)
        ret_facts->plan.statement = &ret_facts->statements[index];
    return 0;
}
