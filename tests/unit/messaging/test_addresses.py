"""Where a webhook may lead: the public internet over https, in whatever spelling somebody tries something else."""

from __future__ import annotations

import pytest

from chalicelib.messaging.addresses import AddressRefused, numbers, parse

PRIVATE = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f000001",
    "0x7f.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[64:ff9b::a00:1]",
    "[64:ff9b::169.254.169.254]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:db8::1]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fc00::1]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
]
LOCAL_NAMES = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "localhost.localdomain",
    "localhost.localdomain.internal",
    "metadata.google.internal",
    "metadata",
    "intranet",
    "printer.local",
    "router.lan",
    "db.corp",
    "host.home.arpa",
    "256.1.1.1",
    "1.2.3.4.5",
    "",
    ".",
    "-a-.example.com",
]
NO_ADDRESSES = [
    "http://example.com/",
    "ftp://example.com/",
    "//example.com/",
    "example.com",
    "https:/example.com/",
    "https://user@example.com/",
    "https://user:word@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com/#x",
    "https://example.com:22/",
    "https://example.com:80/",
    "https://example.com:0/",
    "https://example.com:1023/",
    "https://example.com:65536/",
    "https://example.com:x/",
    "https://exa mple.com/",
    "https://example.com/\r\nX: y",
    "https://example.com\\@127.0.0.1/",
    "https://bücher.example/",
    "https://①②⑦.⓪.⓪.①/",
    "https://[::1/",
    "https://example.com/" + "x" * 500,
    "",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_number_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(AddressRefused, match="private"):
        parse(f"https://{host}/hook")


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_a_name_that_can_only_be_local_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        parse(f"https://{host}/hook")


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse(url)


@pytest.mark.parametrize(
    ("url", "authority", "port", "target"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/"),
        ("https://Hooks.Example.com:8443/a?b=c", "hooks.example.com:8443", 8443, "/a?b=c"),
        ("https://8.8.8.8/x", "8.8.8.8", 443, "/x"),
        ("https://[2606:4700::1111]:9000/x", "[2606:4700::1111]:9000", 9000, "/x"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
    ],
)
def test_a_public_address_in_its_parts(url: str, authority: str, port: int, target: str) -> None:
    found = parse(url)
    assert (found.authority, found.port, found.target) == (authority, port, target)


@pytest.mark.parametrize("number", [host.strip("[]").replace("%25", "%") for host in PRIVATE if host[0] == "["])
def test_a_name_that_leads_into_a_private_network_is_refused(number: str) -> None:
    with pytest.raises(AddressRefused):
        numbers(parse("https://hooks.example.com/"), lambda host, port: ["93.184.216.34", number])


def test_a_public_name_has_its_numbers() -> None:
    resolve = lambda host, port: ["93.184.216.34", "93.184.216.34", "2606:4700::1111"]  # noqa: E731
    assert numbers(parse("https://hooks.example.com/"), resolve) == ["93.184.216.34", "2606:4700::1111"]


def test_a_name_without_numbers_is_none_that_can_be_sent_to() -> None:
    with pytest.raises(OSError, match="no number"):
        numbers(parse("https://hooks.example.com/"), lambda host, port: [])
