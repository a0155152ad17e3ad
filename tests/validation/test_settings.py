import json
import re
from datetime import timedelta
from typing import Any

import pytest

from services.validation import perspective
from services.validation.app import build, policy_of
from services.validation.clients.configured import Configured, guard_of, perspectives_of
from services.validation.rules.guard import Guard
from services.validation.rules.polling import IMPATIENT, LONG_RUN
from services.validation.settings import Settings, address
from shared.service.health import healthy
from shared.settings import SettingsRefused


def settings(**given: str) -> Settings:
    return Settings.from_environment({f"ISSUARY_VALIDATION_{name.upper()}": text for name, text in given.items()})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_a_resolver_is_an_address_with_or_without_port(text: str, found: tuple[str, int]) -> None:
    assert address(text) == found


@pytest.mark.parametrize("text", ["resolver.example:53", "localhost", "192.0.2.1:port", "", ","])
def test_a_resolver_by_name_is_refused_at_start(text: str) -> None:
    with pytest.raises(SettingsRefused):
        settings(resolvers=text or ",")


def test_resolvers_and_labels_are_listed_by_commas() -> None:
    given = settings(resolvers="192.0.2.1, [2001:db8::1]:5353", txt_labels="_dnsauth,_acme")

    assert given.resolver_addresses == [("192.0.2.1", 53), ("2001:db8::1", 5353)]
    assert policy_of(given).labels == ("_dnsauth", "_acme")


def test_a_label_that_does_not_begin_with_an_underscore_is_refused_at_start() -> None:
    with pytest.raises(SettingsRefused, match="underscore"):
        settings(txt_labels="dnsauth")


def test_test_mode_is_refused_in_production() -> None:
    with pytest.raises(SettingsRefused, match="test mode"):
        settings(test_mode="1", env="prod")


def test_production_polls_by_the_long_run_and_knows_no_test_names() -> None:
    policy = policy_of(settings())

    assert (policy.test_mode, policy.reuse_for_dv, policy.lead) == (False, True, timedelta(days=1))
    assert (policy.phases, policy.first_look) == (LONG_RUN, timedelta(seconds=1))
    assert policy.suffixes.base_domain("www.acme.example") is None


def test_test_mode_looks_at_once_and_often_and_takes_example_for_public() -> None:
    policy = policy_of(settings(test_mode="1", env="dev"))

    assert (policy.test_mode, policy.phases, policy.first_look) == (True, IMPATIENT, timedelta(0))
    assert policy.suffixes.base_domain("www.acme.example") == "acme.example"


def test_reuse_for_domain_validated_products_is_a_setting() -> None:
    policy = policy_of(settings(reuse_for_dv="false"))

    assert not policy.may_reuse("ssl_dv_geotrust")
    assert policy.may_reuse("ssl_securesite_pro")
    assert policy_of(settings()).may_reuse("ssl_dv_geotrust")


@pytest.mark.parametrize(
    "given", [{"http_port": "8080"}, {"https_port": "8443"}, {"smtp_port": "2525"}, {"reachable": "127.0.0.0/8"}]
)
def test_sg6_the_guard_is_weakened_in_test_mode_only(given: dict[str, str]) -> None:
    with pytest.raises(SettingsRefused, match="belong to test mode"):
        settings(**given)
    with pytest.raises(SettingsRefused, match="test mode"):
        settings(**given, test_mode="1", env="prod")

    assert guard_of(settings(**given, test_mode="1", env="dev")) != Guard()
    assert guard_of(settings()) == guard_of(settings(test_mode="1", env="dev")) == Guard()


@pytest.mark.parametrize("given", [{"reachable": "127.0.0.1/8"}, {"reachable": "localhost"}, {"http_port": "0"}])
def test_sg6_what_is_no_network_and_no_port_is_refused_at_start(given: dict[str, str]) -> None:
    with pytest.raises(SettingsRefused):
        settings(**given, test_mode="1", env="dev")


