#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet, in deploy/secrets/. To change one, delete its file, run this
# and then `docker compose up`: logins get their new passwords too. The folder is closed to others; the files in it are
# not, because the containers read them as another user.
set -eu
umask 022
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

chance() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

keep() {
    [ -s "$folder/$1" ] && return
    printf '%s\n' "$2" >"$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
    echo "made $folder/$1"
}

keep session_secret "$(chance)"
keep service_key "$(chance)"
keep postgres.env "POSTGRES_PASSWORD=$(chance)"
for service in orders billing validation notifications; do
    keep "${service}_database_url" "postgresql+asyncpg://$service:$(chance)@postgres:5432/$service"
done
