"""Proves how secrets are read, refused and hidden, against the digest vectors of RFC 2617 and RFC 7616; and that phones
are made with a password of their own, in a file of mode 0600, without overwriting anything.

Does not prove digest authentication itself; that is tests/sip.
"""

import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from softswitch.clock import entropy
from softswitch.config.loader import LoadedConfig, load
from softswitch.config.problem import ConfigError
from softswitch.config.secret import Secret, ha1
from softswitch.config.users import NewUser, add_user, make_missing_secrets, password


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "softswitch.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> None:
    (folder / "pw").write_bytes(content)
    (folder / "pw").chmod(mode)


def phone(folder: Path, auth: str) -> LoadedConfig:
    return load(write(folder, f'[sip]\nrealm = "r"\n[endpoint.1]\nauth = {auth}\n'))


def refused(folder: Path, auth: str) -> str:
    with pytest.raises(ConfigError) as caught:
        phone(folder, auth)
    (problem,) = caught.value.problems
    assert problem.line == 4
    return f"{problem.key}: {problem.message}"


def test_hashes_agree_with_the_rfcs() -> None:
    # RFC 2617 section 3.5: response = MD5(HA1:nonce:nc:cnonce:qop:HA2)
    import hashlib

    md5 = ha1("md5", "Mufasa", "testrealm@host.com", "Circle Of Life")
    ha2 = hashlib.md5(b"GET:/dir/index.html").hexdigest()
    response = f"{md5}:dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:0a4f113b:auth:{ha2}"
    assert hashlib.md5(response.encode()).hexdigest() == "6629fae49393a05397450978507c4ef1"
    # RFC 7616 section 3.9.1
    sha = ha1("sha256", "Mufasa", "http-auth@example.org", "Circle of Life")
    ha2 = hashlib.sha256(b"GET:/dir/index.html").hexdigest()
    nonce, cnonce = (
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    response = f"{sha}:{nonce}:00000001:{cnonce}:auth:{ha2}"
    assert (
        hashlib.sha256(response.encode()).hexdigest()
        == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    )


def test_a_secret_file_is_read_to_its_first_line(tmp_path: Path) -> None:
    secret_file(tmp_path, "pä ss \r\nsecond line\n".encode())
    result = phone(tmp_path, '{ user = "u", secret_file = "pw" }')
    assert result.secrets == {("endpoint", "1"): Secret.from_password("u", "r", "pä ss ")}
    assert result.warnings == ()


def test_the_file_is_relative_to_the_one_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.toml").write_text('[endpoint.2]\nauth = { secret_file = "../pw" }\n')
    secret_file(tmp_path, b"pass\n")
    assert ("endpoint", "2") in load(write(tmp_path, "")).secrets


def test_hashes_alone_give_no_password(tmp_path: Path) -> None:
    result = phone(tmp_path, f'{{ ha1_md5 = "{"AB" * 16}" }}')
    secret = result.secrets["endpoint", "1"]
    assert (secret.user, secret.ha1_md5, secret.ha1_sha256, secret.password) == ("1", "ab" * 16, "", None)


def test_nothing_shows_a_secret(tmp_path: Path) -> None:
    secret = Secret.from_password("u", "r", "hunter2")
    shown = repr(secret) + str(secret) + repr(phone(tmp_path, '{ secret = "hunter2" }').secrets)
    assert "hunter2" not in shown
    assert secret.ha1_md5 not in shown
    assert secret.ha1_sha256 not in shown


def test_a_missing_file_is_a_warning_and_that_phone_has_no_secret(tmp_path: Path) -> None:
    result = phone(tmp_path, '{ secret_file = "pw" }')
    assert result.secrets == {}
    (warning,) = result.warnings
    assert "does not exist" in warning.message
    assert "softswitch user secrets" in warning.message


def test_what_others_can_read_is_a_warning(tmp_path: Path) -> None:
    secret_file(tmp_path, b"pass\n", 0o644)
    (warning,) = phone(tmp_path, '{ secret_file = "pw" }').warnings
    assert "chmod 600" in warning.message
    file = write(tmp_path, '[endpoint.1]\nauth = { secret = "pass" }\n', 0o644)
    (warning,) = load(file).warnings
    assert (warning.key, warning.line) == ("endpoint.1.auth.secret", 2)


def test_the_user_name_as_password_is_a_warning(tmp_path: Path) -> None:
    (warning,) = phone(tmp_path, '{ secret = "1" }').warnings
    assert "the first that is guessed" in warning.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has an empty first line"),
        (b"\npass\n", "has an empty first line"),
        (b"x" * 2000, "is too long"),
        (b"\xff\n", "is not UTF-8"),
    ],
)
def test_unusable_content_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    secret_file(tmp_path, content)
    assert said in refused(tmp_path, '{ secret_file = "pw" }')


