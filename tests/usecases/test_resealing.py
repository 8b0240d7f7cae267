"""Everything secret is encrypted anew, so that an older key can be taken away."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from kable_hub.cli import main
from kable_hub.store import moves, sealed
from kable_hub.store import tables as t
from kable_hub.store.copying import Copied
from kable_hub.store.credentials import load_credentials
from kable_hub.store.vault import Vault, VaultError, key_file
from kable_hub.usecases import endpoints
from kable_hub.usecases.collecting import collect_payment_method
from kable_hub.usecases.resealing import reencrypt
from tests.usecases.house import House

NEW = Fernet.generate_key().decode()


@pytest.fixture
def full(home: House) -> House:
    """A store with something in every column that is encrypted."""
    home.connect("acme")
    home.customer("c1", "acme")
    made = endpoints.add_endpoint(home.hub, home.scope, "https://shop.example/hooks")
    endpoints.rotate_secret(home.hub, home.scope, made.endpoint.id)
    back = "https://shop.example/back"
    collect_payment_method(home.hub, home.scope, "c1", back, back)
    home.begin("beta")
    return home


def old_key(home: House) -> str:
    return key_file(home.hub.settings.data_dir / "encryption.key")


def tokens(home: House) -> dict[str, list[str]]:
    """Whatever looks encrypted, in whatever column of whatever table."""
    found = {}
    for name in moves.names():
        for rows in Copied(name).portions(home.hub.database):
            for row in rows:
                texts = [one for one in row if str(one).startswith("gAAAA")]
                if texts:
                    found.setdefault(name, []).extend(texts)
    return found


def test_nothing_in_the_store_needs_the_old_key_any_more(full: House):
    before = tokens(full)
    assert sum(map(len, before.values())) == len(sealed.SEALED)
    full.hub.vault = Vault([NEW, old_key(full)])
    found = reencrypt(full.hub)
    assert [(one.anew, one.kept, one.lost) for one in found] == [(1, 0, [])] * len(found)
    alone = Vault([NEW])
    for texts in tokens(full).values():
        assert all(alone.is_newest(one) for one in texts)
    again = reencrypt(full.hub)
    assert [(one.anew, one.kept) for one in again] == [(0, 1)] * len(again)
    with full.hub.database.read():
        row = full.connection("acme")
        kept = load_credentials(full.hub.database, alone, full.scope, row.id)
    assert kept is not None
    assert kept.credentials.secrets["token"] == "token-1"


def test_a_row_that_is_written_meanwhile_stays_as_it_was_written(full: House):
    vault = Vault([NEW, old_key(full)])
    fresh = vault.seal(full.connection("acme").id, {"token": "token-2"})

    class Slow(Vault):
        """A refresh comes in between reading a row and writing it."""

        def rotate(self, owner: str, ciphertext: str) -> str:
            with full.hub.database.write():
                t.Credential.update(ciphertext=fresh).execute()
            return super().rotate(owner, ciphertext)

    full.hub.vault = Slow([NEW, old_key(full)])
    found = {(one.table, one.column): one for one in reencrypt(full.hub)}
    assert found["credential", "ciphertext"].anew == 0
    with full.hub.database.read():
        assert t.Credential.get().ciphertext == fresh


def test_what_no_key_opens_is_named_and_the_rest_is_done(full: House, monkeypatch):
    connection = full.connection("acme").id
    with full.hub.database.write():
        t.Credential.update(ciphertext=Vault([NEW]).seal("con_other", {})).execute()
    settings = full.hub.settings
    other = Fernet.generate_key().decode()
    monkeypatch.setenv("KABLE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KABLE_ENCRYPTION_KEYS", f"{other},{old_key(full)}")
    done = CliRunner().invoke(main, ["re-encrypt"], prog_name="kable-hub")
    assert done.exit_code == 1
    assert f"No key opens credential.ciphertext of {connection}." in done.stderr
    assert "hosted_page.url" in done.stdout
    with full.hub.database.write():
        full.hub.database.sql("DELETE FROM credential")
    done = CliRunner().invoke(main, ["re-encrypt", "--json"], prog_name="kable-hub")
    assert done.exit_code == 0, done.output
    with pytest.raises(VaultError):
        Vault([old_key(full)]).open("x", tokens(full)["hosted_page"][0])


def test_of_processes_that_begin_at_once_one_makes_the_key(tmp_path):
    file = tmp_path / "new" / "encryption.key"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: key_file(file), range(8)))
    assert keys == {file.read_text()}
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_half_made_is_made_anew(tmp_path):
    (tmp_path / "encryption.key.new").write_text("half a k")
    assert Vault([key_file(tmp_path / "encryption.key")])
