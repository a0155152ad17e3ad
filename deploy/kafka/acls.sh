#!/bin/sh
# Made by `python -m services ctl acls` from what the services hear and say.
# Repeating it changes nothing. What it no longer grants it does not take away: kafka-acls.sh --remove does.
# KAFKA: a broker, host:port. ADMIN: properties of somebody who may alter ACLs, as kafka-acls.sh --command-config wants.
set -eu
PATH=$PATH:/opt/kafka/bin
allow() { kafka-acls.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --add --allow-principal "$@" >/dev/null; }

allow User:issuary-orders --operation Write --operation DescribeConfigs --topic orders.credentials.v1 --topic orders.events.v1 --topic validation.commands.v1
allow User:issuary-orders --operation Read --operation DescribeConfigs --topic billing.events.v1 --topic orders.commands.v1 --topic validation.events.v1
allow User:issuary-orders --operation Read --group orders

allow User:issuary-billing --operation Write --operation DescribeConfigs --topic billing.events.v1
allow User:issuary-billing --operation Read --operation DescribeConfigs --topic billing.commands.v1 --topic orders.credentials.v1 --topic orders.events.v1
allow User:issuary-billing --operation Read --group billing

allow User:issuary-validation --operation Write --operation DescribeConfigs --topic validation.checks.v1 --topic validation.events.v1
allow User:issuary-validation --operation Read --operation DescribeConfigs --topic orders.credentials.v1 --topic orders.events.v1 --topic validation.check-results.v1 --topic validation.commands.v1
allow User:issuary-validation --operation Read --group validation

allow User:issuary-notifications --operation Write --operation DescribeConfigs --topic notifications.events.v1
allow User:issuary-notifications --operation Read --operation DescribeConfigs --topic billing.events.v1 --topic orders.credentials.v1 --topic orders.events.v1 --topic validation.events.v1
allow User:issuary-notifications --operation Read --group notifications

allow User:issuary-perspective --operation Write --operation DescribeConfigs --topic validation.check-results.v1
allow User:issuary-perspective --operation Read --operation DescribeConfigs --topic validation.checks.v1
allow User:issuary-perspective --operation Read --group perspective- --resource-pattern-type prefixed

allow User:issuary-setup --operation Create --operation Alter --operation AlterConfigs --operation Describe --operation DescribeConfigs --topic billing.commands.v1 --topic billing.events.v1 --topic notifications.events.v1 --topic orders.commands.v1 --topic orders.credentials.v1 --topic orders.events.v1 --topic validation.check-results.v1 --topic validation.checks.v1 --topic validation.commands.v1 --topic validation.events.v1
