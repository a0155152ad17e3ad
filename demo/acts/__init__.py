"""One file per act, in the order in which they are played."""

from demo.acts import approval, by_command, by_http, cancelling, other_system, tidying, vetting, waiting

ACTS = (
    ("Before the curtain", tidying.play),
    ("An order by HTTP, with an API key", by_http.play),
    ("An order by Kafka, with the command place_order", by_command.play),
    ("An order of another order system, told as order_placed", other_system.play),
    ("An order that needs approval", approval.play),
    ("An order that is cancelled", cancelling.play),
    ("An EV order, vetted by two of the staff", vetting.play),
    ("Orders that must wait for money", waiting.play),
)
