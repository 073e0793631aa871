"""`pbx supervise`: listen to a conversation, whisper to an agent, join in, take over."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from pbx.commands.bans import ConfigOption, ControlOption, control_socket
from pbx.printable import printable

FAILED: Final = 1
NO_ANSWER: Final = 3


class Doing(StrEnum):
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take_over"
    STOP = "stop"


def supervise(
    supervisor: Annotated[str, typer.Argument(help="An extension: its phone rings.")],
    what: Annotated[Doing, typer.Argument(help="What the supervisor does from now on.")],
    watched: Annotated[str, typer.Argument(help="An extension or an agent.")] = "",
    control: ControlOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a supervisor listen, or do something else with the conversation that is heard already.

    \b
    Examples:
      pbx supervise 103 listen anna
      pbx supervise 103 whisper anna
      pbx supervise 103 stop
    """
    from pbx.control import ControlError, Refusal, ask

    question: dict[str, Any] = {
        "do": "supervise",
        "supervisor": supervisor,
        "what": what.value,
        "watched": watched,
    }
    try:
        answer = ask(control_socket(control, config), question)
    except Refusal as error:
        _fail(str(error), FAILED)
    except ControlError as error:
        _fail(str(error), NO_ANSWER)
    else:
        print(printable(str(answer)))


def _fail(text: str, code: int) -> None:
    typer.echo("\n".join(printable(line) for line in text.split("\n")), err=True)
    raise typer.Exit(code)
