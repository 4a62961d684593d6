#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command in a control group: in_group.sh FOLDER COMMAND…
echo $$ > "$1/cgroup.procs" || exit 1
shift
exec "$@"
