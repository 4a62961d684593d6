/* SPDX-License-Identifier: Apache-2.0 */
/* toll law: the laws of scaling and of queues, on numbers that one has. */
#include <string.h>

#include "ops/law_numbers.h"
#include "verbs/verbs.h"

struct options {
    double parallel, serial, workers;
    double count, throughput, response;
    double arrivals, service, servers;
    double customers, think;
    struct option_list stations;
    double confidence;
    bool absolute;
    bool json;
};

#define NUMBER(long_name, value_name, text, field)                                                           \
    {                                                                                                        \
        .name = (long_name), .type = OPTION_NUMBER, .argument = (value_name), .help = (text),                \
        .offset = offsetof(struct options, field)                                                            \
    }

static const struct option_row rows[] = {
    NUMBER("parallel", "RATIO", "amdahl: the part that many workers can do, 0 to 1", parallel),
    NUMBER("serial", "RATIO", "amdahl: the part that only one can do, instead of --parallel", serial),
    NUMBER("workers", "N", "amdahl: how many workers; several usual numbers when left out", workers),
    NUMBER("count", "N", "little: how many are in flight on average", count),
    NUMBER("throughput", "PER_S", "little: how many complete each second", throughput),
    NUMBER("response", "SECONDS", "little: how long one takes", response),
    NUMBER("arrivals", "PER_S", "queue: how many arrive each second", arrivals),
    NUMBER("service", "PER_S", "queue: how many one server can do each second", service),
    NUMBER("servers", "N", "queue: servers (1)", servers),
    NUMBER("customers", "N", "queue: how many go round a closed network", customers),
    NUMBER("think", "SECONDS", "queue: the pause between their rounds (0)", think),
    {.name = "station",
     .type = OPTION_LIST,
     .argument = "NAME=DEMAND[/SERVERS]",
     .help = "queue: a station of the closed network and the seconds each round needs there; 0 servers: "
             "nobody waits",
     .offset = offsetof(struct options, stations)},
    NUMBER("confidence", "RATIO", "usl, amdahl: of the intervals (0.95)", confidence),
    {.name = "absolute",
     .type = OPTION_FLAG,
     .help = "usl, amdahl: fit absolute residuals instead of relative ones, as other programs do",
     .offset = offsetof(struct options, absolute)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "the answer as JSON",
     .offset = offsetof(struct options, json)},
};

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    if (options->confidence < 0 || options->confidence >= 1)
        return err_set(err, ERR_USAGE, "could not take option '--confidence': %g is not between 0 and 1",
                       options->confidence);
    if (options->serial < 0 || options->serial >= 1)
        return err_set(err, ERR_USAGE, "could not take option '--serial': %g is not from 0 up to below 1",
                       options->serial);
    struct law_request request = {.law = context->operands[0],
                                  .operands = context->operands + 1,
                                  .operand_count = context->operand_count - 1,
                                  .parallel_ratio =
                                      options->serial > 0 ? 1 - options->serial : options->parallel,
                                  .workers = options->workers,
                                  .count = options->count,
                                  .throughput_per_s = options->throughput,
                                  .response_s = options->response,
                                  .arrivals_per_s = options->arrivals,
                                  .service_per_s = options->service,
                                  .servers = options->servers,
                                  .customers = options->customers,
                                  .think_s = options->think,
                                  .stations = options->stations.items,
                                  .station_count = options->stations.count,
                                  .confidence_ratio = options->confidence,
                                  .is_absolute = options->absolute,
                                  .json = options->json};
    struct str text = {0};
    int status = ops_law(&request, &text, err);
    if (!status)
        fputs(str_text(&text), context->out);
    str_free(&text);
    return status;
}

static const struct example examples[] = {
    {"toll law usl 1,955 2,1878 5,4315 10,7867 20,10798 32,12074",
     "where throughput peaks, from workers,throughput"},
    {"toll law usl --json points.csv", "the same from a file; '-' or nothing is stdin"},
    {"toll law amdahl 0.95 8", "what 8 workers bring when 95 % can be shared"},
    {"toll law little 50 1000 0.05", "whether in flight, throughput and response time fit together"},
    {"toll law queue 5 10 2", "5 arrivals each second, 10 served by each of 2 servers"},
    {"toll law queue --customers 50 --think 1 --station db=0.03 --station pool=0.16/16", "a closed network"},
};

const struct verb law_verb = {
    .name = "law",
    .summary = "the laws of scaling and of queues, on numbers",
    .usage = "usl|amdahl|little|queue [NUMBER… | ROW… | FILE | -] [--json]",
    .description =
        "Applies one law to numbers given as options, as operands, or as rows of a file or of stdin (columns "
        "by comma, "
        "semicolon, tab or blank; a header and lines with # are left out).\n\n"
        "usl fits the Universal Scalability Law to rows of workers,throughput (six at least; workers as "
        "measured in "
        "flight) and tells the peak with its interval. amdahl tells the limit of more workers from the "
        "parallel part "
        "and a number of workers, or fits the serial part to such rows. little checks rows of "
        "in flight,throughput,response time, or completes two of the three. queue solves M/M/c from "
        "arrivals,service rate,servers, and with --customers and --station a closed network exactly, with "
        "its "
        "asymptotic bounds.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_min = 1,
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
