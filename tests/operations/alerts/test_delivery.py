"""Alerts on their way: to a webhook shaped like Slack's, and by mail; each arrives once, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.attempts import ROW
from tests.support.databases import OpenDatabase
from tests.support.targets import Webhook, certificate, mail_server

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.ledger.ledger import Ledger
from beastmode.operations.alerts.alerts import Alerts
from beastmode.operations.alerts.notify import plain, service_of
from beastmode.operations.alerts.outbox import LEASE_S, MOST_TRIES, Event
from beastmode.operations.alerts.rules import parse_rule
from beastmode.registry import Registry, Vault
from beastmode.store import Database

NOW = 1_790_000_000.0
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TEAMS = (
    "https://prod-04.uksouth.logic.azure.com:443/workflows/643e69f83c894443/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu"
)
SECRETS = ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ")
FAILED = replace(ROW, task=Task.CHAT, outcome=Outcome.FAILED, error_kind="server_failed", error="<!channel> 500")


class Process:
    """One of several that watch the same database; `now` is its clock."""

    def __init__(self, database: Database, registry: Registry, vault: Vault) -> None:
        self.now = NOW
        self.database = database
        self.ledger = Ledger(database)
        self.alerts = Alerts(database, self.ledger, registry, vault, lambda: self.now)

    @classmethod
    async def open(cls, database: Database, folder: Path) -> Process:
        vault = Vault(database, key_file=folder / "master.key")
        return cls(database, await Registry.open(database, vault, None), vault)

    async def fail(self, times: int) -> None:
        for number in range(times):
            row = replace(FAILED, id=f"{self.now}-{number}", started_at=self.now - 10 + number / 100)
            await self.ledger.observe(row)

    async def pass_(self, seconds: float) -> None:
        """Let time go by, and do what every process does meanwhile."""
        self.now += seconds
        await self.alerts.look()
        await self.alerts.tell()


@pytest.fixture
async def process(database: Database, tmp_path: Path) -> Process:
    return await Process.open(database, tmp_path)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """In the place of Slack's, which the library calls by this address."""
    from apprise.plugins.slack import NotifySlack  # noqa: PLC0415 - what is under test imports it late as well

    webhook = Webhook()
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{webhook.port}/services")
    yield webhook
    webhook.close()


def texts(webhook: Webhook) -> list[str]:
    """What Slack would have shown, message by message."""
    return [f"{a['title']}\n{a['text']}" for _, body in webhook.taken for a in body["attachments"]]


async def test_slack_is_told_of_the_beginning_and_the_end(process: Process, webhook: Webhook) -> None:
    """Once each, at the address that the vault gave back; and no markup of an endpoint gets through."""
    await process.alerts.targets.add("team", SLACK, NOW)
    await process.alerts.add(parse_rule("health"))
    await process.fail(3)
    await process.pass_(1)
    await process.pass_(30)
    (text,) = texts(webhook)
    assert text.startswith("BEAST MODE alert: health\ncustom:m is unhealthy; 3 of the last 3 requests failed")
    assert "<!channel>" not in text
    assert webhook.taken[0][0] == f"/services/{'/'.join(SECRETS)}"
    for number in range(17):
        await process.ledger.observe(replace(ROW, id=f"good-{number}", task=Task.CHAT, started_at=process.now))
    process.now += 900
    await process.ledger.observe(replace(ROW, id="good", task=Task.CHAT, started_at=process.now))
    await process.pass_(1)
    await process.pass_(30)
    assert [text.splitlines()[0] for text in texts(webhook)] == [
        "BEAST MODE alert: health",
        "BEAST MODE recovered: health",
    ]


async def test_what_nobody_heard_is_told_to_who_comes(process: Process, webhook: Webhook) -> None:
    """A rule without a target has told nothing yet: the first target hears of what is bad now."""
    await process.alerts.add(parse_rule("health"))
    await process.fail(3)
    await process.pass_(1)
    assert await process.alerts.unheard() == ["health"]
    await process.alerts.targets.add("team", SLACK, NOW)
    await process.pass_(30)
    await process.pass_(30)
    assert [text.splitlines()[0] for text in texts(webhook)] == ["BEAST MODE alert: health"]
    assert await process.alerts.unheard() == []


