"""Which hosts may be contacted: with TLS, except on this machine."""

import functools
import ipaddress
import socket
import ssl
import urllib.request

import httpx

from chunk_assets.errors import Rejected, SpecError

API = "https://api.replicate.com"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def checked_base_url(base_url: str | None) -> str:
    """Return the API's URL without a slash at its end; None for Replicate's own.

    Raises:
        SpecError: The URL is neither https nor on this machine, or has a path.
    """
    allowed = f"expected https with a host and no path, as in {API!r}, or http on this machine"
    try:
        url = httpx.URL(base_url or API)
    except httpx.InvalidURL:
        raise SpecError(f"the Replicate base URL is not a URL: {allowed}") from None
    is_plain = url.path in ("", "/") and not url.query and not url.fragment and not url.userinfo
    is_safe = url.scheme == "https" or (url.scheme == "http" and url.host in LOOPBACK)
    if not (url.host and is_plain and is_safe):
        shown = f"{url.scheme}://{url.host}{url.path}"  # without a password
        raise SpecError(f"the Replicate base URL is {shown!r}: {allowed}", base_url=shown)
    return str(url).rstrip("/")


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Return scheme, host and port; the token is sent only to the API's own."""
    return url.scheme, url.host.lower(), url.port or {"http": 80}.get(url.scheme, 443)


def check_address(url: httpx.URL, *, base_url: str) -> None:
    """Check that an output may be downloaded from a URL.

    Raises:
        Rejected: It is not https, or on a private network. If the API itself is on this machine,
            http on this machine is allowed as well.
    """
    is_local = httpx.URL(base_url).host in LOOPBACK
    shown = f"{url.scheme}://{url.host}"
    if is_local and url.scheme in ("http", "https") and url.host in LOOPBACK:
        return
    if url.scheme != "https" or not url.host or url.userinfo:
        raise Rejected(f"an output at {shown!r} is not fetched: expected https", host=url.host)
    private = [address for address in _addresses(url.host) if not address.is_global]
    if private:
        message = f"an output at {shown!r} is not fetched: {private[0]} is not a public address"
        raise Rejected(message, host=url.host)


@functools.cache
def tls() -> ssl.SSLContext:
    """Return the TLS settings, made once since reading the certificates takes 30 ms."""
    return httpx.create_ssl_context()


def proxy_for(url: str) -> str | None:
    """Return the environment's proxy for a URL; none for this machine.

    A client with its own transport ignores the environment.
    """
    host = httpx.URL(url).host
    if host in LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get("https") or proxies.get("all")


def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Return a host's addresses; none if it cannot be resolved."""
    try:
        # The resolver also accepts other notations of an address: "127.1", "0x7f000001".
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return [getattr(address, "ipv4_mapped", None) or address for address in addresses]