def test_what_the_ca_discloses_is_a_setting() -> None:
    policy = policy_of(settings(issuer_domains="ca.our, other.our", account_domain="our", cname_zone="dcv.our"))

    assert (policy.issuer_domains, policy.account_uri(7)) == (("ca.our", "other.our"), "acct:7@our")
    assert (policy.cname_zone, policy.http_file, policy.persist_follow_cname) == ("dcv.our", "fileauth.txt", False)


# ── perspectives ─────────────────────────────────────────────────────────────────────────────────────────────────────

FRA = {"name": "fra", "region": "RIPE NCC", "latitude": 50.11, "longitude": 8.68}
LON = {"name": "lon", "region": "RIPE NCC", "latitude": 51.51, "longitude": -0.13}
NYC = {"name": "nyc", "region": "ARIN", "latitude": 40.71, "longitude": -74.01}


def configured(*perspectives: Any, **given: str) -> Configured:
    return perspectives_of(settings(perspectives=json.dumps(perspectives), **given))


def test_the_first_perspective_is_the_service_itself() -> None:
    found = configured(FRA, LON, NYC)

    assert found.primary is not None
    assert (found.primary.name, [one.name for one in found.remotes]) == ("fra", ["lon", "nyc"])
    assert perspectives_of(settings()).primary is None


@pytest.mark.parametrize(
    ("perspectives", "sentence"),
    [
        ([FRA, {**LON, "name": "fra"}], "two perspectives are called fra"),
        ([FRA, {**FRA, "name": "mainz"}], "fra and mainz are 0 km apart, and have to be 500"),
        ([FRA, {**LON, "region": "EMEA"}], "1: lon is in no region of"),
        ([FRA, {**LON, "resolver_region": "ARIN"}], "the resolver of lon has to be in the region"),
        ([FRA, {**LON, "url": "http://lon.example"}], "lon is reached by https:// only"),
        ([FRA, {**LON, "url": "https://lon.example"}], "an https address needs ISSUARY_VALIDATION_PERSPECTIVE_CERT"),
        ([FRA, {**LON, "resolvers": ["127.0.0.1:53"]}], "test mode alone may do"),
        ([FRA, {"name": "lon"}], "1: region: Field required"),
        ([FRA, {**LON, "city": "London"}], "1: city: Extra inputs are not permitted"),
        ("fra", "Input should be a valid array"),
    ],
)
def test_perspectives_that_cannot_be_are_refused_at_start_with_a_sentence(perspectives: Any, sentence: str) -> None:
    given = settings(perspectives=json.dumps(perspectives))

    with pytest.raises(SettingsRefused, match=re.escape(sentence)) as raised:
        perspectives_of(given)
    assert str(raised.value).startswith("ISSUARY_VALIDATION_PERSPECTIVES: ")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="Invalid JSON"):
        perspectives_of(settings(perspectives="[{"))


@pytest.mark.parametrize(
    ("name", "region", "sentence"),
    [
        ("London!", "ARIN", "no name of a perspective"),
        ("lon", "", "ISSUARY_VALIDATION_PERSPECTIVE_REGION has to be one of"),
        ("lon", "EMEA", "ISSUARY_VALIDATION_PERSPECTIVE_REGION has to be one of"),
    ],
)
def test_a_perspective_that_does_not_know_where_it_is_does_not_start(name: str, region: str, sentence: str) -> None:
    with pytest.raises(SettingsRefused, match=sentence):
        perspective.build(settings(perspective_region=region), name)


def test_checks_over_https_need_an_identity() -> None:
    with pytest.raises(SettingsRefused, match="ISSUARY_VALIDATION_PERSPECTIVE_CERTIFICATE"):
        settings(perspective_port="8443")


async def test_a_service_without_perspectives_is_ready_and_says_that_it_validates_nothing() -> None:
    service = build(settings(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/none"))

    assert [sentence for sentence in service.warnings() if "0 remote perspectives are configured" in sentence]
    assert json.loads(bytes(healthy([], service.warnings()).body))["warnings"] == list(service.warnings())
    await service.at_stop()
