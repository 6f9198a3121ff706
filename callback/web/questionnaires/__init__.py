"""`/setup/questionnaires`: versions, the editor with what each channel makes of it, XLSForm in and out."""

from fastapi import APIRouter

from callback.web.questionnaires import editor, versions

router = APIRouter(include_in_schema=False)
router.include_router(versions.router)
router.include_router(editor.router)

__all__ = ["router"]
