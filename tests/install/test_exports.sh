#!/bin/sh
# Both libraries define, for the world outside, exactly the functions that the public headers declare.
set -eu
shared=$1 static=$2 headers=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat "$headers"/*.h | tr '\n' ' ' | grep -o 'HPCK_API [^;(]*hpck_[a-z_]*(' | sed 's/.*[ *]\(hpck_[a-z_]*\)($/\1/' |
    sort -u >"$work/declared"
nm -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/shared"
nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | sort -u >"$work/static"
[ -s "$work/declared" ]
diff "$work/declared" "$work/shared"
diff "$work/declared" "$work/static"
