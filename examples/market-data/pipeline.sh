#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The pipeline of pipeline.c as a shell script, without any instrumentation: curl downloads a file, unzip
# extracts it, mawk makes line protocol of it, and the lines go to the database.
#
#   pipeline.sh --base-url URL --db URL [--workers N] [--files N]
#       --db is victoria://HOST:PORT?http=PORT or influx://HOST:PORT/NAME
set -euo pipefail

usage() {
    sed -n '/^#   pipeline.sh/s/^#   /usage: /p' "$0" >&2
    exit 2
}

# One file through all four stages: what a worker does. A download is whole before it is extracted.
if [ "${1-}" = --one ]; then
    name=$2
    zip=$scratch/$name
    curl -sSf --noproxy '*' -o "$zip" "$base_url/$name"
    symbol=${name%%-*}
    lines() {
        unzip -p "$zip" | mawk -F, -v tags="candles,symbol=$symbol,run=$run_id" -v count="$zip.rows" '
            { print tags " close=" $5 ",volume=" $6 " " $1 "000000" }
            END { print NR >count }'
    }
    case "$db_url" in
    # -N ends our side after the last line; nc ends when the database has taken it and ends its own.
    victoria://*) lines | nc -N "$db_host" "$db_port" ;;
    influx://*)
        lines | curl -sSf --noproxy '*' -H Expect: --data-binary @- "http://$db_host:$db_port/write?db=$db_name"
        ;;
    esac
    rm "$zip"
    exit 0
fi

workers=1
files=1000000
base_url=
db_url=
while [ $# -ge 2 ]; do
    case "$1" in
    --base-url) base_url=$2 ;;
    --db) db_url=$2 ;;
    --workers) workers=$2 ;;
    --files) files=$2 ;;
    *) usage ;;
    esac
    shift 2
done
if [ $# -ne 0 ] || [ -z "$base_url" ]; then usage; fi

# victoria://HOST:PORT?http=PORT or influx://HOST:PORT/NAME
address=${db_url#*://}
db_host=${address%%:*}
db_port=${address#*:}
db_port=${db_port%%[/?]*}
case "$db_url" in
victoria://*:*\?http=*) count_url=http://$db_host:${address##*=} db_name= ;;
influx://*:*/*) count_url=http://$db_host:$db_port db_name=${address##*/} ;;
*) usage ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
run_id=$(date +%s)-$$
export base_url db_url db_host db_port db_name run_id scratch

# How many rows of this run a query returns.
count() {
    case "$db_url" in
    victoria://*)
        curl -sSf --noproxy '*' "$count_url/internal/force_flush"
        curl -sSf --noproxy '*' -G "$count_url/api/v1/query" -d nocache=1 -d time=1704067200 \
            --data-urlencode "query=sum(count_over_time(candles_close{run=\"$run_id\"}[366d]))" |
            grep -o '"value":\[1704067200,"[0-9]*' | grep -o '[0-9]*$' || echo 0
        ;;
    influx://*)
        curl -sSf --noproxy '*' -G "$count_url/query" -d db="$db_name" -d epoch=ms \
            --data-urlencode "q=SELECT count(close) FROM candles WHERE run = '$run_id'" |
            grep -o '"values":\[\[0,[0-9]*' | grep -o '[0-9]*$' || echo 0
        ;;
    esac
}

started=$EPOCHREALTIME
curl -sSf --noproxy '*' "$base_url/index.txt" | sed -n "1,${files}p" >"$scratch/index.txt"
xargs -P "$workers" -n 1 bash "$0" --one <"$scratch/index.txt"
wall_ms=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))

# What was just flushed may still be on its way to where queries look.
expected=$(cat "$scratch"/*.rows | awk '{ sum += $1 } END { print sum }')
for _ in {1..100}; do
    rows=$(count)
    [ "$rows" != "$expected" ] || break
    sleep 0.02
done
echo "$(wc -l <"$scratch/index.txt") files in $((wall_ms / 1000)).$(printf %03d $((wall_ms % 1000))) s with" \
    "$workers worker(s); a query returns $rows rows: $((rows * 1000 / (wall_ms > 0 ? wall_ms : 1))) rows/s"
if [ "$rows" != "$expected" ]; then
    echo "pipeline.sh: $expected rows were sent, but the database returns $rows" >&2
    exit 1
fi
