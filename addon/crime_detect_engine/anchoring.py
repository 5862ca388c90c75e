"""Owns what evidence needs while the service runs: the key, the circumstances, and the chain's head told outside."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from .circumstances import circumstances_of
from .config import Config
from .domain.clock import Clock
from .domain.errors import AnchorError, StoreError
from .domain.wire import SCHEMA_VERSION
from .evidence_printing import prepare_evidence
from .outputs.anchor_mail import CHANNEL, ChainHead, ReadHead, recipient_key
from .outputs.mqtt import MqttOutput
from .outputs.timestamping import ask_authority
from .pipeline import Pipeline
from .store.evidence.options import AuthorityOptions
from .store.exports import Anchor, Exports
from .store.store import Store

_LOG = logging.getLogger(__name__)
EVERY_S = 86400.0
RETRY_S = 300.0


class Anchoring:
    """`publish` keeps a payload where this installation cannot quietly change it; None tells nobody.

    `authority` stamps the head's time; what it refuses is tried again until it is had. `mail` puts it into the outbox,
    once for a day however often it is asked.
    """

    def __init__(
        self,
        exports: Exports,
        pipeline: Pipeline,
        publish: Callable[[Mapping[str, Any]], None] | None,
        uuid: str,
        authority: AuthorityOptions | None = None,
        mail: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._authority = authority
        self._mail = mail
        self._exports = exports
        self._publish = publish
        self._uuid = uuid
        self._fault: str | None = None
        exports.follow(circumstances_of(pipeline))

    async def run(self) -> None:
        """Until cancelled. An engine without a key goes on watching, and says that it cannot sign."""
        opened = False
        while True:
            try:
                if not opened:
                    await self._exports.open()
                    opened = True
                anchor = await self._exports.anchor()
                if self._publish is not None:
                    self._publish(anchor_json(anchor, self._uuid))
                if self._mail is not None:
                    await self._mail()
                if self._authority is not None:
                    ask = partial(ask_authority, self._authority.url)
                    await self._exports.stamp(anchor, ask, self._authority.ca)
            except (StoreError, AnchorError, OSError) as error:
                if str(error) != self._fault:
                    _LOG.error("evidence: %s", error)
                self._fault = str(error)
                await asyncio.sleep(RETRY_S)
                continue
            self._fault = None
            await asyncio.sleep(EVERY_S)

    def notes(self) -> Sequence[str]:
        return [] if self._fault is None else [f"evidence: {self._fault}"]


def anchor_json(anchor: Anchor, uuid: str) -> dict[str, Any]:
    """The payload of `<prefix>/<instance>/chain`; `signature` is over `text`, in base64."""
    return {
        "schema_version": SCHEMA_VERSION,
        "uuid": uuid,
        "seq": anchor.seq,
        "hash": anchor.hash,
        "at": anchor.at,
        "key_id": anchor.key_id,
        "text": anchor.text,
        "signature": base64.b64encode(anchor.signature).decode(),
    }


def build_anchoring(
    store: Store,
    pipeline: Pipeline,
    mqtt: MqttOutput | None,
    config: Config,
    clock: Clock,
    notify: Callable[[str], None],
) -> Anchoring:
    """As the configuration wants it; without a broker nobody outside is told. `notify` wakes the outbox."""
    prepare_evidence(store)
    publish = mqtt.publish_chain if mqtt is not None and config.evidence.anchor_mqtt else None

    async def mail() -> None:
        today = clock.now().date()
        for address in config.evidence.anchor_email:
            if await store.outbox.add_once(CHANNEL, recipient_key(today, address)):
                notify(CHANNEL)

    return Anchoring(store.evidence, pipeline, publish, store.uuid, config.evidence.authority, mail)


def read_head(exports: Exports) -> ReadHead:
    """The chain's head as a mail has it."""

    async def read() -> ChainHead:
        anchor = await exports.anchor()
        return ChainHead(anchor.seq, anchor.text, anchor.signature, anchor.key_id)

    return read
