"""Where the simulator listens and where it keeps its ledger."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    host: str
    port: int
    smtp_port: int
    ledger_path: Path
    base_url: str = ""


def read_settings() -> Settings:
    data_dir = Path(os.environ.get("DATA_DIR") or ".data")
    port = int(os.environ.get("SIMULATOR_PORT") or 8010)
    return Settings(
        host=os.environ.get("SIMULATOR_HOST") or "127.0.0.1",
        port=port,
        smtp_port=int(os.environ.get("SIMULATOR_SMTP_PORT") or 8025),
        ledger_path=data_dir / "simulator.sqlite3",
        base_url=os.environ.get("SIMULATOR_BASE_URL") or f"http://127.0.0.1:{port}",
    )
