"""From the checked configuration to the plan of the exchange."""

from collections.abc import Mapping
from typing import Final

from media.formats import installed
from pbx.callers import CallerRule, CallerRules, Wishes
from pbx.config.codecs import codec_plan
from pbx.config.compile import to_distribution
from pbx.config.languages import languages_of
from pbx.config.model import CallerSettings, Config, NumberSettings
from pbx.config.queues import QueueSettings
from pbx.config.recording import recording_plan
from pbx.config.registrar import registrar_plan
from pbx.config.rooms_plan import rooms_plan
from pbx.config.security import security_plan
from pbx.config.sounds import find_sounds
from pbx.config.values import Destination as ConfiguredDestination
from pbx.encryption import EncryptionPlan
from pbx.phone_plan import USUAL, PhonesPlan
from pbx.plan import AgentPlan, Destination, ExtensionPlan, ParkingPlan, Plan, QueuePlan, SignIn
from pbx.recording.plan import RecordingPlan
from pbx.trunks.planning import make_outside
from pbx.voicemail.planning import voicemail_plan
from sip.auth import Account, make_ha1
from sip.flow import Flow

MUSIC: Final = "music/"


def make_plan(config: Config, flows: Mapping[str, Flow]) -> Plan:
    """`flows`: the way to each fixed contact. Passwords are those in the configuration."""
    voices = _voices(config)
    sounds = voices[config.sounds.language]
    agent_of = {config.extension_of(agent): agent for agent in config.agents}
    return Plan(
        company=config.company,
        extensions=_extensions(config, flows),
        agents={
            name: AgentPlan(
                name, agent.name, config.extension_of(name), SignIn(agent.signed_in.value)
            )
            for name, agent in config.agents.items()
        },
        queues=_queues(config, sounds),
        numbers=_numbers(config),
        sounds=sounds,
        language=config.sounds.language,
        voices=voices,
        distribution=to_distribution(config),
        realm=config.sip.realm,
        accounts=_accounts(config),
        trusted=config.sip.trusted,
        codecs=_codecs(config),
        peer_codecs=codec_plan(
            {name: (e.codecs, e.inband_dtmf) for name, e in config.extensions.items()},
            {name: (t.codecs, t.inband_dtmf) for name, t in config.trunks.items()},
        ),
        media_host=config.media.external_address or "",
        media_bind=config.media.host,
        silence_seconds=config.media.silence_timeout,
        sign_out_grace_seconds=config.sign_out_grace,
        calls_max=config.sip.calls_max,
        wishes={
            number: _wishes(entry)
            for number, entry in config.numbers.items()
            if entry.priority or entry.requires or entry.agent or entry.language
        },
        callers=CallerRules.of(
            CallerRule(entry.number, entry.queue or "", _wishes(entry), entry.blacklist)
            for entry in config.callers
        ),
        on_blacklist=_destination(config.on_blacklist),
        agent_of=agent_of,
        extension_of={agent: extension for extension, agent in agent_of.items()},
        outside=make_outside(config),
        encryption=_encryption(config),
        voicemail=voicemail_plan(config),
        recording=_recording(config),
        security=security_plan(config.security, config.overload),
        phones=_phones(config),
        transfer_keys=config.call_keys.transfer,
        consult_keys=config.call_keys.consult,
        conference_keys=config.call_keys.conference,
        rooms=rooms_plan(config, sounds),
        parking=ParkingPlan(config.slots, config.parking.timeout),
        registrar=registrar_plan(
            config.sip, frozenset(name for name, e in config.extensions.items() if e.private)
        ),
    )


def _codecs(config: Config) -> tuple[str, ...]:
    """Those that can be had on this machine."""
    here = installed()
    return tuple(codec for codec in config.media.codecs if codec in here) or ("PCMU", "PCMA")


def _voices(config: Config) -> dict[str, dict[str, str]]:
    """By language: the files of all sounds, music included."""
    found = find_sounds(config.sounds, languages_of(config))
    music = {f"{MUSIC}{name}": str(path) for name, path in found.music.items()}
    return {
        language: {name: str(path) for name, path in files.items()} | music
        for language, files in found.voices.items()
    }


