#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# An investigator in shell: is the machine itself in a state in which the run could be fast? It reads /proc and /sys alone.
#
#   toll investigate --investigator examples/investigators/machine.sh run.toll
#
# docs/investigators.md says what it reads and writes. Talk goes to stderr; stdout is for JSON lines.
set -eu

read -r request
case $request in
*'"round":"votes"'* | *'"round": "votes"'*) exit 0 ;; # no opinion on the others' claims: neutral
esac

say() {
    printf '%s\n' "$1"
}

cores=$(getconf _NPROCESSORS_ONLN)
load=$(cut -d ' ' -f 1 /proc/loadavg)
say "{\"progress\": \"reading /proc and /sys\", \"done_ratio\": 0.1}"
say "{\"note\": \"load now $load on $cores cores\"}"

swap_used_kb=$(awk '/^SwapTotal:/ { total = $2 } /^SwapFree:/ { free = $2 } END { print total - free }' /proc/meminfo)
if [ "$swap_used_kb" -gt 102400 ]; then
    say "{\"claim\": {\"id\": \"swap\", \"cause\": \"memory-reclaim\", \"title\": \"$((swap_used_kb / 1024)) MB of memory are swapped out\",
 \"fix\": \"end what is not needed, or add memory\", \"evidence_class\": \"inferred\", \"rows\": [\"/proc/meminfo\"],
 \"evidence\": [\"SwapTotal - SwapFree = $swap_used_kb kB\"]}}" | tr -d '\n'
    say ""
fi

governor=$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo none)
case $governor in
powersave)
    say "{\"claim\": {\"id\": \"governor\", \"cause\": \"config\", \"title\": \"the CPUs are told to save power\",
 \"fix\": \"cpupower frequency-set -g performance\", \"revert\": \"cpupower frequency-set -g powersave\", \"effort\": \"low\",
 \"evidence_class\": \"rule\", \"rows\": [\"scaling_governor\"], \"evidence\": [\"scaling_governor = powersave\"],
 \"sources\": [\"Linux kernel documentation: CPU Performance Scaling\"]}}" | tr -d '\n'
    say ""
    ;;
*)
    say "{\"cleared\": {\"where\": {\"path\": \"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor\"}, \"critical_ratio\": 0,
 \"factor_max\": 1, \"why\": \"the CPUs are not told to save power (governor: $governor)\"}}" | tr -d '\n'
    say ""
    ;;
esac
