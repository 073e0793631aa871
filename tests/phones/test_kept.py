"""What people set is there again when the PBX is started again."""

import asyncio
from pathlib import Path

from pbx.app import App
from pbx.config.document import parse
from pbx.config.load import validate
from pbx.config.secrets import complete_secrets
from pbx.events import PhoneSettingChanged
from pbx.phone_plan import Preferences
from pbx.store import Store


def test_the_app_loads_what_the_store_kept(tmp_path: Path) -> None:
    text = (
        "extensions: {101: Olena, 102: Petro}\n"
        f"storage: {{path: {tmp_path}/pbx.sqlite, journal: ''}}\nsecrets: {tmp_path}/secrets.yaml\n"
        "sip: {host: 127.0.0.1, port: 0}\nweb: {port: 0}\nmedia: {workers: 1}\n"
    )
    config = complete_secrets(validate(parse(text, "pbx.yaml")), lambda: "a-long-password")
    store = Store(config.storage.path, lambda alarm: None)
    store.put(PhoneSettingChanged("101", "forward_always", "102", 1.0))
    store.put(PhoneSettingChanged("103", "forward_always", "102", 1.0))
    assert store.close() == 0

    async def start() -> tuple[Preferences, list[tuple[str, str, str]]]:
        app = App(config, asyncio.get_running_loop())
        try:
            await app.start()
            found = app.exchange.phones.of("101")
        finally:
            await app.stop()
        return found, app.store.history.phone_settings()

    found, kept = asyncio.run(start())
    assert found == Preferences(forward_always="102")
    # There is no extension 103 any more: the next one to sit there begins anew.
    assert kept == [("101", "forward_always", "102")]
