"""The detector with its real rules: slow to load where they have not been compiled yet, hence run last."""

from __future__ import annotations

import base64
import json
import random
import string
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beastmode.domain.errors import NotAllowed
from beastmode.domain.request import FimRequest
from beastmode.router.detector import SecretDetector
from beastmode.router.masking import Masker

pytestmark = pytest.mark.e2e

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
CODE = "def get_token(user):\n    return user.api_key or get_password_from_the_environment()\n"


def planted(r: random.Random) -> dict[str, str]:
    """A secret of each kind, none of them real."""

    def some(count: int, of: str = LETTERS) -> str:
        return "".join(r.choices(of, k=count))

    def encoded(size: int) -> str:
        return base64.b64encode(r.randbytes(size)).decode()

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return {
        "openai": f"sk-proj-{some(74)}T3BlbkFJ{some(74)}",
        "anthropic": f"sk-ant-api03-{some(93)}AA",
        "google": f"AIza{some(35)}",
        "groq": f"gsk_{some(52)}",
        "openrouter": f"sk-or-v1-{some(64, HEX)}",
        "xai": f"xai-{some(80)}",
        "deepseek": f"sk-{some(32, HEX)}",
        "hugging face": f"hf_{some(34, string.ascii_letters)}",
        "github": f"ghp_{some(36)}",
        "github fine-grained": f"github_pat_{some(22)}_{some(59)}",
        "gitlab": f"glpat-{some(20)}",
        "slack": f"xoxb-{some(12, string.digits)}-{some(12, string.digits)}-{some(24)}",
        "stripe": f"sk_live_{some(24)}",
        "sendgrid": f"SG.{some(22)}.{some(43)}",
        "npm": f"npm_{some(36)}",
        "pypi": f"pypi-AgEIcHlwaS5vcmc{some(150)}",
        "digitalocean": f"dop_v1_{some(64, HEX)}",
        "shopify": f"shpat_{some(32, HEX)}",
        "databricks": f"dapi{some(32, HEX)}",
        "jwt": f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': some(10), 'iat': 1516239022})}.{some(43)}",
        "private key": f"-----BEGIN PRIVATE KEY-----\\n{encoded(300)}\\n-----END PRIVATE KEY-----",
    }


def assigned(r: random.Random) -> dict[str, str]:
    """Secrets known by what stands beside them: `{}` is where."""
    some = "".join(r.choices(LETTERS, k=30)) + "7a4"
    base = base64.b64encode(r.randbytes(30)).decode()
    return {
        f'password = "{some}"\n': some,
        f'{{"api_key": "{some}"}}\n': some,
        f"DATABASE_PASSWORD={some}\n": some,
        f'headers = {{"Authorization": "Bearer {some}"}}\n': some,
        f'url = "postgres://admin:{some}@db.acme.io:5432/prod"\n': some,
        f'aws_secret_access_key = "{base}"\n': base,
        f'MISTRAL_API_KEY = "{some[-32:]}"\n': some[-32:],
    }


@pytest.fixture(scope="module")
def detector() -> SecretDetector:
    found = SecretDetector()
    found.load()
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=407798)  # a DeepSeek key of little entropy
def test_a_planted_secret_is_always_masked(detector: SecretDetector, seed: int) -> None:
    """Each kind, in code, whatever its characters; masking again changes nothing."""
    r = random.Random(seed)  # noqa: S311 - not for secrets that are real
    masker = Masker(detector)
    for kind, secret in planted(r).items():
        text = f'{CODE}client = connect("{secret}")\n{CODE}'
        request, count = masker.mask(FimRequest(text, ""))
        assert isinstance(request, FimRequest)
        assert request.prefix == text.replace(secret, "MASKED_SECRET_1"), kind
        assert count == 1, kind
        assert masker.mask(request) == (request, 0)
    for text, secret in assigned(r).items():
        request, _ = masker.mask(FimRequest(CODE, text + CODE))
        assert isinstance(request, FimRequest)
        assert request.suffix == text.replace(secret, "MASKED_SECRET_1") + CODE, text
        assert masker.mask(request) == (request, 0)


KEY = "\n".join(base64.b64encode(random.Random(1).randbytes(48)).decode() for _ in range(12)) + "\nab4=\n"  # noqa: S311 - as above
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "text",
    [CODE + PEM + CODE, PEM.partition("\n")[2] + CODE, CODE + PEM.rpartition("-----END")[0], "é" + PEM, "\0" + PEM],
    ids=["whole", "its beginning cut off", "its end cut off", "not ASCII", "NUL"],
)
def test_a_private_key_is_masked_also_where_a_window_cuts_it(detector: SecretDetector, text: str) -> None:
    """No line of it is left, and there are as many lines as there were."""
    request, count = Masker(detector).mask(FimRequest(text, ""))
    assert isinstance(request, FimRequest)
    assert count == 1
    assert request.prefix == text.replace(KEY, "MASKED_SECRET_1\n" * KEY.count("\n"))
    assert Masker(detector).mask(request) == (request, 0)


@pytest.mark.parametrize(
    "text",
    [
        'id = "123e4567-e89b-12d3-a456-426614174000"',
        'commit = "441dc5a9f3b1c0d2e4f5a6b7c8d9e0f1a2b3c4d5"',
        f'sha256 = "{random.Random(2).randbytes(32).hex()}"',  # noqa: S311 - as above
        f'data = "{base64.b64encode(random.Random(3).randbytes(300)).decode()}"',  # noqa: S311 - as above
        f'"integrity": "sha512-{base64.b64encode(random.Random(4).randbytes(64)).decode()}"',  # noqa: S311 - as above
        'token = get_token(request.headers["Authorization"])',
        "this_is_a_very_long_identifier_with_key_and_token_inside_1234 = api_key_of_the_user",
        'api_key = os.environ["OPENAI_API_KEY"]',
        'api_key = "your-api-key-here"',
        'password = getpass("Password: ")',
        "export TOKEN=$(cat token)",
        'TOKEN_URL = "https://example.org/oauth2/v2.0/token"',
    ],
)
def test_what_is_no_secret_is_left_alone(detector: SecretDetector, text: str) -> None:
    """Hashes, identifiers, data and names of secrets."""
    assert Masker(detector).mask(FimRequest(text, ""))[1] == 0


def test_ordinary_code_is_hardly_ever_touched(detector: SecretDetector) -> None:
    """Fewer than one finding in 20,000 lines of the standard library, its tests included."""
    found = lines = 0
    for path in Path(sysconfig.get_path("stdlib")).rglob("*.py"):
        if "site-packages" in path.parts:
            continue
        text = path.read_text("utf-8", "replace")
        lines += text.count("\n")
        found += len(detector.find(text))
    assert lines > 100_000
    assert found * 20_000 < lines


def test_our_own_rules_find_their_examples(detector: SecretDetector) -> None:
    """What the file of rules says of itself."""
    rules = detector._ready().rules
    own = [rule["id"] for rule in rules.metadata() if rule["id"].startswith("custom.")]
    assert len(own) == 4
    for rule in own:
        examples = rules.detail(rule)["examples"]
        assert examples
        for text in examples:
            assert detector.find(text), text


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what cannot be done and how to mend it."""
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    with pytest.raises(NotAllowed, match="pip install"):
        SecretDetector().find("x")
