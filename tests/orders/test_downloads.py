import io
import re
import zipfile
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from services.orders.clients.test_ca import TestCa
from services.orders.rules.downloads import FORMATS, Chain, file_of
from services.orders.rules.issuance import Wanted
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import NOW, ca_key, csr
from tests.orders.test_api_orders import issued

PEM, PKCS7, ZIP = "application/x-pem-file", "application/x-pkcs7-certificates", "application/zip"
CERTIFICATES = "/services/v2/certificate"


def a_chain(name: str = "www.acme.example") -> Chain:
    made = TestCa(ca_key()).issue(Wanted(csr(), (name,), NOW - timedelta(hours=1), NOW + timedelta(days=90)))
    return Chain(200001, name, made.pem, made.intermediate, made.root)


CHAIN = a_chain()


def blocks(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.S)


async def get(company: Company, path: str, **headers: str) -> httpx.Response:
    async with company.client() as client:
        return await client.get(f"{CERTIFICATES}/{path}", headers=headers)


@pytest.mark.parametrize(
    ("form", "content_type", "wanted"),
    [
        ("pem_all", PEM, ("leaf", "intermediate", "root")),
        ("pem", PEM, ("leaf", "intermediate")),
        ("pem_noroot", PEM, ("leaf", "intermediate")),
        ("pem_nointermediate", PEM, ("leaf",)),
        ("crt", PEM, ("leaf",)),
    ],
)
def test_a_pem_format_holds_its_certificates_in_order(form: str, content_type: str, wanted: tuple[str, ...]) -> None:
    file = file_of(CHAIN, form)

    assert file.content_type == content_type
    assert blocks(file.content.decode()) == [getattr(CHAIN, part) for part in wanted]
    assert "".join(blocks(file.content.decode())) == file.content.decode()


@pytest.mark.parametrize("form", ["cer", "p7b"])
def test_a_pkcs7_bundle_holds_all_three_certificates(form: str) -> None:
    file = file_of(CHAIN, form)

    found = {each.serial_number for each in pkcs7.load_pem_pkcs7_certificates(file.content)}
    assert (file.name, file.content_type) == (f"www_acme_example.{form}", PKCS7)
    assert file.content.startswith(b"-----BEGIN PKCS7-----")
    assert found == {x509.load_pem_x509_certificate(pem.encode()).serial_number for pem in CHAIN.all}


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("apache", ["www_acme_example.crt", "intermediate.crt"]),
        ("default", ["www_acme_example.crt", "intermediate.crt", "root.crt"]),
        ("default_pem", ["www_acme_example.pem", "intermediate.pem", "root.pem"]),
        ("default_crt", ["www_acme_example.crt", "intermediate.crt", "root.crt"]),
        ("default_cer", ["www_acme_example.cer", "intermediate.cer", "root.cer"]),
    ],
)
def test_a_zip_holds_the_certificates_as_files_without_folders(form: str, names: list[str]) -> None:
    file = file_of(CHAIN, form)

    assert (file.name, file.content_type) == ("www_acme_example.zip", ZIP)
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        assert archive.namelist() == names
        assert [archive.read(name).decode() for name in names] == list(CHAIN.all[: len(names)])


@pytest.mark.parametrize(
    ("common_name", "stem"),
    [
        ("*.acme.example", "star_acme_example"),
        ("xn--bcher-kva.example", "xn--bcher-kva_example"),
        ("root.acme.example", "certificate_200001"),
        ("blockchain.example", "certificate_200001"),
        ("intermediate.example", "certificate_200001"),
        ("../../etc/passwd", "etc_passwd"),
        ('a"b\r\nc', "a_b_c"),
        ("", "certificate_200001"),
        ("a" * 300, "a" * 100),
    ],
)
def test_a_file_name_is_safe_and_never_looks_like_another_certificate_of_the_chain_t12(
    common_name: str, stem: str
) -> None:
    chain = replace(CHAIN, common_name=common_name)

    assert file_of(chain, "pem_all").name == f"{stem}.pem"
    with zipfile.ZipFile(io.BytesIO(file_of(chain, "default_pem").content)) as archive:
        assert archive.namelist()[0] == f"{stem}.pem"


@pytest.mark.parametrize("path", ["{certificate}/download/format/pem_all", "download/order/{order}/format/pem_all"])
async def test_pem_all_is_leaf_intermediate_and_root_t15(world: World, acme: Company, path: str) -> None:
    shown = await issued(world, acme)
    url = path.format(certificate=shown["certificate"]["id"], order=shown["id"])

    answer = await get(acme, url, accept="*/*")

    assert answer.headers["content-type"] == PEM
    assert len(blocks(answer.text)) == 3
    assert "".join(blocks(answer.text)) == answer.text
    assert blocks(answer.text)[0] == (await world.said("orders", "certificate_issued"))[0]["pem"]


