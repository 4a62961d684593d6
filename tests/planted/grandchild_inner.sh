#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The child of grandchild.sh, which starts the grandchild.
# usage: grandchild_inner.sh FOLDER_OF_PROGRAMS PORT
set -eu
"$1/deep_lookup" "$2"
echo "inner shell is done"
