"""Alerts: rules as data, judged from the ledger, told to the user's own Slack, Teams, Discord, webhook or mailbox.

A rule (rules) is measured (readings), what changed becomes an event (changes), and an event waits in the outbox
(outbox) for each target (targets) until it has been delivered (notify). All of it lies in the database, so that the
language servers, the gateway and `beastmode check` share the work and none tells the same thing twice.
"""
