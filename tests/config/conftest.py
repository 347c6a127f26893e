import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `import embedding`; importlib mode adds no folder


@pytest.fixture(scope="module")
def used_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR that the tests of one file share, below a folder that is closed to all others."""
    parent = tmp_path_factory.mktemp("closed")
    parent.chmod(0o700)
    return parent / "data"
