"""Structured logs. Telephone numbers and secrets are masked here, whatever a caller passes."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

from callback.settings import Settings

_PHONE = re.compile(r"(?<![\w.:-])(\+\d{1,4}|0|1)([\d -]{5,14})(\d{2})(?![\w:-])")
_SECRET_KEYS = re.compile(r"(password|secret|token|authorization|cookie|api_key)", re.IGNORECASE)


def _mask_phone(match: re.Match[str]) -> str:
    return f"{match[1]}{'*' * 6}{match[3]}"


def mask_secrets(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: hide values of secret-looking keys, and telephone numbers in any text."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = "[hidden]"
        elif isinstance(value, str) and key not in ("timestamp", "at"):
            event[key] = _PHONE.sub(_mask_phone, value)
    return event


def configure_logging(settings: Settings) -> None:
    """Set up structlog and send the standard library's records through it."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("procrastinate").setLevel(logging.WARNING)


def get_logger(name: str) -> Any:
    """A structured logger: `log.info("planned", callbacks=12)`."""
    return structlog.get_logger(name)
