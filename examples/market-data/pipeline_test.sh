#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Both pipelines against real servers, small files: TAP. MARKET_DATA_BIN is where the programs were built.
set -u
PATH="$PATH:/usr/sbin"
here=$(dirname "$(realpath "$0")")
bin=${MARKET_DATA_BIN:?where the programs are}
rows=9000

for program in nginx victoria-metrics influxd curl unzip mawk nc; do
    if ! command -v "$program" >/dev/null; then
        echo "1..0 # SKIP there is no $program: tools/setup demo"
        exit 0
    fi
done

scratch=$(mktemp -d)
# An ordinary user reads the files and starts servers in a folder of its own.
chmod 755 "$scratch"
as_user=()
if [ "$(id -u)" = 0 ]; then
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent)
    install -d -o 65534 -g 65534 "$scratch/user"
else
    mkdir "$scratch/user"
fi
# shellcheck disable=SC2317 # called by the trap
stop() {
    "$here/servers" stop "$scratch/root"
    "${as_user[@]}" "$here/servers" stop "$scratch/user/servers"
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM

count=0
failed=0
result() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        failed=1
        echo "not ok $count - $2"
        sed 's/^/# /' "$scratch/out" "$scratch/err"
    fi
}

# check NAME PATTERN COMMAND...: the command succeeds and a line of its output matches.
check() {
    local name=$1 pattern=$2
    shift 2
    timeout 60 "$@" >"$scratch/out" 2>"$scratch/err" && grep -qE -- "$pattern" "$scratch/out"
    result $? "$name"
}

# refuse NAME PATTERN COMMAND...: the command fails and says why.
refuse() {
    local name=$1 pattern=$2
    shift 2
    ! timeout 60 "$@" >"$scratch/out" 2>"$scratch/err" && grep -qE -- "$pattern" "$scratch/err"
    result $? "$name"
}

: >"$scratch/out"
"$bin/make-data" --files 3 --rows $rows "$scratch/data" 2>"$scratch/err"
result $? "data is generated"
"$bin/make-data" --files 3 --rows $rows "$scratch/again" 2>"$scratch/err" &&
    diff -r "$scratch/data" "$scratch/again" >"$scratch/out"
result $? "generated data is the same every time"

total=$((3 * rows))
"$here/servers" start "$scratch/root" "$scratch/data" --rate 2000000 >"$scratch/out" 2>"$scratch/err"
result $? "nginx and VictoriaMetrics start"
# shellcheck source=/dev/null
. "$scratch/root/env"
victoria=$DB_URL
check "one worker: a query returns every row" "verified: a query returns $total rows" \
    "$bin/pipeline" --base-url "$BASE_URL" --db "$DB_URL"
check "three workers: a query returns every row" "verified: a query returns $total rows" \
    "$bin/pipeline" --base-url "$BASE_URL" --db "$DB_URL" --workers 3 --run values
check "two workers, downloads ahead: a query returns every row" "verified: a query returns $total rows" \
    "$bin/pipeline" --base-url "$BASE_URL" --db "$DB_URL" --workers 2 --ahead
refuse "downloads ahead: a file that is not there is named" "the server answered 404" \
    "$bin/pipeline" --base-url "$BASE_URL/nowhere" --db "$DB_URL" --ahead
expected=$(unzip -p "$scratch/data/BTCUSDT-1m-2023-01.zip" |
    awk -F, 'NR == 5000 { printf "%d %.8f %.8f", $1 / 1000, $5, $6 }')
read -r at close volume <<<"$expected"
value() {
    curl -s -G "http://127.0.0.1:${victoria##*=}/api/v1/query" -d nocache=1 -d time="$at" \
        --data-urlencode "query=$1{run=\"values\",symbol=\"BTCUSDT\"}" | sed -n 's/.*,"\([0-9.]*\)"\].*/\1/p'
}
printf '%.8f %.8f\n' "$(value candles_close)" "$(value candles_volume)" >"$scratch/out" 2>"$scratch/err"
[ "$(cat "$scratch/out")" = "$close $volume" ]
result $? "a row in the database has the values of the file"
check "the shell version, as an ordinary user: a query returns every row" "a query returns $total rows" \
    "${as_user[@]}" "$here/pipeline.sh" --base-url "$BASE_URL" --db "$DB_URL" --workers 2
check "the database's own rate is measured" '^[1-9][0-9]*$' \
    "$bin/database-rate" --db "$DB_URL" --files 3 --rounds 1 "$scratch/data"
check "fewer files" "^2 files, $((2 * rows)) rows" \
    "$bin/pipeline" --base-url "$BASE_URL" --db null:// --files 2
refuse "a file that is not there is named" "the server answered 404" \
    "$bin/pipeline" --base-url "$BASE_URL/nowhere" --db "$DB_URL"
refuse "a database that is not there is named" "could not connect to the database '127.0.0.1:1'" \
    "$bin/pipeline" --base-url "$BASE_URL" --db "victoria://127.0.0.1:1?http=1"

printf 'a,b\n' >"$scratch/broken.csv"
mkdir "$scratch/data/broken"
(cd "$scratch" && zip -q "$scratch/data/broken/X-1m.zip" broken.csv)
echo X-1m.zip >"$scratch/data/broken/index.txt"
refuse "a row that is no candle is named" "X-1m.zip: could not parse row 1" \
    "$bin/pipeline" --base-url "$BASE_URL/broken" --db "$DB_URL"

"$here/servers" stop "$scratch/root"
! pgrep -f -- "$scratch/root" >"$scratch/out"
result $? "stop leaves no server running"

check "nginx and InfluxDB start as an ordinary user" '^$' \
    "${as_user[@]}" bash -c '"$@" && echo' - "$here/servers" start "$scratch/user/servers" "$scratch/data" --db influx
# shellcheck source=/dev/null
. "$scratch/user/servers/env"
check "InfluxDB, 700 rows at a time: a query returns every row" "verified: a query returns $total rows" \
    "$bin/pipeline" --base-url "$BASE_URL" --db "$DB_URL" --workers 2 --batch 700
check "InfluxDB, the shell version: a query returns every row" "a query returns $total rows" \
    "${as_user[@]}" "$here/pipeline.sh" --base-url "$BASE_URL" --db "$DB_URL" --workers 2

echo "1..$count"
exit $failed
