"""Forwards, feature codes, groups and phones to be provisioned: what is wrong, and where."""

import pytest

from pbx.config import Config
from pbx.config.document import parse
from pbx.config.errors import ConfigErrors
from pbx.config.load import validate
from pbx.config.secrets import complete_secrets, missing_secrets, read_secrets
from pbx.phone_plan import Preferences
from pbx.planning import make_plan

PEOPLE = "extensions: {101: Olena, 102: Petro, 901: Anna}\n"
TWO = "extensions: {1: Olena, 2: Petro}\n"


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        _ = config(text)
    return [str(error) for error in caught.value.errors]


def config(text: str) -> Config:
    """With the usual people, unless it has its own."""
    own = text.lstrip().startswith("extensions:")
    return validate(parse(text if own else PEOPLE + text, "f"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "extensions: {101: {forward: 101}}",
            "f:1:29: extensions.101.forward.always: calls cannot be forwarded to the extension"
            " itself",
        ),
        (
            'extensions: {101: {forward: {busy: "*45"}}}',
            'f:1:36: extensions.101.forward.busy: "*45" is a feature code: no call can go there',
        ),
        (
            "extensions: {101: {forward: {bussy: 102}}}",
            'f:1:30: extensions.101.forward.bussy: there is no such setting (did you mean "busy"?)',
        ),
        (
            "extensions: {101: {calls_max: 101}}",
            "f:1:31: extensions.101.calls_max: expected at most 100, found 101",
        ),
        (
            "feature_codes: {sign_in: 901}",
            'f:2:26: feature_codes.sign_in: "901" is the number of extension "901" already',
        ),
        (
            'feature_codes: {sign_in: "*46"}',
            'f:2:26: feature_codes.sign_in: "*46" is the number of the feature code break already',
        ),
        (
            'feature_codes: {park: "*75", echo: "*752"}',
            'f:2:36: feature_codes.echo: "*752" begins like *75, the feature code park, which'
            " takes digits",
        ),
        (
            'numbers: {"*721": {echo: true}}',
            'f:2:19: numbers.*721: "*721" begins like *72, the feature code forward_always, which'
            " takes digits",
        ),
        (
            "feature_codes: {park: 9}",
            'f:1:43: extensions.901: "901" begins like 9, the feature code park, which takes'
            " digits",
        ),
        (
            "feature_codes: {sign_in: star45}",
            "f:2:26: feature_codes.sign_in: expected a code to dial, at most 8 of digits, * and #,"
            ' or off, found "star45"',
        ),
        (
            "feature_codes: {sign_out: 45}",
            'f:2:17: feature_codes.sign_out: there is no such setting (did you mean "sign_in"?)',
        ),
        (
            "break_reasons: {lunch: {code: 2}, training: }",
            'f:2:45: break_reasons.training.code: "2" is the code of "lunch" already',
        ),
        (
            "break_reasons: {lunch: {code: x}}",
            'f:2:31: break_reasons.lunch.code: expected at most 4 digits, found "x"',
        ),
        (
            "pick_up_groups: {office: [101, 103]}",
            'f:2:32: pick_up_groups.office[1]: there is no extension "103" (did you mean "102"?)',
        ),
        (
            "devices: {door: {}}",
            "f:2:17: devices.door: expected an extension, or several extensions, found a mapping",
        ),
        (
            "devices: {door: {extensions: [101, 103]}}",
            'f:2:36: devices.door.extensions[1]: there is no extension "103" (did you mean "102"?)',
        ),
        (
            "devices: {door: {extension: 103}}",
            'f:2:29: devices.door.extension: there is no extension "103" (did you mean "102"?)',
        ),
        (
            "devices: {door: {extension: 101, model: yealink}}",
            "f:2:11: devices.door: a yealink phone needs its hardware address as its name,"
            " or a `mac`",
        ),
        (
            "devices: {door: {extension: 101, model: yeelink}}",
            "f:2:41: devices.door.model: expected one of yealink, grandstream, snom, linphone or"
            ' generic, found "yeelink" (did you mean "yealink"?)',
        ),
        (
            TWO
            + "devices: {00:15:65:74:b1:50: {extension: 1}, b: {extension: 2, mac: 00156574b150}}",
            'f:2:46: devices.b: this is the hardware address of "00:15:65:74:b1:50" already',
        ),
        (
            "devices: {b: {extension: 102, mac: 00156574b15}}",
            "f:2:36: devices.b.mac: expected a hardware address such as 00:15:65:74:b1:50,"
            ' found "00156574b15"',
        ),
        (
            "devices: {b: {extension: 102, transport: tls}}",
            "f:2:42: devices.b.transport: SIP over TLS is off (set `sip: {tls: true}`)",
        ),
        (
            "devices: {b: {extension: 102}}\nencryption: {extensions: required}",
            'f:2:26: devices.b.extension: extension "102" requires encryption, and tells keys over'
            " TLS only (set `transport: tls` for this phone)",
        ),
        (
            "devices: {b: {extension: 102, keys: [{line: 2}]}}",
            "f:2:45: devices.b.keys[0].line: this phone has no line 2",
        ),
        (
            "devices: {b: {extension: 102, keys: [{lamp: 109}]}}",
            'f:2:45: devices.b.keys[0].lamp: there is no extension "109" (did you mean "102"?)',
        ),
        (
            "devices: {b: {extension: 102, keys: [{lamp: '*76'}, {lamp: '*19'}]}}",
            'f:2:60: devices.b.keys[1].lamp: there is no extension "*19" (known: 101, 102, 901)',
        ),
        (
            "devices: {b: {extension: 102, keys: [{lamp: '76 '}]}}",
            'f:2:45: devices.b.keys[0].lamp: expected an extension or a feature code, found "76 "',
        ),
        (
            "devices: {b: {extension: 102, keys: [{lamp: 101, dial: 101}]}}",
            "f:2:38: devices.b.keys[0]: expected one of line, lamp and dial, found a mapping",
        ),
        (
            "devices: {b: {extension: 102, secret: tooshort}}",
            "f:2:39: devices.b.secret: expected 16 to 64 letters, digits, - and _,"
            " found something else",
        ),
        (
            "provisioning: {templates: no/where}",
            "f:2:27: provisioning.templates: there is no directory no/where",
        ),
        (
            "provisioning: {url: ftp://x}",
            "f:2:21: provisioning.url: expected an address such as http://192.168.0.5:8080,"
            ' found "ftp://x"',
        ),
    ],
)
def test_a_fault_has_its_place(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_what_the_plan_knows() -> None:
    plan = make_plan(
        config(
            """
extensions:
  101: {name: Olena, forward: 102, calls_max: 2}
  102: {forward: {busy: 901, no_answer: "+380441234567"}, do_not_disturb: true}
  901: Anna
break_reasons: {lunch: , training: {code: 77}}
pick_up_groups: {office: [101, 102], all: [901, 101]}
"""
        ),
        {},
    ).phones
    assert plan.preferences == {
        "101": Preferences(forward_always="102", calls_max=2),
        "102": Preferences(
            forward_busy="901", forward_no_answer="+380441234567", do_not_disturb=True
        ),
    }
    assert plan.groups == {"101": ("102", "901"), "102": ("101",), "901": ("101",)}
    assert plan.break_codes == {"1": "lunch", "77": "training"}


def test_each_phone_gets_a_secret_at_the_first_start(tmp_path: object) -> None:
    settings = config(
        "devices: {00:15:65:74:b1:50: {model: snom, extension: 101}, door: {extension: 102}}\n"
        f"secrets: {tmp_path}/secrets.yaml\n"
    )
    names = missing_secrets(settings)
    assert names[3:5] == ["device_00:15:65:74:b1:50", "device_door"]
    count = iter(range(100))
    complete = complete_secrets(settings, lambda: f"generated-secret-{next(count)}")
    assert complete.devices["door"].secret == "generated-secret-4"
    assert read_secrets(settings.secrets)["device_00:15:65:74:b1:50"] == "generated-secret-3"
    assert "generated" not in repr(complete.devices)
