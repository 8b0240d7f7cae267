"""Strings as QuickBooks takes them: cleaned, cut, numbers shortened without collisions."""

import base64
import hashlib
import re
import unicodedata

NUMBER_LENGTH = 21
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")


def cleaned(text: str, limit: int) -> str:
    """Without control characters (line breaks and tabs stay), trimmed, at most `limit` long."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in kept if _allowed(char)).strip()[:limit].strip()


def _allowed(char: str) -> bool:
    return char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")


def name(text: str) -> str:
    """A display name: no colon, tab, line break or emoji, single spaces, at most 100 characters.

    The same name always becomes the same.
    """
    plain = "".join(char for char in cleaned(text, 1000) if _plain(char)).replace(":", " ")
    return " ".join(plain.split())[:100].strip()


def _plain(char: str) -> bool:
    """Within the Basic Multilingual Plane, and no part of an emoji."""
    return char <= "\uffff" and char not in "\u200d\ufe0f"


def email(text: str) -> str:
    """The addresses that QuickBooks takes, separated by commas, at most 100 characters in all."""
    kept = ""
    for address in re.split(r"[,;\s]+", text):
        more = f"{kept}, {address}" if kept else address
        if len(more) <= 100 and address.isascii() and _EMAIL.fullmatch(address):
            kept = more
    return kept


def document_number(number: str) -> str:
    """`number` itself where it fits into 21 characters, else a short form.

    The short form is the beginning and a hash of the whole, so that two numbers that begin
    alike stay two, and the same number always gets the same form.
    """
    if len(number) <= NUMBER_LENGTH and cleaned(number, NUMBER_LENGTH) == number:
        return number
    digest = hashlib.sha256(number.encode("utf-8", "surrogatepass")).digest()
    code = base64.b32encode(digest).decode()[:10]
    return f"{' '.join(cleaned(number, 1000).split())[:10]}-{code}"
