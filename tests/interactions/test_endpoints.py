"""Where notifications may go."""

from ipaddress import ip_address

import pytest

from sharedplan.interactions.endpoints import Endpoints, origin_of

OPEN = Endpoints()
NAMED = Endpoints(frozenset({"https://records.example", "https://10.1.2.3:8443"}), anywhere=False)
HERE = Endpoints(loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://records.example/told",
        "https://records.example:8443/told?key=1",
        "https://[2606:4700::1111]/told",
        "https://8.8.8.8/",
    ],
)
def test_an_address_on_the_open_internet_is_taken(url: str) -> None:
    assert OPEN.fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://records.example/told",
        "ftp://records.example/",
        "https:///told",
        "https://user:secret@records.example/",
        "https://records.example/#there",
        "https://records.example:99999/",
        "https://records.example\\@evil.example/",
        "https://räksmörgås.example/",
        "https://records.example/a b",
        "https://records.example/\r\nX: y",
        f"https://records.example/{'x' * 2000}",
        "",
        None,
        7,
        *("https://127.0.0.1/", "http://127.0.0.1:8000/", "http://localhost/", "https://[::1]/", "https://0.0.0.0/"),
        *("https://10.1.2.3/", "https://192.168.0.1/", "https://172.16.0.1/", "https://100.64.0.1/"),
        *("https://169.254.169.254/latest/meta-data", "https://[fe80::1]/", "https://[fd00:ec2::254]/"),
        *("https://[::ffff:10.0.0.1]/", "https://[::ffff:169.254.169.254]/", "https://[64:ff9b::7f00:1]/"),
        *("https://[2002:7f00:1::]/", "https://224.0.0.1/", "https://255.255.255.255/"),
        *("https://192.0.0.8/", "https://192.0.0.192/", "https://168.63.129.16/", "https://[::ffff:168.63.129.16]/"),
    ],
)
def test_any_other_is_not(url: object) -> None:
    assert OPEN.fault(url) is not None


def test_in_production_only_what_the_operator_named_is_taken_also_in_private_networks() -> None:
    assert NAMED.fault("https://records.example:443/anything") is None
    assert NAMED.fault("https://10.1.2.3:8443/told") is None
    assert "SHAREDPLAN_SUBSCRIPTION_ORIGINS" in str(NAMED.fault("https://records.example.evil.example/"))
    assert NAMED.fault("https://10.1.2.3/told") is not None
    assert NAMED.fault("https://8.8.8.8/") is not None


def test_what_a_host_resolves_to_is_judged_by_its_origin() -> None:
    named, other = "https://records.example", "https://other.example"
    assert NAMED.takes(ip_address("10.9.8.7"), named)
    assert not NAMED.takes(ip_address("10.9.8.7"), other)
    for never in (
        "169.254.169.254",
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "224.0.0.1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "168.63.129.16",
    ):
        assert not NAMED.takes(ip_address(never), named), never
    assert OPEN.takes(ip_address("8.8.8.8"), other)


def test_this_machine_is_told_only_where_a_setting_says_so() -> None:
    for url in ("http://127.0.0.1:9000/told", "http://localhost:9000/", "https://[::1]/", "http://127.9.9.9/"):
        assert HERE.fault(url) is None
        assert OPEN.fault(url) is not None
    assert HERE.fault("http://records.example/") is not None
    assert HERE.takes(ip_address("127.0.0.1"), "http://localhost:9000")
    assert not HERE.takes(ip_address("10.0.0.1"), "http://localhost:9000")


def test_an_origin_has_its_port_where_it_is_not_the_usual_one() -> None:
    assert origin_of("https://Records.Example:443/x") == "https://records.example"
    assert origin_of("https://records.example:8443/x") == "https://records.example:8443"
    assert origin_of("https://[::1]:8443/") == "https://[::1]:8443"
