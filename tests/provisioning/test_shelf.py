"""Which file a phone may have."""

from dataclasses import replace

import pytest

from pbx.provisioning.devices import devices_of
from pbx.provisioning.shelf import Shelf, file_names, path_of
from tests.provisioning.company import HOST, company, rendered, secret_of

CONFIG = company()
SHELF = Shelf(CONFIG)


@pytest.mark.parametrize(
    ("device", "asked", "canonical"),
    [
        ("00:15:65:74:B1:50", "00156574b150.cfg", "00156574b150.cfg"),
        ("00:15:65:74:B1:50", "00156574B150.cfg", "00156574b150.cfg"),
        ("000b82aabbcc", "cfg000b82aabbcc.xml", "cfg000b82aabbcc.xml"),
        ("desk", "000413abcdef.xml", "000413abcdef.xml"),
        ("desk", "000413ABCDEF.htm", "000413abcdef.xml"),
        ("desk", "snomD785-000413ABCDEF.htm", "000413abcdef.xml"),
        ("softphone", "softphone.xml", "softphone.xml"),
        ("door", "door.conf", "door.conf"),
    ],
)
def test_files_have_the_names_that_phones_ask_for(device: str, asked: str, canonical: str) -> None:
    secret = secret_of(f"device_{device}")
    found = SHELF.find(secret, asked, HOST)
    assert found is not None
    assert (found.name, found.body.decode()) == (canonical, rendered(device))
    wrong = secret_of("device_other")
    assert SHELF.find(wrong, asked, HOST) is None
    assert SHELF.find("", asked, HOST) is None
    assert SHELF.find(secret + "x", asked, HOST) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "y000000000028.cfg",
        "../secrets.yaml",
        "00156574b150",
        "door.conf/",
        "x" * 1000,
        "door\0",
    ],
)
def test_other_files_are_not_there(name: str) -> None:
    for device in CONFIG.devices:
        assert SHELF.find(secret_of(f"device_{device}"), name, HOST) is None


def test_the_secret_of_one_phone_opens_no_other_file() -> None:
    secret = secret_of("device_door")
    assert SHELF.find(secret, "softphone.xml", HOST) is None


def test_a_phone_without_a_secret_gets_nothing() -> None:
    """Before the first start has made it."""
    devices = {"door": CONFIG.devices["door"].model_copy(update={"secret": ""})}
    shelf = Shelf(CONFIG.model_copy(update={"devices": devices}))
    assert [shelf.find(secret, "door.conf", HOST) for secret in ("", "0" * 64)] == [None, None]


def test_addresses() -> None:
    paths = {device.name: path_of(device) for device in devices_of(CONFIG)}
    assert paths["door"] == "/provision/made-for-device_door/door.conf"
    assert paths["desk"] == "/provision/made-for-device_desk/000413abcdef.xml"


def test_a_phone_behind_an_ipv6_address() -> None:
    (door,) = [device for device in devices_of(CONFIG) if device.name == "door"]
    assert door.at("2001:db8::1").address == "[2001:db8::1]:5060"
    assert replace(door, server="pbx").at("other").address == "pbx:5060"


def test_file_names_are_in_small_letters() -> None:
    names = [name for device in devices_of(CONFIG) for name in file_names(device)]
    assert names == [name.lower() for name in names]
    assert len(set(names)) == len(names)
