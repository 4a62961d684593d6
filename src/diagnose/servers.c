/* SPDX-License-Identifier: Apache-2.0 */
/* Other servers: web servers, proxies, queues, caches. */
#include "diagnose/technology.h"

const struct technology_rule server_rules[] = {
    {.name = "nginx", .programs = "nginx", .in = PACKAGES_COMPOSE, .packages = "nginx"},
    {.name = "Apache httpd", .programs = "apache2|httpd", .in = PACKAGES_COMPOSE, .packages = "httpd"},
    {.name = "HAProxy", .programs = "haproxy", .in = PACKAGES_COMPOSE, .packages = "haproxy"},
    {.name = "Envoy", .programs = "envoy", .in = PACKAGES_COMPOSE, .packages = "envoy"},
    {.name = "Caddy", .programs = "caddy", .in = PACKAGES_COMPOSE, .packages = "caddy"},
    {.name = "Traefik", .programs = "traefik", .in = PACKAGES_COMPOSE, .packages = "traefik"},
    {.name = "memcached", .programs = "memcached", .in = PACKAGES_COMPOSE, .packages = "memcached"},
    {.name = "RabbitMQ", .words = "rabbit", .in = PACKAGES_COMPOSE, .packages = "rabbitmq"},
    {.name = "Kafka", .words = "kafka.Kafka", .in = PACKAGES_COMPOSE, .packages = "kafka|cp-kafka"},
    {.name = "NATS", .programs = "nats-server", .in = PACKAGES_COMPOSE, .packages = "nats"},
    {.name = "OpenSSH", .programs = "sshd"},
    {.name = "dockerd", .programs = "dockerd|containerd"},
    {.name = "Prometheus", .programs = "prometheus", .in = PACKAGES_COMPOSE, .packages = "prometheus"},
    {.name = "Grafana", .programs = "grafana*", .in = PACKAGES_COMPOSE, .packages = "grafana"},
};
const size_t server_rule_count = sizeof server_rules / sizeof server_rules[0];
