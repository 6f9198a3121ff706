"""Settings: from the environment (`CALLBACK_…`), then a file (`CALLBACK_ENV_FILE`, else `callback.env`), then defaults.

The file has the same names as the environment, one `NAME=value` a line. Secrets are `SecretStr` and never printed.
"""

import os
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the operator decides. Every field is `CALLBACK_<FIELD>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="CALLBACK_", extra="ignore", frozen=True)

    database_url: str = "sqlite:///callback.db"
    """SQLAlchemy URL. `sqlite:///file.db` (embedded) or `postgresql://user:password@host/db` (grown)."""

    language: Literal["zh", "en"] = "en"
    """Language of the command line and of API errors when the caller states none."""

    company: str = "Callback Demo"
    centre: str = "Customer Service Centre"
    department: str = "Customer Care"
    """`{{ company }}`, `{{ centre }}`, `{{ department }}` of the call script."""
    company_zh: str | None = None
    centre_zh: str | None = None
    department_zh: str | None = None
    """The same in Chinese, for customers who are spoken to in Chinese; left out: as above."""

    country: str = "CN"
    """ISO 3166-1 alpha-2: default for telephone numbers, calendars and zones where a case says nothing."""

    time_zone: str = "Asia/Shanghai"
    """IANA zone of the centre: decides what "today" is, and stands in where a customer's own zone is unknown."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8000"
    """The address that customers and carriers see; signatures are checked against it, never against request headers."""

    session_hours: int = Field(default=12, ge=1, le=24 * 30)
    secure_cookies: bool = False
    """Set to true behind TLS."""

    metrics_token: SecretStr | None = None
    """When set, `/metrics` asks for it as a bearer token."""

    record_calls: bool = False
    """Whether automatic calls are recorded; the customer is told first."""
    sms_segment_price: Decimal | None = Field(default=None, ge=0)
    """What one segment costs, in `sms_currency`: for the figures beside a questionnaire."""
    sms_currency: str = "USD"

    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_from: str | None = None
    """The sender of messages: a number in E.164, or a messaging service (`MG…`)."""
    twilio_voice_from: str | None = None
    """The number that calls; default: `twilio_from`."""
    twilio_api_url: str | None = None
    """Another address of the carrier's API: a region of its own, or a stand-in in tests."""
    twilio_segments_per_s: float = Field(default=1, gt=0)
    """What the sender may hand over (a long number in the US: 1)."""
    twilio_calls_per_s: float = Field(default=1, gt=0)

    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    smtp_starttls: bool = True
    smtp_per_s: float = Field(default=5, gt=0)

    gateway_file: str | None = None
    """Description of an SMS gateway (docs/channels.md)."""

    channels: str | None = None
    """Which channels send, as `twilio_sms,twilio_voice,smtp`; `none` for none. Default: those that are configured."""

    send_threads: int = Field(default=8, ge=1, le=128)
    """Sends that one worker has under way at once, for each channel."""
    send_timeout_s: float = Field(default=15, gt=0)
    """How long the carrier may take to answer one request."""
    send_lease_s: float = Field(default=120, gt=0)
    """How long a worker may take to hand over what it has claimed; what is left of a dead one is looked after then."""

    keep_plans_days: int = Field(default=0, ge=0)
    """How long each planning is kept, question and answer, to be replayed in a dispute. 0: none is."""

    pool_size: int = Field(default=20, ge=1)
    lock_timeout_ms: int = Field(default=5_000, ge=1)
    """How long a migration waits for a lock on a live PostgreSQL before it gives up and says so."""

    worker_threads: int = Field(default=4, ge=1, le=64)
    log_format: Literal["console", "json"] = "console"
    log_level: str = "INFO"

    @field_validator("database_url")
    @classmethod
    def _use_psycopg_3(cls, url: str) -> str:
        """Operators write `postgresql://`; SQLAlchemy would then look for psycopg2."""
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        return url

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # not known, not a name, the name of a folder of zones
            raise PydanticCustomError("time_zone", "No such time zone. Write one as Asia/Shanghai.") from None
        return name

    @field_validator("public_url", "twilio_api_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        """Else everything starts, and the first link, or the first signature, fails."""
        try:
            parts = None if url is None else urlsplit(url)
            usable = parts is None or (parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
        except ValueError:
            usable = False
        if not usable:
            raise PydanticCustomError("address", "Not a web address. Write one as https://callback.example.com.")
        return url

    @field_validator("log_level")
    @classmethod
    def _is_a_level(cls, name: str) -> str:
        if name.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            raise PydanticCustomError("log_level", "Write DEBUG, INFO, WARNING, ERROR or CRITICAL.")
        return name

    def house_names(self, language: Literal["zh", "en"]) -> dict[str, str]:
        """`company`, `centre` and `department` as a customer of this language hears them."""
        names = {"company": self.company, "centre": self.centre, "department": self.department}
        chinese = {"company": self.company_zh, "centre": self.centre_zh, "department": self.department_zh}
        return {part: (chinese[part] if language == "zh" else None) or name for part, name in names.items()}

    @property
    def is_postgresql(self) -> bool:
        return self.database_url.startswith("postgresql")

    def channel_names(self) -> tuple[str, ...]:
        """The channels in use by name: those named in `channels`, else every one that is configured."""
        if self.channels is not None:
            named = (part.strip() for part in self.channels.split(","))
            return tuple(name for name in named if name not in ("", "none"))
        names: list[str] = []
        if self.gateway_file is not None:
            names.append("gateway")
        if self.twilio_account_sid is not None and self.twilio_auth_token is not None:
            if self.twilio_from is not None and self.gateway_file is None:
                names.append("twilio_sms")
            if self.twilio_voice_from is not None or (self.twilio_from or "").startswith("+"):
                names.append("twilio_voice")
        if self.smtp_host is not None and self.smtp_from is not None:
            names.append("smtp")
        return tuple(names)

    @property
    def has_real_carrier(self) -> bool:
        """True once something can leave the house; try-out switches are refused then."""
        return any(not name.startswith("sandbox_") for name in self.channel_names()) or (
            self.twilio_account_sid is not None
        )


def load_settings(**overrides: object) -> Settings:
    """Read the settings. Raises `pydantic.ValidationError` naming each bad field, `UnicodeDecodeError` and `OSError`
    of a file that cannot be read (`CALLBACK_ENV_FILE`)."""
    env_file = Path(os.environ.get("CALLBACK_ENV_FILE", "callback.env"))
    return Settings(_env_file=env_file if env_file.is_file() else None, **overrides)  # type: ignore[arg-type]
