"""Every rule, about one connection or about many: what `synsight explain` and the docs tell."""

from __future__ import annotations

from types import ModuleType

from .. import findings, piles

RULES: tuple[ModuleType, ...] = (*findings.RULES, *piles.RULES)
BY_CODE = {rule.CODE: rule for rule in RULES}
