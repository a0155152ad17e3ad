from datetime import timedelta

import pytest

from services.validation.app import policy_of
from services.validation.rules.polling import IMPATIENT, LONG_RUN
from services.validation.settings import Settings, address
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
