"""The rules that compose.yaml keeps: who may do what, with how much, and that the application starts."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from tests.support.server import start
from uptrends_2fa import production

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
SAMPLE = {
    "SECRET_KEY": "k" * 50,
    "TWO_FACTOR_KEYS": Fernet.generate_key().decode(),
    "SITE_URL": "https://login.example.com",
    "ALLOWED_HOSTS": "login.example.com",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.com:587",
    "DEFAULT_FROM_EMAIL": "no-reply@example.com",
    "POSTGRES_PASSWORD": "letters1and2digits",
}
# A release down to its last number, on a named release of Debian.
PINNED = re.compile(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+(@sha256:[0-9a-f]{64})?")
# It starts and ends.
WITHOUT_HEALTH_CHECK = {"migrate"}
MIB = {"k": 1 / 1024, "m": 1, "g": 1024}


def filled(env: dict[str, str]) -> dict[str, Any]:
    """compose.yaml with the variables put in, as Compose does it."""

    def value(found: re.Match[str]) -> str:
        name, kind, other = found.groups()
        assert env.get(name) or kind == "-", f"{name} has no value"
        return env.get(name) or other

    def put_in(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: put_in(each) for key, each in node.items()}
        if isinstance(node, list):
            return [put_in(each) for each in node]
        return VARIABLE.sub(value, node) if isinstance(node, str) else node

    return put_in(yaml.safe_load(TEXT))


FILE = filled(SAMPLE)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]


def mib(text: str) -> float:
    return int(text[:-1]) * MIB[text[-1]]


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_may_do_more_than_is_needed(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not {"privileged", "devices", "pid", "ipc", "network_mode", "userns_mode"} & set(service)
    kept = set(service.get("cap_add", []))
    assert kept == ({"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"} if name == "postgres" else set())
    assert service.get("volumes", []) == (["postgres:/var/lib/postgresql/data"] if name == "postgres" else [])


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_takes_all_of_the_machine(name):
    service = SERVICES[name]
    assert 0 < service["pids_limit"] <= 200
    assert mib(service["mem_limit"]) <= 1024
    assert service["memswap_limit"] == service["mem_limit"], "keys and passwords are not swapped to a disk"
    folders = service["tmpfs"]
    assert folders
    assert all(re.search(r":size=\d+m,.*noexec", folder) for folder in folders)
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


def test_passwords_of_all_threads_fit_into_the_memory():
    web = SERVICES["web"]
    workers, threads = (int(web["environment"][f"GUNICORN_{what}"]) for what in ("WORKERS", "THREADS"))
    # Argon2 for each thread; for each worker itself, requests that arrive, and a large file that leaves.
    assert workers * threads * 100 + workers * (80 + 70 + 75) <= mib(web["mem_limit"])
    assert int(web["stop_grace_period"].removesuffix("s")) > 30, "gunicorn's graceful_timeout"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_whoever_stays_is_looked_after(name):
    service = SERVICES[name]
    assert "build" in service or PINNED.fullmatch(service["image"])
    if name not in WITHOUT_HEALTH_CHECK:
        assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert service.get("restart", "no") == ("no" if name == "migrate" else "unless-stopped")


def test_the_image_is_pinned_and_its_user_is_nobody_who_could_write_to_it():
    (base,) = re.findall(r"^FROM (\S+)$", DOCKERFILE, re.MULTILINE)
    assert PINNED.fullmatch(base)
    last_user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1]
    assert int(last_user) >= 10000
    assert "chown" not in DOCKERFILE


def test_only_this_machine_reaches_a_port_and_only_the_application_the_database():
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }
    assert FILE["networks"]["database"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["migrate"]["networks"] == ["database"]


@pytest.mark.parametrize(
    "env", [{}, {"PROXY_NETWORK": "10.77.0.0/24", "PROXY_ADDRESS": "10.77.0.1"}], ids=["as shipped", "moved"]
)
def test_the_proxy_is_trusted_by_its_address_and_nobody_else_is(env):
    file = filled({**SAMPLE, **env})
    (network,) = file["networks"]["proxy"]["ipam"]["config"]
    assert ip_address(network["gateway"]) in ip_network(network["subnet"])
    for name in ("web", "mail", "migrate"):
        environment = file["services"][name]["environment"]
        assert environment["TRUSTED_PROXIES"] == environment["FORWARDED_ALLOW_IPS"] == network["gateway"]
    assert production.about_proxies([network["gateway"]]) == ""
    assert "proxy" in SERVICES["web"]["networks"]


def test_the_application_starts_with_what_it_is_given():
    assert start(**SERVICES["web"]["environment"]) == ""


def test_each_variable_is_explained_and_those_without_a_default_are_asked_for():
    explained = set(re.findall(r"^#   (\w+)=", TEXT, re.MULTILINE))
    used = {name: kind for name, kind, _other in VARIABLE.findall(TEXT)}
    assert set(used) == explained
    assert {name for name, kind in used.items() if kind == "?"} == set(SAMPLE)
    assert "" not in used.values()


def test_the_health_check_asks_for_the_address_that_answers():
    assert "http://127.0.0.1:8000/healthz" in SERVICES["web"]["healthcheck"]["test"][-1]
