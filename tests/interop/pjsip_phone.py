"""The process of a PJSIP phone, which `tests.interop.pjsip` starts and talks to.

Commands come as JSON lines on standard input; what happens goes out as JSON lines.

PJSIP runs in the one thread that may call it (`threadCnt` 0, `mainThreadOnly`), without a sound
device; the voice is a file, and what is heard goes to a file for as long as is asked.
"""

import ctypes
import json
import os
import re
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pjsua2 as pj

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_MS = 5
RATE = 8000
JITTER_MS = 100
LOG_LEVEL = 4  # With every SIP message.
AUTO_ANSWER = re.compile(rb"^Call-Info:.*;\s*answer-after=0", re.IGNORECASE | re.MULTILINE)
_MEDIA = {
    pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "held by us",
    pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "held by them",
}

Value: TypeAlias = str | int | bool


def tell(event: str, **values: Value) -> None:
    print(json.dumps({"event": event, "at": time.monotonic(), **values}), flush=True)


class Call(pj.Call):  # type: ignore[misc]
    def __init__(self, phone: "Phone", number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, number)
        self.phone = phone
        self.sound: Any = None  # The port of its stream, while there is one.

    def onCallState(self, prm: object) -> None:
        info = self.getInfo()
        tell(
            "call", call=self.phone.number(self), state=info.stateText.lower(),
            status=info.lastStatusCode, dialog=info.callIdString,
        )  # fmt: skip
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.sound = None

    def onCallMediaState(self, prm: object) -> None:
        info = self.getInfo()  # Its media are gone as soon as it is.
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            self.sound = None
            if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.sound = self.getAudioMedia(index)
                self.phone.player.startTransmit(self.sound)
                if self.phone.recorder is not None:
                    self.sound.startTransmit(self.phone.recorder)
            state = _MEDIA.get(media.status, "none")
            tell("media", call=self.phone.number(self), state=state)

    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: ANN401
        number = self.phone.number(self)
        tell("transfer", call=number, status=prm.statusCode, last=prm.finalNotify)

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: ANN401
        tell("digit", call=self.phone.number(self), digit=prm.digit)


class Account(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, prm: Any) -> None:  # noqa: ANN401
        tell("registered" if self.getInfo().regIsActive else "unregistered", status=prm.code)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: ANN401
        call = self.phone.keep(Call(self.phone, prm.callId))
        tell("incoming", call=self.phone.number(call), caller=call.getInfo().remoteUri)
        asked = AUTO_ANSWER.search(prm.rdata.wholeMsg.encode()) is not None
        call.answer(operation(200 if asked else 180))


def operation(status: int = 0, flag: int | None = None) -> Any:  # noqa: ANN401
    parameters = pj.CallOpParam(True)
    parameters.statusCode = status
    if flag is not None:
        parameters.opt.flag = flag
    parameters.opt.videoCount = 0
    return parameters