async def test_a_webhook_that_fails_is_tried_again_and_shown_meanwhile(process: Process, webhook: Webhook) -> None:
    """Its error is on show, without the secrets of its address, until it has recovered; then the alert arrives once."""
    await process.alerts.targets.add("team", f"{SLACK}?rto=0.2", NOW)
    await process.alerts.add(parse_rule("health"))
    await process.fail(3)
    webhook.behaviour = "fail"
    await process.pass_(1)
    (lost,) = await process.alerts.outbox.undelivered(process.now)
    assert "500" in lost.error
    webhook.behaviour = "hang"
    await process.pass_(30)
    (lost,) = await process.alerts.outbox.undelivered(process.now)
    assert not any(secret in lost.error for secret in SECRETS)
    await process.pass_(10)
    assert webhook.asked == 2, "it is left alone for a while"
    webhook.behaviour = "take"
    await process.pass_(60)
    await process.pass_(300)
    assert len(texts(webhook)) == 1
    assert await process.alerts.outbox.undelivered(process.now) == []
    assert [row["state"] for row in await process.alerts.outbox.history(10)] == ["sent"]


async def test_what_never_arrives_is_given_up_and_stays_on_show(process: Process, webhook: Webhook) -> None:
    """After a day and a half of tries; a removed target takes what waits for it along."""
    await process.alerts.targets.add("team", SLACK, NOW)
    await process.alerts.outbox.put(Event("r", "s", "alert", "gone"), ["team"], NOW)
    webhook.behaviour = "fail"
    for _ in range(MOST_TRIES + 3):
        await process.pass_(3600)
    assert webhook.asked == MOST_TRIES
    (lost,) = await process.alerts.outbox.undelivered(process.now)
    assert lost.given_up
    await process.alerts.targets.remove("team")
    assert await process.alerts.outbox.undelivered(process.now) == []
    assert await process.database.read("SELECT * FROM sealed_keys") == []


async def test_processes_share_the_work(open_database: OpenDatabase, tmp_path: Path, webhook: Webhook) -> None:
    """Five that look and tell at the same time tell each target of each of two rules once."""
    processes = [await Process.open(await open_database(), tmp_path) for _ in range(5)]
    first = processes[0].alerts
    await first.targets.add("team", SLACK, NOW)
    await first.targets.add("hook", f"http://127.0.0.1:{webhook.port}/hook", NOW)
    await first.add(parse_rule("health"))
    await first.add(parse_rule("success-rate", targets=("hook",)))
    await processes[0].fail(6)
    for _ in range(3):
        await asyncio.gather(*(each.pass_(1) for each in processes))
    paths = sorted(path.split("/")[1] for path, _ in webhook.taken)
    assert paths == ["hook", "hook", "services"]
    assert len({str(body) for _, body in webhook.taken}) == 3


