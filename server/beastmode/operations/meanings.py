"""What an error that the ledger names means, and what to do about it, for whoever finds it there hours later.

The error itself carried a fix for its own case; the ledger keeps its name and its text, and this says the rest.
"""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """One sentence each, for a person."""

    meaning: str
    fix: str


OTHER = Meaning("The try failed", "See the log file, whose path `beastmode doctor` says")

MEANINGS: dict[str, Meaning] = {
    "internal": Meaning("A fault of BEAST MODE itself", "Report it, with the log file that `beastmode doctor` names"),
    "attempt_failed": OTHER,
    "key_unreadable": Meaning(
        "The stored key cannot be opened",
        "Restore ENCRYPTION_KEY or the key file it was sealed with, or store the key again: `beastmode keys set ID`",
    ),
    "model_unavailable": Meaning(
        "The built-in model cannot run yet", "Run `beastmode models fetch`, then `beastmode doctor`"
    ),
    "resting": Meaning("It failed too often and is left alone for a while", "Look at the error before this one"),
    "unreachable": Meaning(
        "Nothing answers at the endpoint", "Start the model server, or correct the endpoint URL and the network"
    ),
    "connection_lost": Meaning(
        "The server closed the connection without a word", "See the endpoint's own log: it may have run out of memory"
    ),
    "tls_failed": Meaning(
        "The server's certificate is not trusted, or it speaks no TLS",
        "Name your own CA in network.ca_bundle of the settings, or register the endpoint as http://",
    ),
    "timed_out": Meaning(
        "The endpoint took the request and was too slow", "Keep the model loaded, or use a smaller or faster one"
    ),
    "rejected": Meaning(
        "The endpoint refused the request as it is", "Run `beastmode models doctor ID`: a field or a format is wrong"
    ),
    "unauthorized": Meaning("The endpoint does not accept the API key", "Store a valid one: `beastmode keys set ID`"),
    "endpoint_not_found": Meaning(
        "The endpoint has no such path or does not know the model",
        "Correct the endpoint URL or the model's name: `beastmode models test ID`",
    ),
    "rate_limited": Meaning(
        "The endpoint gets more requests than it allows",
        "Set --max-concurrent for the model, add a fallback (`beastmode route set`), or raise the limit there",
    ),
    "context_overflow": Meaning(
        "The request is longer than the model's context window", "Use a model with a larger one, or send less"
    ),
    "content_filtered": Meaning("The provider's rules forbid the request", "Change the request"),
    "server_failed": Meaning("The endpoint itself has a fault", "See the endpoint's own log, and restart it"),
    "invalid_format": Meaning(
        "The answer is not in the provider's format",
        "Check that the provider type matches the endpoint: `beastmode models test ID`",
    ),
    "stream_cut": Meaning(
        "The connection closed in the middle of an answer", "See the endpoint's log, and the time limits of its proxy"
    ),
    "stream_failed": Meaning("The endpoint reported an error in the middle of its answer", "See the endpoint's log"),
    "refused": Meaning("The question was not sent: as many as were agreed on have been", "Nothing needs to be done"),
}
"""By `AttemptFailed.kind`."""


def meaning_of(kind: str, model: str = "") -> Meaning:
    """What an error means, with the model's id in the commands of its fix."""
    found = MEANINGS.get(kind, OTHER)
    return Meaning(found.meaning, found.fix.replace(" ID", f" {model}") if model else found.fix)
