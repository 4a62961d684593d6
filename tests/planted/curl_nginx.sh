#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Planted cause: serial-independent, between real programs. Six documents are fetched by curl, each after the other, from
# an nginx that lets each connection have 256 KB a second, so that a document takes some 250 ms. Fix: all at once.
# usage: curl_nginx.sh PORT [--fixed]
set -eu
port=$1 mode=${2:-}
for document in 1 2 3 4 5 6; do
    if [ "$mode" = --fixed ]; then
        curl -sS -o /dev/null "http://127.0.0.1:$port/limited?$document" &
    else
        curl -sS -o /dev/null "http://127.0.0.1:$port/limited?$document"
    fi
done
wait
