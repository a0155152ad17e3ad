"""python -m tests.chaos.mailer SERVICE: sends one mail after another, and notes each by a line once it is answered."""

import os
import smtplib
from email.message import EmailMessage
from itertools import count


def main() -> None:
    for number in count(1):
        mail = EmailMessage()
        mail["Message-ID"] = f"<{os.environ['PORT']}-{number}@localhost>"
        with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"])) as server:
            server.send_message(mail, "us@localhost", ["them@localhost"])
            print(mail["Message-ID"], flush=True)  # noqa: T201 - who started it reads


if __name__ == "__main__":
    main()
