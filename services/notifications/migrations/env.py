from services.notifications.models import Base
from shared.migrate import run

run(Base.metadata)
