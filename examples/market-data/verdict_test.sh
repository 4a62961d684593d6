#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What toll says of both pipelines, recorded without root where there is a user to become: TAP. TOLL is the
# program, MARKET_DATA_BIN where the pipeline was built. FILES, RECORDER (an option of toll run) may be set.
set -u
PATH="$PATH:/usr/sbin"
here=$(dirname "$(realpath "$0")")
bin=${MARKET_DATA_BIN:?where the programs are}
toll=${TOLL:?the toll to test}
files=${FILES:-8}
python=$(command -v python3)

for program in nginx victoria-metrics curl unzip mawk nc; do
    if ! command -v "$program" >/dev/null; then
        echo "1..0 # SKIP there is no $program: tools/setup demo"
        exit 0
    fi
done

scratch=$(mktemp -d)
chmod 755 "$scratch"
mkdir "$scratch/bin" "$scratch/user"
# The build folder may lie where an ordinary user cannot look.
cp "$toll" "$scratch/bin/toll"
cp "$bin/pipeline" "$here/pipeline.sh" "$scratch/bin/"
for library in "$(dirname "$toll")"/libtoll*.so*; do
    [ ! -f "$library" ] || cp "$library" "$scratch/bin/"
done
export LD_LIBRARY_PATH="$scratch/bin"
as_user=()
if [ "$(id -u)" = 0 ]; then
    # A user of its own, so that neither root nor another user's files help.
    as_user=(setpriv --reuid=61234 --regid=61234 --clear-groups env HOME=/nonexistent)
    chown 61234:61234 "$scratch/user"
fi
# shellcheck disable=SC2317 # called by the trap
stop() {
    "$here/servers" stop "$scratch/servers"
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

# record NAME COMMAND...: leaves user/NAME.toll and user/NAME.json.
record() {
    local name=$1
    shift
    timeout 120 "${as_user[@]}" "$scratch/bin/toll" run --no-store ${RECORDER:+--recorder "$RECORDER"} \
        -o "$scratch/user/$name.toll" -- "$@" >"$scratch/out" 2>"$scratch/err" &&
        "${as_user[@]}" "$scratch/bin/toll" report "$scratch/user/$name.toll" --format json \
            -o "$scratch/user/$name.json" >>"$scratch/out" 2>>"$scratch/err"
    result $? "$name: recorded as an ordinary user"
}

# holds NAME SENTENCE EXPRESSION: Python, of the report r, its first finding f and the CDN's address.
holds() {
    "$python" - "$scratch/user/$1.json" "$cdn" "$3" >"$scratch/out" 2>"$scratch/err" <<'END'
import json, sys
r = json.load(open(sys.argv[1]))
f = r["findings"][0] if r["findings"] else {"cause": None, "where": {}, "priority": None, "change": ""}
stages = {stage["name"]: stage for stage in r["stages"]}
address = sys.argv[2]
if not eval(sys.argv[3]):
    print(json.dumps({key: r[key] for key in ("findings", "stages", "cleared")}, indent=1)[:6000])
    sys.exit(1)
END
    result $? "$1: $2"
}

# A fifth of the rows at a fifth of the rate: downloads as long as in the demo, and the rest so short that a busy
# machine does not change the verdict.
"$bin/make-data" --files "$files" --rows 9000 "$scratch/data" >"$scratch/out" 2>"$scratch/err" &&
    "$here/servers" start "$scratch/servers" "$scratch/data" --rate 640000 >"$scratch/out" 2>"$scratch/err"
result $? "the servers start"
# shellcheck source=/dev/null
. "$scratch/servers/env"
cdn=${BASE_URL#http://}

record pipeline "$scratch/bin/pipeline" --base-url "$BASE_URL" --db "$DB_URL"
holds pipeline "the first finding is at download" \
    'f["cause"] in ("serial-independent", "network-wait") and f["where"].get("stage") == "download"'
holds pipeline "it proposes a number of workers" 'f["change"].startswith("workers:stage/download=")'
holds pipeline "downloading ahead and extracting meanwhile are findings of their own, also on top of the first" \
    '{"overlap:stage/download=ahead"} <= {f["change"] for f in r["findings"] if f["cause"] == "serial-stages" and "gain_behind" in f}'
holds pipeline "download is most of the critical path" 'stages["download"]["critical_ratio"] >= 0.7'
holds pipeline "ingest is cleared" \
    'any(c["where"].get("stage") == "ingest" and c["factor_max"] < 1.5 for c in r["cleared"])'

record shell "$scratch/bin/pipeline.sh" --base-url "$BASE_URL" --db "$DB_URL"
holds shell "the first finding is at the download process" \
    'f["cause"] in ("serial-independent", "network-wait") and f["where"].get("process") == "curl"'
holds shell "where the replay can be trusted, that the downloads are independent" \
    'r["replay"]["baseline_drift_ratio"] > 0.05 or f["cause"] == "serial-independent"'
holds shell "it names the address of the peer" 'address in (f["where"].get("peer") or "")'

echo "1..$count"
exit $failed
