"""What is wrong with forwards, feature codes and groups of phones."""

from collections.abc import Iterator

from pbx.codes import TAKES, Takes
from pbx.config.check_rooms import conference_numbers
from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config


def phones(config: Config) -> Iterator[Fault]:
    yield from _forwards(config)
    yield from _hidden_by_codes(config)
    yield from _break_codes(config)
    yield from _groups(config)


def dialled_numbers(config: Config) -> list[tuple[Place, str, str]]:
    """Whatever can be dialled: where it stands, the digits, and whose they are."""
    dialled: list[tuple[Place, str, str]] = [
        (("extensions", id_), id_, f'extension "{id_}"') for id_ in config.extensions
    ]
    dialled += [
        (("queues", queue, "number"), settings.number, f'queue "{queue}"')
        for queue, settings in config.queues.items()
        if settings.number is not None
    ]
    dialled += [(("numbers", number), number, f'numbers "{number}"') for number in config.numbers]
    dialled += conference_numbers(config)
    dialled += _codes(config)
    dialled += [(("parking", "slots"), slot, f"parking slot {slot}") for slot in config.slots]
    return dialled


def _codes(config: Config) -> list[tuple[Place, str, str]]:
    """Those that are written down last: they are at fault, not the defaults that they meet."""
    written = config.feature_codes.model_fields_set
    codes = [(name, digits) for name, digits in config.feature_codes.digits().items() if digits]
    codes.sort(key=lambda code: code[0] in written or f"{code[0]}_" in written)
    return [(("feature_codes", name), code, f"the feature code {name}") for name, code in codes]


def _forwards(config: Config) -> Iterator[Fault]:
    codes = config.feature_codes.codes()
    for extension, settings in config.extensions.items():
        forward = settings.forward
        for when in ("always", "busy", "no_answer", "unreachable"):
            number: str | None = getattr(forward, when)
            place: Place = ("extensions", extension, "forward", when)
            if number is None:
                continue
            if number == extension:
                yield Fault(place, "calls cannot be forwarded to the extension itself")
            elif (code := codes.match(number)) is not None and number not in config.extensions:
                if code.code == "leave_message":
                    continue
                yield Fault(place, f'"{number}" is a feature code: no call can go there')


def _hidden_by_codes(config: Config) -> Iterator[Fault]:
    """A number that begins like a code that takes digits: the code cannot be dialled fully."""
    taking = {
        digits: name
        for name, digits in config.feature_codes.digits().items()
        if digits and TAKES[name] is not Takes.NOTHING
    }
    for place, number, _ in dialled_numbers(config):
        for length in range(1, len(number)):
            name = taking.get(number[:length])
            if name is not None:
                what = f'"{number}" begins like {number[:length]}, the feature code {name}'
                yield Fault(place, f"{what}, which takes digits")


def _break_codes(config: Config) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for reason, code in config.break_codes().items():
        if code in owners:
            place: Place = ("break_reasons", reason, "code")
            yield Fault(place, f'"{code}" is the code of "{owners[code]}" already')
        _ = owners.setdefault(code, reason)


def _groups(config: Config) -> Iterator[Fault]:
    for group, extensions in config.pick_up_groups.items():
        for index, extension in enumerate(extensions):
            if extension not in config.extensions:
                hint = did_you_mean(extension, config.extensions)
                place: Place = ("pick_up_groups", group, index)
                yield Fault(place, f'there is no extension "{extension}"', hint)
