"""The same job in the plain way: a Celery task for each message, tried again on any error, acknowledged as by default.

What Celery's own pages recommend (`autoretry_for`, `retry_backoff`), and no ledger.
"""

import os

from celery import Celery  # type: ignore[import-untyped]
from twilio.rest import Client

app = Celery("plain", broker=os.environ["BENCH_REDIS_URL"])
app.conf.broker_transport_options = {"visibility_timeout": 30}
"""Celery's default is an hour: what a killed worker had taken and not begun would only come back after the run."""
app.conf.worker_hijack_root_logger = False
client = Client(os.environ["CALLBACK_TWILIO_ACCOUNT_SID"], os.environ["CALLBACK_TWILIO_AUTH_TOKEN"])
client.api.base_url = os.environ["CALLBACK_TWILIO_API_URL"]
client.http_client.timeout = 3


@app.task(autoretry_for=(Exception,), retry_backoff=True, max_retries=8)  # type: ignore[untyped-decorator]
def send(number: str, text: str, handle: str) -> str:
    """One message."""
    sent = client.messages.create(
        to=number,
        from_=os.environ["CALLBACK_TWILIO_FROM"],
        body=text,
        status_callback=f"https://plain.example/{handle}",
    )
    return str(sent.sid)
