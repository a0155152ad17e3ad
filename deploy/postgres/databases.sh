#!/bin/sh
# One database and one login per service, and no login into another's database. Run it again after a password changed.
# Told by PGHOST, PGUSER, POSTGRES_PASSWORD and the files /run/secrets/<service>_database_url (SECRETS: another folder).
set -eu
export PGPASSWORD="$POSTGRES_PASSWORD" PGDATABASE=postgres

run() { psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --file=-; }

# On the way in, so that no password is an argument that others see in the list of processes.
for file in "${SECRETS:-/run/secrets}"/*_database_url; do
    url=$(cat "$file")
    login=${url#*://}
    password=${login#*:}
    login=${login%%:*}
    password=${password%%@*}
    database=${url##*/}
    database=${database%%\?*}
    { printf "\\\\set login '%s'\n\\\\set password '%s'\n\\\\set database '%s'\n" "$login" "$password" "$database"; cat <<'SQL'
SET log_min_error_statement = panic;
SELECT format('CREATE ROLE %I', :'login') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'login') \gexec
ALTER ROLE :"login" WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', :'database', :'login')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
    } | run
    echo "$database: only for $login"
done
echo 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;' | run
