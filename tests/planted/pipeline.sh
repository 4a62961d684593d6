#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Three stages joined by pipes; the middle one, pipe_filter, is the slow one.
# usage: pipeline.sh FOLDER_OF_PROGRAMS [--fixed]
set -eu
programs=$1
shift
"$programs/pipe_source" | "$programs/pipe_filter" "$@" | "$programs/pipe_sink"
