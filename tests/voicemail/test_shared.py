"""A mailbox that several extensions share: the lamps of all, and their phones are its own."""

from typing import Final

import pytest

from pbx.config import ConfigErrors
from pbx.config.document import parse
from pbx.config.load import validate
from pbx.voicemail.messages import Status
from sip.message import Request, respond
from sip.parser import parse as parse_message
from tests.voicemail.house import TEXT, House

SHARED: Final = (
    TEXT.replace("sales: {pin", "sales: {members: [101, 901], pin")
    + "    710: {members: [102, 901], pin_on_own_phone: false}\n"
)


class Lamp:
    """A message lamp, by a SUBSCRIBE from a trusted address (RFC 3842)."""

    def __init__(self, house: House, user: str) -> None:
        self.house = house
        self.address = ("10.9.0.1", 5000 + int(user))
        port = self.address[1]
        text = (
            f"SUBSCRIBE sip:{user}@10.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 10.9.0.1:{port};branch=z9hG4bKlamp{user}\r\n"
            f"From: <sip:{user}@10.0.0.1>;tag=lamp\r\nTo: <sip:{user}@10.0.0.1>\r\n"
            f"Call-ID: lamp{user}\r\nCSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{user}@10.9.0.1:{port}>\r\nEvent: message-summary\r\n"
            "Accept: application/simple-message-summary\r\nExpires: 900\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        house.send(self.address, text.encode())
        house.run_for(0.5)
        self.told: list[str] = []

    @property
    def shows(self) -> str:
        """New and old messages, as the last NOTIFY had them."""
        while found := self.house.inboxes[self.address]:
            for data in found:
                message = parse_message(data)
                if isinstance(message, Request):
                    self.house.send(self.address, bytes(respond(message, 200)))
                    (line,) = [
                        line for line in message.body.decode().splitlines() if "Voice-" in line
                    ]
                    self.told.append(line.removeprefix("Voice-Message: ").split(" ")[0])
            found.clear()
            self.house.run_for(0.5)
        return self.told[-1]


def shows(*lamps: Lamp) -> list[str]:
    return [lamp.shows for lamp in lamps]


def test_the_lamps_of_all_members_count_what_is_there_for_them() -> None:
    house = House(SHARED)
    lamps = [Lamp(house, user) for user in ("101", "102", "901")]
    assert shows(*lamps) == ["0/0", "0/0", "0/0"]
    house.leave("103", "*99710")
    assert shows(*lamps) == ["0/0", "1/0", "1/0"]
    house.leave("103", "*99102")
    assert shows(*lamps) == ["0/0", "2/0", "1/0"]
    house.leave("103", "*99710")
    assert shows(*lamps) == ["0/0", "3/0", "2/0"]
    house.dial("901", "*98710")
    house.run_for(1.0)
    house.press("901", "1")
    house.run_for(40.0)
    assert house.statuses("710") == [Status.HEARD, Status.NEW]
    assert shows(*lamps) == ["0/0", "2/1", "1/1"]
    house.press("901", "7")
    house.hang_up("901")
    house.run_for(0.5)
    assert house.statuses("710") == [Status.NEW]
    assert shows(*lamps) == ["0/0", "2/0", "1/0"]
    house.reload(SHARED.replace("members: [102, 901]", "members: [101]"))
    house.run_for(1.0)
    assert shows(*lamps) == ["1/0", "1/0", "0/0"]


def test_who_has_no_mailbox_opens_the_shared_one_as_an_own_one() -> None:
    house = House(SHARED)
    house.dial("101", "*97")
    house.run_for(1.0)
    assert house.heard("101") == ["voicemail/enter-pin"]  # That of sales.
    house.type("101", "5082#")
    assert house.heard("101") == ["voicemail/choose-pin", "voicemail/new-pin"]
    house.hang_up("101")
    house.dial("102", "*97")
    house.run_for(1.0)
    house.type("102", "4071#")  # 102 has one of their own.
    assert house.heard("102") == ["voicemail/choose-pin", "voicemail/new-pin"]
    house.hang_up("102")
    house.run_for(1.0)
    house.close()


def test_only_members_are_spared_the_pin() -> None:
    house = House(SHARED)
    for user, said in (
        ("102", "messages/none"),
        ("901", "messages/none"),
        ("101", "voicemail/enter-pin"),
        ("103", "voicemail/enter-pin"),
    ):
        house.dial(user, "*98710")
        house.run_for(1.0)
        assert house.heard(user)[0] == said
        house.hang_up(user)
        house.run_for(0.5)
    house.close()


def test_two_members_at_once() -> None:
    """What one of them deletes, the other one hears to its end, and that is all."""
    house = House(SHARED)
    house.leave("103", "*99710", seconds=6.0)
    for user in ("102", "901"):
        house.dial(user, "*98710")
        house.run_for(1.0)
        house.press(user, "1")
        house.run_for(0.5)
    house.press("102", "7")
    house.hang_up("102")
    house.run_for(1.0)
    assert house.box("710") == []
    house.run_for(60.0)
    house.press("901", "9")
    house.hang_up("901")
    house.run_for(1.0)
    assert house.box("710") == []
    house.close()


@pytest.mark.parametrize(
    ("mailboxes", "told"),
    [
        (
            "{700: {members: [101, 109]}}",
            '2:46: voicemail.mailboxes.700.members[1]: there is no extension "109"'
            ' (did you mean "102"?)',
        ),
        (
            "{101: {members: [102, 101]}}",
            '2:46: voicemail.mailboxes.101.members[1]: extension "101" has this mailbox already',
        ),
        (
            "{101: , sales: {members: [102, 101]}}",
            '2:55: voicemail.mailboxes.sales.members[1]: "101" has a mailbox of its own, and could'
            ' dial no mailbox "sales" (give this mailbox a number as its name)',
        ),
    ],
)
def test_what_is_wrong_with_members(mailboxes: str, told: str) -> None:
    text = f"extensions: {{101: Olena, 102: Petro}}\nvoicemail: {{mailboxes: {mailboxes}}}\n"
    with pytest.raises(ConfigErrors) as raised:
        _ = validate(parse(text, "pbx.yaml"))
    (error,) = raised.value.errors
    assert str(error).removeprefix("pbx.yaml:") == told
