from services.orders.cli.accounts import open_account, told
from services.orders.cli.demo import USERS, WITH_KEY, DemoSecrets, holder, open_demo

__all__ = ["USERS", "WITH_KEY", "DemoSecrets", "holder", "open_account", "open_demo", "told"]
