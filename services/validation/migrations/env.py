from services.validation.models import Base
from shared.migrate import run

run(Base.metadata)