async def test_who_accepts_a_zip_of_pem_all_gets_one_and_others_get_pem_t12(world: World, acme: Company) -> None:
    number = (await issued(world, acme))["certificate"]["id"]

    packed = await get(acme, f"{number}/download/format/pem_all", accept="application/zip")
    plain = [await get(acme, f"{number}/download/format/pem_all", accept=a) for a in ("*/*", "application/json", "")]

    assert packed.headers["content-type"] == ZIP
    assert packed.headers["content-disposition"] == 'attachment; filename="www_acme_example.zip"'
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.namelist() == ["www_acme_example.pem", "intermediate.pem", "root.pem"]
    assert {answer.headers["content-type"] for answer in plain} == {PEM}


@pytest.mark.parametrize("form", FORMATS)
async def test_every_format_is_delivered_by_certificate_and_by_order(world: World, acme: Company, form: str) -> None:
    shown = await issued(world, acme)

    by_id = await get(acme, f"{shown['certificate']['id']}/download/format/{form}")
    by_order = await get(acme, f"download/order/{shown['id']}/format/{form}")

    assert (by_id.status_code, by_order.status_code) == (200, 200)
    assert by_id.headers["content-type"] == by_order.headers["content-type"]
    assert "charset" not in by_id.headers["content-type"]


@pytest.mark.parametrize(
    ("platform", "content_type"), [("29", PEM), ("2", ZIP), ("45", PEM), ("-1", ZIP), ("1234", ZIP)]
)
async def test_a_platform_has_its_format(world: World, acme: Company, platform: str, content_type: str) -> None:
    number = (await issued(world, acme))["certificate"]["id"]

    answer = await get(acme, f"{number}/download/platform/{platform}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    if platform == "29":
        assert len(blocks(answer.text)) == 3


async def test_without_a_number_the_platform_is_the_one_ordered_for(world: World, acme: Company) -> None:
    shown = await issued(world, acme, certificate__server_platform={"id": 45})

    by_id = await get(acme, f"{shown['certificate']['id']}/download/platform")
    by_order = await get(acme, f"download/order/{shown['id']}")

    assert by_id.content == by_order.content
    assert len(blocks(by_id.text)) == 2


async def test_the_chain_is_intermediate_and_root_with_their_names(world: World, acme: Company) -> None:
    number = (await issued(world, acme))["certificate"]["id"]

    links = (await get(acme, f"{number}/chain")).json()["intermediates"]

    ca = TestCa(ca_key())
    assert [x509.load_pem_x509_certificate(link["pem"].encode()).subject for link in links] == [
        ca.intermediate.subject,
        ca.root.subject,
    ]
    assert links[1]["subject_common_name"] == "Issuary Test Root CA"


async def test_a_certificate_by_its_id_is_flat(world: World, acme: Company) -> None:
    shown = await issued(world, acme)
    number = shown["certificate"]["id"]

    told = (await get(acme, str(number))).json()

    same = ("common_name", "dns_names", "serial_number", "thumbprint", "valid_from", "valid_till", "key_size",
            "signature_hash")  # fmt: skip
    assert {name: told.pop(name) for name in same} == {name: shown["certificate"][name] for name in same}
    assert told == {
        "id": number, "order_id": shown["id"], "status": "issued", "product": {"name": "GeoTrust DV SSL"},
    }  # fmt: skip


async def test_two_certificates_are_each_delivered_under_their_own_id(world: World, acme: Company) -> None:
    first, second = [await issued(world, acme) for _ in range(2)]

    texts = [(await get(acme, f"{shown['certificate']['id']}/download/format/crt")).text for shown in (first, second)]

    serials = [f"{x509.load_pem_x509_certificate(text.encode()).serial_number:032X}" for text in texts]
    assert serials == [first["certificate"]["serial_number"], second["certificate"]["serial_number"]]


async def test_there_is_no_download_before_issue_and_no_other_format_or_platform(world: World, acme: Company) -> None:
    pending = (await acme.place())["id"]
    number = (await issued(world, acme))["certificate"]["id"]

    early = await get(acme, f"download/order/{pending}/format/pem_all")
    other = await get(acme, f"{number}/download/format/p12")
    platform = await get(acme, f"{number}/download/platform/nginx")

    assert (early.status_code, early.json()["errors"][0]["code"]) == (404, "not_found|certificate")
    assert early.json()["errors"][0]["message"] == f"Order {pending} has no certificate yet; it is pending."
    assert other.json()["errors"][0]["message"] == (
        f'The format "p12" is not offered; use one of {", ".join(FORMATS)}.'
    )
    assert platform.status_code == 404
    assert platform.json()["errors"][0]["message"] == (
        'There is no server platform "nginx"; platforms are numbers, and -1 is any other.'
    )


@pytest.mark.parametrize("path", ["{0}", "{0}/chain", "{0}/download/format/pem_all", "{0}/download/platform"])
async def test_the_certificate_of_another_account_is_not_there(
    world: World, acme: Company, globex: Company, path: str
) -> None:
    number = (await issued(world, acme))["certificate"]["id"]

    answer = await get(globex, path.format(number))

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found|certificate")
