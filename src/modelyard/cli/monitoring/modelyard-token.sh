#!/bin/sh
# Writes a token for Prometheus beside this script. It is good for a day: run it before Prometheus starts, then every
# few hours. modelyard-login.json holds who logs in; MODELYARD_URL says where.
set -eu
umask 077
cd "$(dirname "$0")"
curl -sSf -D modelyard-answer -o /dev/null -H 'Content-Type: application/json' \
  -d @modelyard-login.json "${MODELYARD_URL:-http://127.0.0.1:8470}/v3/auth/tokens"
sed -n 's/^x-subject-token: *//Ip' modelyard-answer | tr -d '\r\n' > modelyard-token.new
rm modelyard-answer
test -s modelyard-token.new
mv modelyard-token.new modelyard-token
