import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.registry.endpoint_url import insecure_key_problem, problem_of

GOOD = [
    "http://127.0.0.1:8080/v1",
    "http://localhost:11434/v1",
    "http://[::1]:8000/v1/chat/completions",
    "https://your-model-api.com/v1/chat/completions",
    "https://api.example.com",
    "http://192.168.1.20:1234/v1",
    "http://10.0.0.5:8000",
    "http://gpu-box:8000/v1",
    "http://my_box.lan:8000/v1",
    "http://[fd12:3456::1]:8000/v1",
    "https://modèle.example/v1",
    "HTTPS://API.EXAMPLE.COM./v1",
]
METADATA = [
    "http://169.254.169.254/latest",
    "http://169.254.1.1:8080/v1",
    "http://[fe80::1]/v1",
    "http://[fe80::1%25eth0]/v1",
    "http://[::ffff:169.254.169.254]/v1",
    "http://[::ffff:a9fe:a9fe]/v1",
    "http://[::169.254.169.254]/v1",
    "http://[64:ff9b::169.254.169.254]/v1",
    "http://[64:ff9b:1::a9fe:a9fe]/v1",
    "http://[2002:a9fe:a9fe::1]/v1",
    "http://[fd00:ec2::254]/v1",
    "http://100.100.100.200/v1",
    "http://metadata.google.internal/v1",
    "http://METADATA.google.INTERNAL./v1",
    "http://metadata/v1",
    "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/v1",
    "http://169。254。169。254/v1",
]
UNUSUAL = [
    "http://2852039166/v1",
    "http://0xA9FEA9FE/v1",
    "http://0251.0376.0251.0376/v1",
    "http://0xa9.0xfe.0xa9.0xfe/v1",
    "http://169.254.43518/v1",
    "http://2130706433/v1",
    "http://127.1/v1",
    "http://169.254.169.0254./v1",
    "http://0x/v1",
]
WRONG = {
    "": "empty",
    "localhost:8080/v1": "must start with http",
    "ftp://example.com/": "must start with http",
    "javascript:alert(1)": "must start with http",
    "file:///etc/passwd": "must start with http",
    "http:/example.com": "must start with http",
    "http://": "must start with http",
    "http://:8080": "host",
    "http://user:password@example.com/v1": "user name or password",
    "http://@example.com/v1": "user name or password",
    "http://example.com/v1?key=abc": "must not contain ?",
    "http://example.com/v1?": "must not contain ?",
    "http://example.com/v1#": "must not contain ?",
    "http://example.com:99999/v1": "not a URL",
    "http://example.com:x/v1": "not a URL",
    "http://example.com:0/v1": "port 0",
    "http://[::1/v1": "not a URL",
    "http://exa mple.com/v1": "a space",
    "http://example.com\\@evil.example/v1": "backslash",
    "http://example.com/\nv1": "unprintable",
    "http://-bad-.example/v1": "host name",
    "http://a..b/v1": "host name",
    "http://%31%36%39.254.169.254/v1": "%",
    "http://0.0.0.0:8000/v1": "127.0.0.1",
    "http://[::]:8000/v1": "127.0.0.1",
    "http://224.0.0.1/v1": "group of machines",
    "http://255.255.255.255/v1": "group of machines",
    "http://" + "a" * 3000: "longer",
}


@pytest.mark.parametrize("url", GOOD)
def test_where_people_run_their_models(url: str) -> None:
    """Loopback, private networks, plain names and the internet are all fine."""
    assert problem_of(url) is None


@pytest.mark.parametrize("url", METADATA)
def test_metadata_services_are_refused_under_every_spelling(url: str) -> None:
    """No registration leads to the address that hands out a machine's credentials."""
    problem = problem_of(url)
    assert problem is not None
    assert "metadata" in problem or "%" in problem


@pytest.mark.parametrize("url", UNUSUAL)
def test_unusual_spellings_of_addresses_are_refused(url: str) -> None:
    """Decimal, octal, hexadecimal and shortened IPv4 have no honest use."""
    assert "unusual spelling" in (problem_of(url) or "")


@pytest.mark.parametrize(("url", "words"), WRONG.items(), ids=[url[:40] for url in WRONG])
def test_what_is_wrong_is_said(url: str, words: str) -> None:
    """Each problem names its reason."""
    assert words in (problem_of(url) or "")


@settings(deadline=None)  # the machine may be busy
@given(st.sampled_from(["", "http://", "https://", "http://["]), st.text(max_size=20), st.text(max_size=10))
def test_no_text_breaks_the_check(start: str, host: str, rest: str) -> None:
    """Any text gives an answer, and what passes can be asked whether a key may travel there."""
    url = start + host + rest
    if problem_of(url) is None:
        insecure_key_problem(url)


@settings(deadline=None)  # the machine may be busy
@given(
    st.ip_addresses(v=4, network="169.254.0.0/16"), st.sampled_from(["{}", "[::ffff:{}]", "[::{}]", "[64:ff9b::{}]"])
)
def test_every_link_local_address_is_refused(address: object, shape: str) -> None:
    """The whole block, plain and inside IPv6."""
    assert problem_of(f"http://{shape.format(address)}/v1") is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
        "http://10.1.2.3/v1",
        "http://172.16.0.1/v1",
        "http://192.168.0.1/v1",
        "http://100.64.0.7/v1",
        "http://[fd12::1]/v1",
        "http://gpu-box:8000",
        "http://gpu.lan:8000",
        "http://GPU.local.:8000",
    ],
)
def test_a_key_may_travel_encrypted_or_at_home(url: str) -> None:
    """TLS, this machine, or its own network."""
    assert insecure_key_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "http://8.8.8.8/v1",
        "http://172.32.0.1/v1",
        "http://[2606:4700::1111]/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "http://localhost.example.com/v1",
    ],
)
def test_a_key_never_travels_in_the_clear(url: str) -> None:
    """Plain HTTP to a public host is refused where a key is given, with the fix."""
    assert "https://" in (insecure_key_problem(url) or "")
