#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Planted cause: straggler, of programs. Four programs fetch their share at the same time; one of them has five times
# as many pages, so the others are done and the script waits for it. Fix: it has as many as they have.
# usage: late_program.sh FOLDER_OF_PROGRAMS PORT [--fixed]
set -eu
programs=$1 port=$2 late=50
[ "${3:-}" = --fixed ] && late=10
for pages in 10 10 "$late" 10; do
    "$programs/fetch_share" "$port" "$pages" &
done
wait