def _queues(config: Config, sounds: Mapping[str, str]) -> dict[str, QueuePlan]:
    recording = _recording(config)
    return {
        name: _queue_plan(name, queue, sounds, recording) for name, queue in config.queues.items()
    }


def _queue_plan(
    name: str, queue: QueueSettings, sounds: Mapping[str, str], recording: RecordingPlan
) -> QueuePlan:
    music = sounds.get(f"{MUSIC}{queue.music}")
    ways = {setting: _destination(to) for setting, to in queue.ways_out.items()}
    return QueuePlan(
        id=name,
        number=queue.number or "",
        greeting=(
            *((recording.notice,) if recording.tells(name) else ()),
            *((queue.greeting,) if queue.greeting is not None else ()),
        ),
        must_finish=queue.must_finish,
        music=(music,) if music is not None else (),
        on_timeout=ways["on_timeout"],
        on_full=ways["on_full"],
        on_empty=ways["on_empty"],
        on_no_agent=ways["on_no_agent"],
        on_all_missed=ways["on_all_missed"],
        on_key=tuple((key, _destination(to)) for key, to in queue.on_key.items()),
        announce_position=queue.announce.position,
        announce_wait=queue.announce.wait,
        language=queue.language or "",
    )


def _numbers(config: Config) -> dict[str, Destination]:
    numbers = {number: _destination(entry.destination) for number, entry in config.numbers.items()}
    for name, queue in config.queues.items():
        if queue.number is not None:
            numbers[queue.number] = Destination("queue", name)
        if name not in config.extensions:
            _ = numbers.setdefault(name, Destination("queue", name))
    for name, room in config.conferences.items():
        numbers[room.number] = Destination("conference", name)
    return numbers


def _recording(config: Config) -> RecordingPlan:
    keys = config.call_keys
    return recording_plan(config.recording, config.storage.path, keys.record, keys.pause_recording)


def _phones(config: Config) -> PhonesPlan:
    preferences = {name: extension.preferences for name, extension in config.extensions.items()}
    groups: dict[str, dict[str, None]] = {}
    for members in config.pick_up_groups.values():
        for extension in members:
            groups.setdefault(extension, {}).update(dict.fromkeys(members))
    return PhonesPlan(
        preferences={name: found for name, found in preferences.items() if found != USUAL},
        codes=config.feature_codes.codes(),
        groups={name: tuple(o for o in others if o != name) for name, others in groups.items()},
        break_codes={code: reason for reason, code in config.break_codes().items()},
    )


def _extensions(config: Config, flows: Mapping[str, Flow]) -> dict[str, ExtensionPlan]:
    return {
        name: ExtensionPlan(
            name,
            extension.name,
            contact=extension.contact or "",
            flow=flows.get(extension.contact or ""),
            qualify_seconds=extension.qualify_interval,
            ring_seconds=extension.ring_timeout,
            language=extension.language or "",
        )
        for name, extension in config.extensions.items()
    }


def _encryption(config: Config) -> EncryptionPlan:
    chosen = config.encryption
    own = {name: entry.encryption for name, entry in config.extensions.items()}
    trunks = {name: entry.encryption for name, entry in config.trunks.items()}
    return EncryptionPlan(
        chosen.extensions,
        chosen.trunks,
        {name: policy for name, policy in own.items() if policy is not None},
        {name: policy for name, policy in trunks.items() if policy is not None},
        readable_keys=chosen.keys_without_tls,
    )


def _wishes(entry: NumberSettings | CallerSettings) -> Wishes:
    return Wishes(entry.priority, entry.requires, entry.agent or "", entry.language or "")


def _destination(configured: ConfiguredDestination) -> Destination:
    return Destination(configured.kind.value, configured.target)


def _accounts(config: Config) -> dict[str, Account]:
    realm = config.sip.realm
    return {
        name: Account(
            name,
            ha1_md5=make_ha1(name, realm, extension.password),
            ha1_sha256=make_ha1(name, realm, extension.password, "SHA-256"),
            algorithm=extension.algorithm,
        )
        for name, extension in config.extensions.items()
        if extension.password
    }
