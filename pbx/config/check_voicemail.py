"""What is wrong with mailboxes and the e-mails about them."""

from collections.abc import Collection, Iterator

from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config
from pbx.config.values import Destination, DestinationKind
from pbx.voicemail.pins import is_weak


def mailboxes_of(config: Config) -> dict[str, None]:
    """The ids of all that there are, in order."""
    named = dict.fromkeys(config.voicemail.mailboxes)
    return named | dict.fromkeys(config.extensions) if config.voicemail.everybody else named


def voicemail_destinations(config: Config) -> Iterator[tuple[Place, Destination]]:
    if config.voicemail.operator is not None:
        yield ("voicemail", "operator"), config.voicemail.operator
    for mailbox, settings in config.voicemail.mailboxes.items():
        if settings.operator is not None:
            yield ("voicemail", "mailboxes", mailbox, "operator"), settings.operator


def voicemail(config: Config, sounds: Collection[str] = ()) -> Iterator[Fault]:
    for mailbox in config.voicemail.mailboxes:
        yield from _mailbox(config, mailbox, sounds)
    yield from _operators(config)
    yield from _mail(config)


def _mailbox(config: Config, mailbox: str, sounds: Collection[str]) -> Iterator[Fault]:
    place: Place = ("voicemail", "mailboxes", mailbox)
    own, whole = config.voicemail.mailboxes[mailbox], config.voicemail.of(mailbox)
    if sounds and own.greeting is not None and own.greeting not in sounds:
        hint = did_you_mean(own.greeting, sounds)
        yield Fault((*place, "greeting"), f'there is no sound "{own.greeting}"', hint)
    if own.pin is not None and is_weak(own.pin, mailbox, config.voicemail.pin_digits):
        what = f"this PIN is too easy: it needs {config.voicemail.pin_digits} digits that nobody"
        yield Fault((*place, "pin"), f"{what} would try first")
    if mailbox not in config.extensions:
        yield from _nobodys(config, place, mailbox)
    yield from _members(config, place, mailbox)
    if whole.min_message >= whole.max_message:
        least, most = "min_message", "max_message"
        at = most if most in own.model_fields_set else least
        yield Fault((*place, at), f"{least} is not shorter than {most}", at_key=True)


def _nobodys(config: Config, place: Place, mailbox: str) -> Iterator[Fault]:
    own = config.voicemail.mailboxes[mailbox]
    if "answers" in own.model_fields_set:
        what = f'there is no extension "{mailbox}" whose calls it could take'
        yield Fault((*place, "answers"), what, did_you_mean(mailbox, config.extensions))
    if own.pin is None and own.email is None and not own.members:
        what = "nobody could ever hear its messages: it belongs to no extension, so it needs a pin"
        yield Fault(place, what, did_you_mean(mailbox, config.extensions), at_key=True)


def _members(config: Config, place: Place, mailbox: str) -> Iterator[Fault]:
    """A phone has no letters to dial: whose own mailbox is another one must reach it by digits."""
    own = mailboxes_of(config)
    seen: set[str] = {mailbox}
    for index, member in enumerate(config.voicemail.mailboxes[mailbox].members):
        here = (*place, "members", index)
        if member not in config.extensions:
            hint = did_you_mean(member, config.extensions)
            yield Fault(here, f'there is no extension "{member}"', hint)
        elif member in seen:
            yield Fault(here, f'extension "{member}" has this mailbox already')
        elif member in own and not mailbox.isdecimal():
            what = f'"{member}" has a mailbox of its own, and could dial no mailbox "{mailbox}"'
            yield Fault(here, what, "give this mailbox a number as its name")
        seen.add(member)


def _operators(config: Config) -> Iterator[Fault]:
    for place, to in voicemail_destinations(config):
        if to.kind in (DestinationKind.VOICEMAIL, DestinationKind.MAILBOX):
            yield Fault(place, "expected somebody who answers, not another mailbox")


def _mail(config: Config) -> Iterator[Fault]:
    wanted = [id for id, box in config.voicemail.mailboxes.items() if box.email is not None]
    mail = config.mail
    if wanted and mail.server is None:
        place: Place = ("voicemail", "mailboxes", wanted[0], "email")
        yield Fault(place, "no e-mail can be sent: `mail` names no server")
    if mail.server is not None and mail.sender is None:
        yield Fault(("mail", "server"), "e-mails need a sender: `from`", at_key=True)
    if mail.password and not mail.username:
        yield Fault(("mail", "password"), "a password without a username", at_key=True)
    if mail.password and mail.security == "none":
        yield Fault(("mail", "security"), "the password would go over the network in the clear")
    for mailbox, box in config.voicemail.mailboxes.items():
        if box.delete_after_email and config.voicemail.of(mailbox).email is None:
            place = ("voicemail", "mailboxes", mailbox, "delete_after_email")
            yield Fault(place, "this mailbox sends no e-mail", at_key=True)
