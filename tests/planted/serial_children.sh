#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Planted cause: serial-independent. Six documents, each a process that waits 300 ms for the peer,
# fetched one after another although none needs another. Fix: all six at once.
# usage: serial_children.sh FOLDER_OF_PROGRAMS PORT [--fixed]
set -eu
programs=$1 port=$2 mode=${3:-}
for document in 1 2 3 4 5 6; do
    if [ "$mode" = --fixed ]; then
        "$programs/fetch_one" "$port" "$document" &
    else
        "$programs/fetch_one" "$port" "$document"
    fi
done
wait