class Phone:
    """Its calls have numbers in the order in which they came about."""

    def __init__(self, choices: dict[str, Any]) -> None:
        self.calls: list[Call] = []
        self.recorder: Any = None
        self.running = True
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(self._configuration(choices))
        transport = pj.TransportConfig()
        transport.port, transport.boundAddress = choices["port"], choices["host"]
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            name = codec.codecId.partition("/")[0]
            rank = 0 if name not in choices["codecs"] else 200 - choices["codecs"].index(name)
            self.endpoint.codecSetPriority(codec.codecId, rank)
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(choices["tone"])
        self.account = Account(self)
        self.account.create(self._account(choices))

    @staticmethod
    def _configuration(choices: dict[str, Any]) -> Any:  # noqa: ANN401
        configuration = pj.EpConfig()
        configuration.uaConfig.threadCnt = 0
        configuration.uaConfig.mainThreadOnly = True
        configuration.uaConfig.maxCalls = 8
        sound = configuration.medConfig
        sound.noVad, sound.ecTailLen = True, 0
        sound.clockRate = sound.sndClockRate = RATE
        sound.jbInit = sound.jbMinPre = JITTER_MS
        sound.jbMaxPre, sound.jbMax = 2 * JITTER_MS, 5 * JITTER_MS
        log = configuration.logConfig
        log.level, log.consoleLevel, log.msgLogging = LOG_LEVEL, 0, 1
        log.filename = choices["trace"]
        return configuration

    @staticmethod
    def _account(choices: dict[str, Any]) -> Any:  # noqa: ANN401
        account = pj.AccountConfig()
        account.idUri = f"sip:{choices['user']}@{choices['server']}"
        account.regConfig.registrarUri = f"sip:{choices['server']}"
        login = pj.AuthCredInfo("digest", "*", choices["user"], 0, choices["password"])
        account.sipConfig.authCreds.append(login)
        account.callConfig.timerUse = getattr(pj, f"PJSUA_SIP_TIMER_{choices['timer'].upper()}")
        account.callConfig.prackUse = getattr(pj, f"PJSUA_100REL_{choices['reliable'].upper()}")
        account.callConfig.timerMinSESec = account.callConfig.timerSessExpiresSec = 90
        account.mediaConfig.srtpUse = getattr(pj, f"PJMEDIA_SRTP_{choices['encryption'].upper()}")
        account.mediaConfig.srtpSecureSignaling = 0
        sound = account.mediaConfig.transportConfig
        sound.port, sound.portRange = choices["rtp"], choices["rtp_ports"]
        sound.boundAddress = choices["host"]
        return account

    def keep(self, call: Call) -> Call:
        self.calls.append(call)
        return call

    def number(self, call: Call) -> int:
        return self.calls.index(call)

    # --- commands

    def call(self, uri: str) -> int:
        call = self.keep(Call(self))
        call.makeCall(uri, operation())
        return self.number(call)

    def answer(self, call: int, status: int) -> None:
        self.calls[call].answer(operation(status))

    def hang_up(self, call: int) -> None:
        self.calls[call].hangup(operation())

    def hold(self, call: int) -> None:
        self.calls[call].setHold(operation())

    def resume(self, call: int) -> None:
        self.calls[call].reinvite(operation(flag=pj.PJSUA_CALL_UNHOLD))

    def ask_for_an_offer(self, call: int) -> None:
        """A re-INVITE without SDP."""
        self.calls[call].reinvite(operation(flag=pj.PJSUA_CALL_NO_SDP_OFFER))

    def transfer(self, call: int, uri: str) -> None:
        self.calls[call].xfer(uri, operation())

    def transfer_to_call(self, call: int, other: int) -> None:
        self.calls[call].xferReplaces(self.calls[other], operation())

    def press(self, call: int, digits: str) -> None:
        self.calls[call].dialDtmf(digits)

    def listen(self, file: str) -> None:
        """Record what all calls bring, from now on."""
        self.recorder = pj.AudioMediaRecorder()
        self.recorder.createRecorder(file)
        for call in self.calls:
            if call.sound is not None:
                call.sound.startTransmit(self.recorder)

    def stop_listening(self) -> None:
        self.recorder = None  # The file is complete.

    def flush(self) -> None:
        """The trace: PJSIP leaves it in the buffer of C's stdio."""
        _ = ctypes.CDLL(None).fflush(None)

    def quit(self) -> None:
        self.running = False

    def run(self) -> None:
        unread = b""
        while self.running:
            self.endpoint.libHandleEvents(POLL_MS)
            while select.select([sys.stdin], [], [], 0)[0]:
                data = os.read(sys.stdin.fileno(), 65_536)
                if not data:
                    return
                *lines, unread = (unread + data).split(b"\n")
                for line in lines:
                    self._carry_out(json.loads(line))

    def _carry_out(self, command: dict[str, Any]) -> None:
        token, name = command.pop("token"), command.pop("do")
        method: Callable[..., Any] = getattr(self, name)
        try:
            result = method(**command)
        except pj.Error as error:
            tell("answer", token=token, error=error.info())
        else:
            tell("answer", token=token, result=-1 if result is None else result)

    def close(self) -> None:
        """What is destroyed after the library aborts the process."""
        self.endpoint.hangupAllCalls()
        self.recorder = self.player = None
        while self.calls:
            self.calls.pop().sound = None
        self.endpoint.libDestroy()


def main() -> None:
    phone = Phone(json.loads(Path(sys.argv[1]).read_text()))
    tell("ready")
    try:
        phone.run()
    finally:
        phone.close()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
