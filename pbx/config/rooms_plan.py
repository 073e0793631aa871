"""From the settings of conferences and supervision to plain values."""

from collections.abc import Mapping

from pbx.config.model import Config
from pbx.config.rooms import SupervisorSettings
from pbx.room_plan import (
    Announce,
    ConferencePlan,
    Mode,
    Rights,
    RoomsPlan,
    SupervisionPlan,
)


def rooms_plan(config: Config, sounds: Mapping[str, str]) -> RoomsPlan:
    return RoomsPlan(
        supervision=_supervision(config),
        conferences={
            name: ConferencePlan(
                name,
                room.number,
                pin=room.pin or "",
                moderator_pin=room.moderator_pin or "",
                members_max=room.members_max,
                announce=Announce(room.announce.value),
                music=(sounds[f"music/{room.music}"],) if f"music/{room.music}" in sounds else (),
                wait_for_moderator=room.wait_for_moderator,
                record=room.record,
            )
            for name, room in config.conferences.items()
        },
        recordings=str(config.recording.directory(config.storage.path)),  # As all others.
    )


def _supervision(config: Config) -> SupervisionPlan:
    settings = config.supervision
    keys: dict[str, str] = settings.keys.model_dump()
    return SupervisionPlan(
        rights={name: _rights(config, rights) for name, rights in settings.supervisors.items()},
        follow=settings.follow,
        tone=settings.tone,
        keys={key: None if name == "leave" else Mode(name) for name, key in keys.items() if key},
    )


def _rights(config: Config, settings: SupervisorSettings) -> Rights:
    agents = set(settings.agents)
    for queue in settings.queues:
        agents |= {member.agent for member in config.queues[queue].members}
    extensions = {config.extension_of(agent) for agent in agents}
    return Rights(
        settings.everybody,
        frozenset(extensions | set(settings.extensions)),
        frozenset(Mode(mode.value) for mode in settings.modes),
    )
