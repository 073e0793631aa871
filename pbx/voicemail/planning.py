"""From the checked configuration to the plan of mailboxes."""

import os

from pbx.config.check_voicemail import mailboxes_of
from pbx.config.model import Config
from pbx.plan import Destination
from pbx.voicemail.plan import BoxPlan, VoicemailPlan


def voicemail_plan(config: Config) -> VoicemailPlan:
    settings = config.voicemail
    boxes = {id: _box(config, id) for id in mailboxes_of(config)}
    shared: dict[str, list[str]] = {}
    for id, box in boxes.items():
        for member in box.members:
            shared.setdefault(member, []).append(id)
    return VoicemailPlan(
        root=os.path.abspath(settings.path),
        boxes=boxes,
        pin_digits=settings.pin_digits,
        shared={member: tuple(ids) for member, ids in shared.items()},
    )


def _box(config: Config, id: str) -> BoxPlan:
    box = config.voicemail.of(id)
    operator, owner = box.operator, config.extensions.get(id)
    language = box.language or (owner.language if owner is not None else None)
    return BoxPlan(
        id=id,
        language=language or config.sounds.language,
        pin=box.pin or "",
        pin_on_own_phone=box.pin_on_own_phone,
        greeting=box.greeting or "",
        answers=frozenset(box.answers) if id in config.extensions else frozenset(),
        operator=None if operator is None else Destination(operator.kind.value, operator.target),
        seconds_max=box.max_message,
        seconds_min=box.min_message,
        silence_seconds=box.silence,
        messages_max=box.max_messages,
        keep_seconds=box.keep,
        members=box.members,
    )
