"""`/setup/scripts`: what agents say, version by version, and the editor with its live preview."""

from fastapi import APIRouter

from callback.web.scripts import editor, versions

router = APIRouter(include_in_schema=False)
router.include_router(versions.router)
router.include_router(editor.router)

__all__ = ["router"]