def test_a_folder_for_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").mkdir()
    assert "cannot be read: Is a directory" in refused(tmp_path, '{ secret_file = "pw" }')


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ("{}", "has no secret"),
        ('{ user = "u" }', "has no secret"),
        ('{ secret = "a", secret_file = "b" }', "has more than one secret"),
        (f'{{ secret = "a", ha1_md5 = "{"0" * 32}" }}', "has more than one secret"),
        ('{ ha1_md5 = "123" }', "ha1_md5: is no such hash"),
        (f'{{ ha1_sha256 = "{"g" * 64}" }}', "ha1_sha256: is no such hash"),
    ],
)
def test_wrong_auth_is_refused(tmp_path: Path, auth: str, said: str) -> None:
    assert said in refused(tmp_path, auth)


def test_passwords_are_long_typable_and_even() -> None:
    made = [password(entropy) for _ in range(300)]
    assert len(set(made)) == 300
    assert {len(word) for word in made} == {20}
    counts = Counter("".join(made))
    assert not set("0O1lIo") & set(counts)
    assert len(counts) == 56
    assert min(counts.values()) > 50  # 107 on average: 5.5 standard deviations


def test_bytes_that_would_favour_some_letters_are_drawn_again() -> None:
    draws = iter([b"\xff" * 20, bytes(range(20))])
    assert password(lambda size: next(draws)) == "abcdefghijkmnpqrstuv"


def test_user_add_writes_secret_and_fragment_once(tmp_path: Path) -> None:
    file = write(tmp_path, "")
    old_mask = os.umask(0)
    try:
        made = add_user(file, NewUser(name="10.1", display_name="\u0007Jo", agent=True), entropy)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(made.secret_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.secret_file.parent.stat().st_mode) == 0o700
    assert made.password not in repr(made)
    result = load(file)
    assert result.secrets["endpoint", "10.1"].password == made.password
    assert result.config.endpoint["10.1"].display_name == "\u0007Jo"
    assert result.config.agent["10.1"].endpoint == "10.1"
    with pytest.raises(ConfigError, match="is defined already"):
        add_user(file, NewUser(name="10.1"), entropy)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", "a b", "x" * 33, "a\n"])
def test_user_add_refuses_names_that_are_none(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, "")
    with pytest.raises(ConfigError, match="is no name for a phone"):
        add_user(file, NewUser(name=name), entropy)
    assert sorted(tmp_path.iterdir()) == [file]


def test_user_add_never_overwrites_a_secret(tmp_path: Path) -> None:
    file = write(tmp_path, "")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/1").write_text("old\n")
    with pytest.raises(FileExistsError):
        add_user(file, NewUser(name="1"), entropy)
    assert (tmp_path / "secrets/1").read_text() == "old\n"
    assert not (tmp_path / "conf.d").exists()


def test_missing_secrets_are_made_and_present_ones_kept(tmp_path: Path) -> None:
    secret_file(tmp_path, b"old\n")
    text = "".join(
        f'[endpoint.{name}]\nauth = {{ secret_file = "{path}" }}\n'
        for name, path in (("1", "pw"), ("2", "s/2"))
    )
    file = write(tmp_path, text)
    (made,) = make_missing_secrets(load(file), entropy)
    assert made.name == "2"
    result = load(file)
    assert result.secrets["endpoint", "1"].password == "old"
    assert result.secrets["endpoint", "2"].password == made.password
    assert make_missing_secrets(result, entropy) == []
