from fastapi import APIRouter

from services.notifications.pages import messages, preferences

router = APIRouter()
router.include_router(messages.router)
router.include_router(preferences.router)