async def test_mail_goes_over_tls_with_the_password(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STARTTLS to a server whose certificate is trusted; with one that is not, no mail and no password leave."""
    pem, context = certificate(tmp_path)
    async with mail_server(context) as (mailbox, port):
        address = f"mailtos://me:pa55word@localhost:{port}?to=me@example.com&from=beast@example.com"
        await process.alerts.targets.add("mail", address, NOW)
        await process.alerts.outbox.put(Event("spend-day", "2026-11-29", "alert", "$5.50 spent today"), ["mail"], NOW)
        await process.pass_(1)
        assert (mailbox.letters, mailbox.logins) == ([], [])
        (lost,) = await process.alerts.outbox.undelivered(process.now)
        assert "pa55word" not in lost.error
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        await process.pass_(60)
        (letter,) = mailbox.letters
        assert letter["subject"] == "BEAST MODE alert: spend-day"
        assert letter["to"] == "me@example.com"
        assert "$5.50 spent today" in str(letter)
        assert mailbox.logins == [b"pa55word"]


async def test_the_history_does_not_grow_for_ever(process: Process, webhook: Webhook) -> None:
    """What is older than three months goes; what is younger stays, also what is known of a day's spending."""
    await process.alerts.targets.add("team", SLACK, NOW)
    await process.alerts.add(parse_rule("health"))
    await process.fail(3)
    await process.pass_(1)
    await process.pass_(89 * 86_400)
    assert len(await process.alerts.outbox.history(10)) == 1
    await process.pass_(2 * 86_400)
    assert await process.alerts.outbox.history(10) == []
    for table in ("alert_deliveries", "alert_states"):
        assert await process.database.read(f"SELECT * FROM {table}") == []  # noqa: S608 - one of two


async def test_a_test_says_whether_it_arrives(process: Process, webhook: Webhook) -> None:
    """At once, and with what to do."""
    await process.alerts.targets.add("team", SLACK, NOW)
    await process.alerts.test("team")
    assert texts(webhook)[0].startswith("BEAST MODE: a test")
    webhook.behaviour = "fail"
    with pytest.raises(UserError, match=r"Slack \(team\) was not reached: .*500"):
        await process.alerts.test("team")
    with pytest.raises(UserError, match="no target called"):
        await process.alerts.test("nobody")


async def test_a_redirect_is_not_followed(process: Process, webhook: Webhook) -> None:
    """What is told, and the address, go to the target's own host and nowhere else; it counts as not delivered."""
    await process.alerts.targets.add("hook", f"http://127.0.0.1:{webhook.port}/hook", NOW)
    await process.alerts.outbox.put(Event("r", "s", "alert", "x"), ["hook"], NOW)
    webhook.behaviour = "redirect"
    await process.pass_(1)
    assert webhook.taken == []
    assert len(await process.alerts.outbox.undelivered(process.now)) == 1


@pytest.mark.parametrize(
    ("url", "service"),
    [
        (SLACK, "Slack"),
        ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "Discord"),
        (TEAMS, "Microsoft Teams"),
        ("https://example.com/hook?key=1", "webhook"),
        ("http://127.0.0.1:8080/hook", "webhook"),
        ("mailtos://user:password@mail.example.com?to=me@example.com", "mail"),
    ],
)
def test_addresses_as_the_services_give_them(url: str, service: str) -> None:
    """Need no translation by the user."""
    assert service_of(url) == service


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/hook", "in the clear"),
        ("mailto://user:password@mail.example.com?to=me@example.com", "in the clear"),
        ("https://example.com/hook?verify=no", "certificate"),
        ("https://169.254.169.254/latest", "metadata"),
        ("json://169.254.169.254/latest", "metadata"),
        ("syslog://", "no address"),
        ("file:///etc/passwd", "no address"),
        ("slack", "no address"),
        ("", "no address"),
    ],
)
def test_what_may_not_be_a_target(url: str, why: str) -> None:
    """Is refused before anything is stored or sent."""
    with pytest.raises(UserError, match=why):
        service_of(url)


def test_foreign_text_stays_text() -> None:
    """No mention, no link, no control character; lines stay lines."""
    assert plain("a <!channel>\x1b[2J\n@everyone [x](http://y)") == (
        "a ‹!channel› [2J\n@\u200beveryone [x] (http://y)"  # noqa: RUF001 - they look alike on purpose
    )


async def test_nothing_secret_is_logged(process: Process, webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever becomes of an alert, at whatever level: the library's log is not ours, and is not listened to."""
    await process.alerts.targets.add("team", SLACK, NOW)
    await process.alerts.outbox.put(Event("r", "s", "alert", "x"), ["team"], NOW)
    webhook.behaviour = "fail"
    with caplog.at_level(logging.WARNING):
        await process.pass_(1)
    assert "did not reach team" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)


@pytest.mark.e2e
async def test_a_killed_process_loses_nothing(tmp_path: Path, webhook: Webhook) -> None:
    """It is killed while the webhook hangs; another process waits for the end of its claim, and then delivers, once."""
    process = await Process.open(await Database.open(tmp_path / "a.db"), tmp_path)
    await process.alerts.targets.add("hook", f"http://127.0.0.1:{webhook.port}/hook?rto=20", NOW)
    await process.alerts.outbox.put(Event("r", "s", "alert", "killed in between"), ["hook"], NOW)
    webhook.behaviour = "hang"
    program = (
        "import asyncio, sys; from pathlib import Path; from tests.operations.alerts.test_delivery import *\n"
        "async def main():\n"
        "    folder = Path(sys.argv[1])\n"
        "    await (await Process.open(await Database.open(folder / 'a.db'), folder)).alerts.tell()\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'server'}"}
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path), env=environment)
    assert await asyncio.to_thread(webhook.hangs.wait, 60)
    child.send_signal(signal.SIGKILL)
    await child.wait()
    webhook.behaviour = "take"
    await process.pass_(LEASE_S - 10)
    assert webhook.taken == []
    await process.pass_(20)
    await process.pass_(LEASE_S * 10)
    assert [path for path, _ in webhook.taken] == ["/hook"]
    await process.database.close()
