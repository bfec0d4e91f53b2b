"""Where a webhook may lead: to the public internet over https, and nowhere else.

An address is checked when it is told, so that whoever tells it learns what is wrong; and every time something is sent,
since a name may lead elsewhere by then. What is connected to is the number that was checked, never the name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL_CHARACTERS = 500
RESOLVE_SECONDS = 2.0
HTTPS_PORT = 443
LAST_WELL_KNOWN_PORT = 1_023

_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_PRIVATE_SUFFIXES = (
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "home.arpa",
)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""The numbers of a name, as text. :raises OSError: it has none, or nobody knows just now"""


class AddressRefused(Exception):
    """A webhook must not lead there; the message says why."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An https address in its parts; `target` is what is asked for there."""

    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """For the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"


def parse(url: str) -> WebAddress:
    """:raises AddressRefused: it is no https address, or one that can only be private"""
    if len(url) > MAX_URL_CHARACTERS or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressRefused(f"must be a URL of at most {MAX_URL_CHARACTERS} printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("must be a URL") from None
    if parts.scheme != "https":
        raise AddressRefused("must be https")
    if "@" in parts.netloc:
        raise AddressRefused("must have no user name and no password")
    if parts.fragment:
        raise AddressRefused("must have no fragment")
    port = HTTPS_PORT if port is None else port
    if port != HTTPS_PORT and port <= LAST_WELL_KNOWN_PORT:
        raise AddressRefused(f"must have port {HTTPS_PORT}, or one above {LAST_WELL_KNOWN_PORT}")
    host = (parts.hostname or "").rstrip(".")
    number = _number(host)
    if number is not None:
        refuse_private(number)
    elif not _NAME.fullmatch(host) or host.endswith(tuple(f".{suffix}" for suffix in _PRIVATE_SUFFIXES)):
        raise AddressRefused("must name a host of the public internet")
    return WebAddress(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def numbers(address: WebAddress, resolve: Resolve | None = None) -> list[str]:
    """The numbers that an address leads to, every one of them checked.

    :raises AddressRefused: one of them is not of the public internet
    :raises OSError: the name has no number, or that could not be found out
    """
    found = list(dict.fromkeys((resolve or _resolve)(address.host, address.port)))
    for each in found:
        refuse_private(ipaddress.ip_address(each.partition("%")[0]))
    if not found:
        raise OSError("the name has no number")
    return found


def refuse_private(number: IpAddress) -> None:
    """:raises AddressRefused: it is loopback, private, link-local, metadata, or anything else that is not public"""
    for each in (number, *_inside(number)):
        reserved = any(each in network for network in _RESERVED)
        if reserved or not each.is_global or each.is_multicast or each.is_reserved or each.is_unspecified:
            raise AddressRefused("must not lead to a private, local or reserved network")


def _inside(number: IpAddress) -> list[IpAddress]:
    """IPv4 numbers that an IPv6 number stands for: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(number, ipaddress.IPv4Address):
        return []
    found: list[IpAddress] = [each for each in (number.ipv4_mapped, number.sixtofour, *(number.teredo or ())) if each]
    if number in _NAT64 or int(number) >> 32 == 0:
        found.append(ipaddress.IPv4Address(int(number) & 0xFFFF_FFFF))
    return found


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_RESERVED = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "2001::/23", "fec0::/10"),
    )
)
"""What `ipaddress` takes for public: protocol assignments (with a cloud's metadata), relays, another cloud's own, the
private networks of old."""


def _number(host: str) -> IpAddress | None:
    """The number that a host is, in whatever spelling: `127.1`, `0x7f000001` and `2130706433` are 127.0.0.1."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _resolve(host: str, port: int) -> list[str]:
    """What the system says, within RESOLVE_SECONDS."""
    asking = ThreadPoolExecutor(1)
    try:
        told = asking.submit(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM).result(RESOLVE_SECONDS)
    except TooSlow:
        raise OSError("the name was not resolved in time") from None
    except UnicodeError as error:
        raise OSError(str(error)) from None
    finally:
        asking.shutdown(wait=False)
    return [str(each[4][0]) for each in told]
