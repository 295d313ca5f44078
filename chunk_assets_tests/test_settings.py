"""The environment: a URL that two libraries would read differently is refused, and not repeated."""

import pytest

from chunk_assets.cluster.broker import address
from chunk_assets.errors import SpecError
from chunk_assets.settings import load_settings

VARIABLES = ["CHUNK_ASSETS_BROKER_URL", "CHUNK_ASSETS_RESULT_URL", "CHUNK_ASSETS_POSTGRES_URL"]


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("password", ["Hush/Hush", "Hush?Hush", "Hush#Hush", "Hush[H", "Hush@Hush"])
def test_a_password_that_is_written_as_it_is_spoken(
    variable: str, password: str, monkeypatch: pytest.MonkeyPatch
):
    """One sentence that says how it is written, without a part of it."""
    monkeypatch.setenv(variable, f"redis://:{password}@127.0.0.1:6379/0")
    with pytest.raises(SpecError, match=f"^the environment variable {variable} cannot be read as "):
        load_settings()
    with pytest.raises(SpecError, match="%40 for @, %2F for / and %23 for #") as raised:
        load_settings()
    assert "Hush" not in str(raised.value)
    assert "127.0.0.1" not in str(raised.value)


@pytest.mark.parametrize("port", ["abc", "70000", "6379x"])
def test_a_port_that_is_none(port: str, monkeypatch: pytest.MonkeyPatch):
    """The same sentence."""
    monkeypatch.setenv(VARIABLES[0], f"redis://:Hush@127.0.0.1:{port}/0")
    with pytest.raises(SpecError, match="a port is a number up to 65535"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:Hush%40%2F@cache.test:6380/1", "cache.test:6380"),
        ("rediss://user:Hush@cache.test/0", "cache.test:6379"),
        ("redis://[::1]:6380/0", "::1:6380"),
        ("redis:///0", "localhost:6379"),
        ("unix:///run/redis.sock", "/run/redis.sock"),
        ("unix://:Hush@/run/redis.sock?db=1", "/run/redis.sock"),
        ("redis+socket:///run/redis.sock", "/run/redis.sock"),
    ],
)
def test_a_url_that_is_one(url: str, shown: str, monkeypatch: pytest.MonkeyPatch):
    """It is taken as it is, and told without its password."""
    monkeypatch.setenv(VARIABLES[0], url)
    taken = load_settings().broker_url
    assert taken is not None
    assert taken.get_secret_value() == url
    assert address(url) == shown


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ()),
        ("Films.Example, dagit.studio.example,", ("films.example", "dagit.studio.example")),
        ("[fd00::1]", ("fd00::1",)),
    ],
)
def test_dagits_names(value: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """They stand in one variable with commas between them."""
    monkeypatch.setenv("CHUNK_ASSETS_ALLOWED_HOSTS", value)
    assert load_settings().allowed_hosts == names


@pytest.mark.parametrize("value", ["*", "https://films.example", "films.example:3000", "a b"])
def test_a_name_of_dagits_that_is_none(value: str, monkeypatch: pytest.MonkeyPatch):
    """One sentence: nothing is allowed that was not meant."""
    monkeypatch.setenv("CHUNK_ASSETS_ALLOWED_HOSTS", value)
    with pytest.raises(SpecError, match=r"CHUNK_ASSETS_ALLOWED_HOSTS is .*: expected host names"):
        load_settings()


@pytest.mark.parametrize("group", ["LIMITS", "QUALITY"])
def test_a_group_of_limits_that_is_not_json(group: str, monkeypatch: pytest.MonkeyPatch):
    """The sentence names the variable that was set, and one of its own limits."""
    name = f"CHUNK_ASSETS_{group}"
    monkeypatch.setenv(name, "4096")
    with pytest.raises(SpecError, match=f"^the environment variable {name} "):
        load_settings()
    monkeypatch.setenv(name, "large")
    with pytest.raises(SpecError, match=f"^the environment variable {name} .*, such as {name}__"):
        load_settings()


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "0"])
def test_a_limit_that_limits_nothing(value: str, monkeypatch: pytest.MonkeyPatch):
    """It is refused by its variable's name."""
    monkeypatch.setenv("CHUNK_ASSETS_LIMITS__CLIP_SECONDS", value)
    with pytest.raises(SpecError, match="CHUNK_ASSETS_LIMITS__CLIP_SECONDS is "):
        load_settings()
