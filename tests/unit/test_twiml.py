"""The judge of TwiML judges."""

import pytest

from tests.fake_carrier.twiml import faults


def test_good_twiml() -> None:
    assert not faults(
        '<Response><Gather action="https://x/y" input="dtmf speech" numDigits="1" timeout="5" speechTimeout="auto">'
        '<Say language="zh-CN">您好</Say></Gather><Hangup/></Response>'
    )
    assert not faults('<Response><Dial timeout="25" callerId="+1"><Number>+12125550100</Number></Dial></Response>')


@pytest.mark.parametrize(
    "document",
    [
        "<Response><Gather><Hangup/></Gather></Response>",
        "<Response><Speak>hello</Speak></Response>",
        '<Response><Gather numDigit="1"/></Response>',
        "<Response><Say></Say></Response>",
        "<Response><Hangup>now</Hangup></Response>",
        '<Response><Dial timeLimit="99999"><Number>+1</Number></Dial></Response>',
        "<Say>hello</Say>",
        "<Response><Say>hello</Response>",
    ],
)
def test_bad_twiml(document: str) -> None:
    assert faults(document)
