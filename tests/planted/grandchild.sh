#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Planted cause: a grandchild that holds everything up (network-wait inside deep_lookup). The outer
# shell waits for the inner one, the inner one for deep_lookup, and that for its peer. Fix: a peer
# that answers at once.
# usage: grandchild.sh FOLDER_OF_PROGRAMS PORT
set -eu
programs=$1 port=$2
sh "${0%/*}/grandchild_inner.sh" "$programs" "$port" &
echo "outer shell waits"
wait
echo "outer shell is done"
