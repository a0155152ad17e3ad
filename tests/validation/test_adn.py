import pytest

from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.adn import Adn, authorization_domains, leads_to
from services.validation.rules.methods import DNS_CHANGE, METHODS
from services.validation.rules.names import Name

PUBLIC = shipped_suffixes()
FILE = METHODS["3.2.2.4.18"]
PERSISTENT = METHODS["3.2.2.4.22"]


def domains(name: Name, **given: tuple[str, ...]) -> list[str]:
    return [adn.domain for adn in authorization_domains(name, DNS_CHANGE, PUBLIC, **given)]


def test_labels_are_dropped_down_to_the_base_domain_and_no_further() -> None:
    assert authorization_domains(Name("a.b.example.co.uk"), DNS_CHANGE, PUBLIC) == [
        Adn("a.b.example.co.uk"),
        Adn("b.example.co.uk", ("prune to b.example.co.uk",)),
        Adn("example.co.uk", ("prune to b.example.co.uk", "prune to example.co.uk")),
    ]


def test_a_base_domain_is_not_pruned() -> None:
    assert domains(Name("example.com")) == ["example.com"]


def test_below_a_private_suffix_the_platform_owns_the_base_domain() -> None:
    assert domains(Name("tenant.github.io")) == ["tenant.github.io", "github.io"]


def test_a_wildcard_is_stripped_and_pruned_but_never_follows_an_alias() -> None:
    adns = authorization_domains(Name("a.example.com", wildcard=True), DNS_CHANGE, PUBLIC, ("x.other.net",))

    assert [adn.domain for adn in adns] == ["a.example.com", "example.com"]
    assert adns[1].steps == ("strip *.", "prune to example.com")


def test_an_alias_is_followed_before_pruning_and_never_after() -> None:
    adns = authorization_domains(Name("www.example.com"), DNS_CHANGE, PUBLIC, ("a.cdn.net", "b.edge.org"))

    assert [adn.domain for adn in adns] == [
        "www.example.com",
        "example.com",
        "a.cdn.net",
        "cdn.net",
        "b.edge.org",
        "edge.org",
    ]
    assert adns[-1].steps == ("CNAME a.cdn.net", "CNAME b.edge.org", "prune to edge.org")


def test_the_file_method_stands_for_the_exact_name_only() -> None:
    assert [adn.domain for adn in authorization_domains(Name("www.example.com"), FILE, PUBLIC)] == ["www.example.com"]
    assert not leads_to(Name("www.example.com"), FILE, PUBLIC, "example.com")
    assert authorization_domains(Name("example.com", wildcard=True), FILE, PUBLIC) == []


def test_the_persistent_method_has_no_cname_step() -> None:
    adns = authorization_domains(Name("www.example.com"), PERSISTENT, PUBLIC, ("a.cdn.net",))

    assert [adn.domain for adn in adns] == ["www.example.com", "example.com"]


@pytest.mark.parametrize("name", [Name("x.y.example.com"), Name("example.com", wildcard=True), Name("example.com")])
def test_proof_of_a_domain_serves_the_names_below_it(name: Name) -> None:
    assert leads_to(name, DNS_CHANGE, PUBLIC, "example.com")


@pytest.mark.parametrize("name", [Name("example.org"), Name("notexample.com"), Name("com.example.net")])
def test_proof_of_a_domain_serves_no_other_name(name: Name) -> None:
    assert not leads_to(name, DNS_CHANGE, PUBLIC, "example.com")


def test_proof_of_a_child_does_not_serve_its_parent() -> None:
    assert not leads_to(Name("example.com"), DNS_CHANGE, PUBLIC, "www.example.com")
