from tests.as_engine import install


def pytest_configure() -> None:
    install()
