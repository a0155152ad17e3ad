from services.billing.models import Base
from shared.migrate import run

run(Base.metadata)
