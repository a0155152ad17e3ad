from services.orders.cli.accounts import open_account, told
from services.orders.cli.demo import USERS, DemoSecrets, open_demo

__all__ = ["USERS", "DemoSecrets", "open_account", "open_demo", "told"]
