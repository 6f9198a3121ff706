"""Which channels there are, and which of them this house uses.

A channel is found by its entry point in the group `callback.channels`: a package of one's own is enough, nothing of
this project is touched. Our own are listed here too, because a checkout that only lies on the path has no entry points;
a test holds both lists together.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from types import MappingProxyType

from callback.channels.gateway import GatewaySms
from callback.channels.mail import SmtpEmail
from callback.channels.protocol import SendChannel
from callback.channels.sandbox import SandboxEmail, SandboxSms, SandboxVoice
from callback.channels.twilio import TwilioSms, TwilioVoice
from callback.domain.words import Channel
from callback.errors import Invalid
from callback.settings import Settings

GROUP = "callback.channels"
Factory = Callable[[Settings], SendChannel]

OURS: Mapping[str, Factory] = MappingProxyType(
    {
        "twilio_sms": TwilioSms,
        "twilio_voice": TwilioVoice,
        "smtp": SmtpEmail,
        "gateway": GatewaySms,
        "sandbox_sms": SandboxSms,
        "sandbox_voice": SandboxVoice,
        "sandbox_email": SandboxEmail,
    }
)


def known() -> dict[str, Factory]:
    """Every channel by name: ours, and those that other packages bring along. Ours cannot be replaced unnoticed."""
    found: dict[str, Factory] = {}
    for point in entry_points(group=GROUP):
        if point.name not in OURS:
            found[point.name] = point.load()
    return found | dict(OURS)


def open_channels(settings: Settings) -> Mapping[Channel, SendChannel]:
    """The channels of `CALLBACK_CHANNELS`, one for each way out. Raises `Invalid` naming what is wrong."""
    opened: dict[Channel, SendChannel] = {}
    names = settings.channel_names()
    if not names:
        return MappingProxyType(opened)
    factories = known()
    for name in names:
        if name not in factories:
            raise Invalid("channel_unknown", channel=name, known=", ".join(sorted(factories)))
        channel = factories[name](settings)
        if channel.channel in opened:
            raise Invalid("channel_twice", channel=channel.channel.value, name=name)
        opened[channel.channel] = channel
    return MappingProxyType(opened)
