#!/bin/sh
# users.sh NAME …   makes or changes these logins (SCRAM-SHA-512); the password of each is the content of $PASSWORDS/NAME.
# KAFKA: a broker, host:port. ADMIN: properties of somebody who may alter logins, as kafka-configs.sh --command-config wants.
set -eu
PATH=$PATH:/opt/kafka/bin
for name in "$@"; do
  # By standard input: an argument could be read by everybody on this machine.
  printf 'SCRAM-SHA-512=password=%s\n' "$(cat "$PASSWORDS/$name")" |
    kafka-configs.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --alter \
      --entity-type users --entity-name "$name" --add-config-file /dev/stdin
done
