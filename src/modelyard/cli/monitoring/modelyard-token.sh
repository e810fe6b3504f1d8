#!/bin/sh
# Writes a token for Prometheus beside this script. It is good for a day: run it before Prometheus starts, then every
# few hours. modelyard-login.json holds who logs in; MODELYARD_URL says where, if the API is reached elsewhere.
set -eu
umask 077
cd "$(dirname "$0")"
[ -r modelyard-login.json ] || { echo "$PWD/modelyard-login.json cannot be read" >&2; exit 1; }
url=${MODELYARD_URL:-http://127.0.0.1:8470}/v3/auth/tokens
work=$(mktemp -d ./modelyard-token.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
status=$(curl -sS -D "$work/head" -o "$work/body" -w '%{http_code}' -H 'Content-Type: application/json' \
  -d @modelyard-login.json "$url")
sed -n 's/^x-subject-token: *//Ip' "$work/head" | tr -d '\r\n' > "$work/token"
if [ "$status" != 201 ] || [ ! -s "$work/token" ]; then
  echo "no token from $url: it answered $status" >&2
  if [ -f "$work/body" ]; then head -c 2000 "$work/body" >&2; echo >&2; fi
  exit 1
fi
mv "$work/token" modelyard-token
