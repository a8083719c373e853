"""Names of operations in the schema: the method and the address, which are unique and stay."""

import re

from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    def get_operation_id(self) -> str:
        words = re.findall(r"\w+", self.path.removeprefix("/api/v1/"))
        return "_".join([self.method.lower(), *words])
